"""Image files as few programs write them: they come out as viewers show them, or are refused by code."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from omnipipe.page import PageError, ProblemError
from omnipipe.reading.process import ReaderProcess
from tests.reading.test_reading_image import COLOUR, GREY, SIZE, assert_is_page, drawn, page, save, tiff_of_strip


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess() as reader:
        yield reader


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "I;16"])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_an_uncompressed_tiff_on_its_side_is_right(
    reader: ReaderProcess, tmp_path: Path, mode: str, orientation: int
) -> None:
    """Before, its rows were cut at another width, and the page was noise."""
    undo = (
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_270,
    )
    stored = page().transpose(undo[orientation - 5])
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(stored.convert("L")).astype(np.uint16) * 257)
    path = save(tmp_path / "page.tif", stored.convert(mode), tiffinfo={274: orientation})

    assert_is_page(drawn(reader, path))


def test_a_bitmap_without_any_opacity_is_opaque(reader: ReaderProcess, tmp_path: Path) -> None:
    """Before, nothing of it was to be seen, and the page blank."""
    bgra = np.dstack([np.asarray(page())[::-1, :, ::-1], np.zeros(SIZE[::-1], np.uint8)]).tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 124, *SIZE, 1, 32, 3, len(bgra), 2835, 2835, 0, 0) + masks.ljust(84, b"\0")
    path = tmp_path / "page.bmp"
    path.write_bytes(b"BM" + struct.pack("<IHHI", 138 + len(bgra), 0, 0, 138) + info + bgra)

    assert_is_page(drawn(reader, str(path)))


def test_a_shade_of_16_bits_that_is_transparent_is_white(reader: ReaderProcess, tmp_path: Path) -> None:
    grey = np.maximum(np.asarray(page().convert("L")), 1).astype(np.uint16) * 257
    grey[grey == 65535] = 7
    path = save(tmp_path / "page.png", Image.fromarray(grey), transparency=7)

    assert_is_page(drawn(reader, path))


@pytest.mark.parametrize(
    ("kind", "black", "white"),
    [
        ("int8", -128, 127),
        ("int8", 0, 127),
        ("int16", -32768, 32767),
        ("int16", 0, 32767),
        ("int16", -1000, 3000),
        ("int32", -(2**31), 2**31 - 1),
        ("uint32", 0, 2**32 - 1),
        ("float32", 0.0, np.nan),
        ("float32", -1.0, 1.0),
        ("float32", 0.0, np.inf),
    ],
)
def test_grey_of_any_kind_of_number_in_a_tiff_is_right(
    reader: ReaderProcess, tmp_path: Path, kind: str, black: float, white: float
) -> None:
    """Before, numbers below 0 were black or wrapped around, and one that is none made all of it black."""
    is_dark = np.asarray(page().convert("L")) < 128
    values = np.where(is_dark, black, white).astype(kind)
    sample_format = {"u": 1, "i": 2, "f": 3}[kind[0]]
    path = tmp_path / "page.tif"
    path.write_bytes(
        tiff_of_strip(values.tobytes(), bits=8 * values.itemsize, photometric=1, sample_format=sample_format)
    )

    assert_is_page(drawn(reader, str(path)))


def test_a_tiff_whose_colours_have_8_bits_is_not_black(reader: ReaderProcess, tmp_path: Path) -> None:
    """Before, the page was blank."""
    palette = page().quantize(8)
    path = save(tmp_path / "page.tif", palette)
    with Image.open(path) as stored:
        colours = stored.tag_v2[320]  # type: ignore[attr-defined]
    wide, narrow = (struct.pack("<768H", *(colour // by for colour in colours)) for by in (1, 256))
    content = Path(path).read_bytes()
    assert content.count(wide) == 1
    Path(path).write_bytes(content.replace(wide, narrow))

    assert_is_page(drawn(reader, path))


def test_smaller_copies_and_masks_in_a_tiff_are_no_pages(reader: ReaderProcess, tmp_path: Path) -> None:
    """Scanners add thumbnails, and archives pyramids: the text of a page came once for each."""
    small, mask = page().resize((60, 40)), page().convert("1")
    kinds = [(page(), 0), (small, 1), (page().resize((30, 20)), 1), (mask, 4), (page(), 2), (small, 0), (page(), 1)]
    frames = []
    for image, kind in kinds:
        frames.append(image.copy())
        frames[-1].encoderinfo = {"tiffinfo": {254: kind}}
    path = save(tmp_path / "pages.tif", frames[0], save_all=True, append_images=frames[1:], tiffinfo={254: 0})

    assert reader.inspect(path).page_count == 4
    for index in (3, 1, 0):
        assert_is_page(drawn(reader, path, index=index))
    assert drawn(reader, path, index=2).size == (60, 40)


@pytest.mark.parametrize("channels", ["RGB", "RGBA"])
def test_colours_of_16_bits_in_jpeg_2000_are_right(reader: ReaderProcess, tmp_path: Path, channels: str) -> None:
    """Before, white paper was black."""
    order = [2, 1, 0, 3][: len(channels)]
    stored = np.asarray(page().convert(channels))[:, :, order].astype(np.uint16) * 257
    path = tmp_path / "page.jp2"
    assert cv2.imwrite(str(path), stored)

    assert_is_page(drawn(reader, str(path)))
    assert drawn(reader, str(path), COLOUR).getpixel((60, 75)) == (255, 0, 0)

    path.write_bytes(path.read_bytes()[:300])
    (found,) = reader.render_pages(str(path), [0], COLOUR)
    assert isinstance(found, PageError)
    assert found.code == "corrupt"


def test_a_tiff_of_an_unknown_kind_is_unsupported_and_not_damaged(reader: ReaderProcess, tmp_path: Path) -> None:
    path = tmp_path / "page.tif"
    path.write_bytes(tiff_of_strip(bytes(SIZE[0] * SIZE[1] * 8), bits=64, photometric=1))

    with pytest.raises(ProblemError, match="compression or a kind of pixels that is not read") as raised:
        reader.inspect(str(path))

    assert raised.value.error.code == "unsupported"


def test_a_compression_that_libtiff_lacks_is_unsupported_and_not_damaged(reader: ReaderProcess, tmp_path: Path) -> None:
    picture = BytesIO()
    page().convert("RGB").save(picture, "WEBP")
    path = tmp_path / "page.tif"
    path.write_bytes(tiff_of_strip(picture.getvalue(), bits=8, channels=3, photometric=2, compression=50001))
    try:
        Image.open(path).load()
    except OSError:
        pass
    else:
        pytest.skip("the libtiff of this Pillow reads WebP")

    (found,) = reader.render_pages(str(path), [0], GREY)

    assert isinstance(found, PageError)
    assert found.code == "unsupported"
    assert "the compression webp" in found.message


@pytest.mark.parametrize("compression", ["zstd", "lzma", "tiff_deflate"])
def test_a_cut_off_tiff_is_damaged_whatever_its_compression(
    reader: ReaderProcess, tmp_path: Path, compression: str
) -> None:
    path = tmp_path / "page.tif"
    page().convert("RGB").save(path, compression=compression)
    whole = path.read_bytes()
    path.write_bytes(whole[:8] + bytes(40) + whole[48:])

    (found,) = reader.render_pages(str(path), [0], GREY)

    assert isinstance(found, PageError)
    assert found.code == "corrupt"


_LAB = {
    (100, 0, 0): (255, 255, 255),
    (0, 0, 0): (0, 0, 0),
    (54, 0, 0): (129, 129, 129),
    (54, 81, 70): (255, 0, 0),
    (88, -79, 81): (0, 255, 0),
}
"""CIELab under D50, and sRGB."""


def test_the_colours_of_lab_are_those_of_the_picture(reader: ReaderProcess, tmp_path: Path) -> None:
    """Before, a page in colour was grey."""
    width, height = SIZE
    row = [colour for colour in _LAB for _ in range(width // len(_LAB))]
    row += [(100, 0, 0)] * (width - len(row))
    packed = b"".join(struct.pack("Bbb", round(light * 2.55), a, b) for light, a, b in row)
    path = tmp_path / "page.tif"
    path.write_bytes(tiff_of_strip(packed * height, bits=8, channels=3, photometric=8))

    picture = drawn(reader, str(path), COLOUR)

    for at, colour in enumerate(_LAB.values()):
        seen = picture.getpixel(((2 * at + 1) * (width // len(_LAB)) // 2, height // 2))
        assert isinstance(seen, tuple)
        assert max(abs(a - b) for a, b in zip(seen, colour, strict=True)) <= 16, (seen, colour)


_LOW_DEPTHS = {
    1: bytes.fromhex(
        "ff4fff510029000000000010000000100000000000000000000000100000001000000000000000000001000101ff52000c00"
        "000001000004040001ff5c00044008ff640025000143726561746564206279204f70656e4a5045472076657273696f6e2032"
        "2e352e34ff90000a0000000000180001ff93d500115053190aaeae7fffd9"
    ),
    4: bytes.fromhex(
        "ff4fff510029000000000010000000100000000000000000000000100000001000000000000000000001030101ff52000c00"
        "000001000004040001ff5c00044020ff640025000143726561746564206279204f70656e4a5045472076657273696f6e2032"
        "2e352e34ff90000a0000000000420001ff93df2310115053190aaeae7a0abea5f61f8000000309097e1f1800000000c23587"
        "d8fd14e11f729a23ee53447dca688fb94d11ff7fffd9"
    ),
}
"""JPEG 2000 of 1 and 4 bits, 16 by 16: the left half black, the right half white."""


@pytest.mark.parametrize("bits", [1, 4])
def test_white_of_few_bits_in_jpeg_2000_is_white(reader: ReaderProcess, tmp_path: Path, bits: int) -> None:
    """Before, it was grey: 128 of 255 for one bit."""
    path = tmp_path / "page.jp2"
    path.write_bytes(_LOW_DEPTHS[bits])

    picture = drawn(reader, str(path))

    assert picture.convert("L").getpixel((2, 8)) == 0
    assert picture.convert("L").getpixel((13, 8)) == 255


def test_a_big_endian_bigtiff_is_no_damaged_one(reader: ReaderProcess, tmp_path: Path) -> None:
    path = tmp_path / "page.tif"
    path.write_bytes(struct.pack(">2sHHHQQ", b"MM", 43, 8, 0, 16, 0))

    with pytest.raises(ProblemError, match="big-endian") as caught:
        reader.inspect(str(path))

    assert caught.value.error.code == "unsupported"
