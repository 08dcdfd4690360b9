"""Image files of every kind come out upright, on white, in 8 bits; bombs and broken ones are refused by code."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from omnipipe.page import PageError, Pixels, ProblemError
from omnipipe.reading.facts import PageFacts, ReadOptions, RenderPolicy
from omnipipe.reading.process import ReaderProcess

SIZE = (120, 80)
GREY = RenderPolicy(mode="L")
COLOUR = RenderPolicy(mode="RGB")


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess() as reader:
        yield reader


def page() -> Image.Image:
    """White paper with a black corner at the top left and a red bar at the bottom."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 29, 19), fill="black")
    draw.rectangle((0, 70, 119, 79), fill="red")
    return image


def save(path: Path, image: Image.Image, **options: object) -> str:
    image.save(path, **options)  # type: ignore[arg-type]
    return str(path)


def drawn(reader: ReaderProcess, path: str, policy: RenderPolicy = GREY, index: int = 0) -> Image.Image:
    (found,) = reader.render_pages(path, [index], policy)
    assert isinstance(found, Pixels), found
    return Image.frombytes(found.mode, (found.width, found.height), found.data)


def assert_is_page(image: Image.Image) -> None:
    """The corner is black, the bar dark or red, the middle white."""
    assert image.size == SIZE
    grey = image.convert("L")
    corner, bar, middle = (grey.getpixel(at) for at in ((10, 10), (60, 75), (60, 45)))
    assert isinstance(corner, int)
    assert corner < 40
    assert isinstance(bar, int)
    assert bar < 150
    assert isinstance(middle, int)
    assert middle > 215


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_orientation_is_applied_once(reader: ReaderProcess, tmp_path: Path, orientation: int, suffix: str) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = page() if orientation == 1 else page().transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"page.{suffix}", stored, exif=exif)

    (facts,) = reader.read_pages(path, [0], ReadOptions())
    picture = drawn(reader, path)

    assert_is_page(picture)
    assert isinstance(facts, PageFacts)
    assert facts.rotation == {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation, 0)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "I;16"])
@pytest.mark.parametrize("policy", [GREY, COLOUR], ids=["grey", "colour"])
def test_every_mode_comes_out_right(reader: ReaderProcess, tmp_path: Path, mode: str, policy: RenderPolicy) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.asarray(page().convert("L")).astype(np.uint16) * 257)
    elif mode == "PA":
        image = page().convert("P").convert("PA").convert("RGBA")
    elif mode == "1":
        image = page().convert("L").point(lambda level: 255 if level > 128 else 0).convert("1")
    else:
        image = page().convert(mode)
    suffix = "jpg" if mode == "CMYK" else "png"
    path = save(tmp_path / f"page.{suffix}", image)

    picture = drawn(reader, path, policy)

    assert_is_page(picture)
    assert picture.mode == policy.mode


@pytest.mark.parametrize("mode", ["1", "L", "I;16"])
@pytest.mark.parametrize("is_white_zero", [False, True])
def test_tiff_grey_is_right_whichever_end_is_white(
    reader: ReaderProcess, tmp_path: Path, mode: str, is_white_zero: bool
) -> None:
    grey = np.asarray(page().convert("L").point(lambda level: 255 if level > 128 else 0))
    stored = 255 - grey if is_white_zero else grey
    bits, strip = {
        "1": (1, np.packbits(stored > 0, axis=1).tobytes()),
        "L": (8, stored.astype(np.uint8).tobytes()),
        "I;16": (16, (stored.astype("<u2") * 257).tobytes()),
    }[mode]
    path = tmp_path / "grey.tif"
    path.write_bytes(tiff_of_strip(strip, bits=bits, photometric=0 if is_white_zero else 1))

    assert_is_page(drawn(reader, str(path)))


def tiff_of_strip(
    strip: bytes, *, bits: int, photometric: int, sample_format: int = 1, channels: int = 1, compression: int = 1
) -> bytes:
    tags = [
        (256, SIZE[0]),
        (257, SIZE[1]),
        (258, bits),
        (259, compression),
        (262, photometric),
        (273, 8),
        (277, channels),
        (278, SIZE[1]),
        (279, len(strip)),
        (339, sample_format),
    ]
    # Where a tag has a value for each channel, those values follow behind the tags.
    behind = 8 + len(strip) + 2 + 12 * len(tags) + 4
    entries = b""
    for tag, value in tags:
        many = tag == 258 and channels > 1
        entries += struct.pack("<HHII", tag, 3, channels, behind) if many else struct.pack("<HHII", tag, 4, 1, value)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(strip))
    return head + strip + struct.pack("<H", len(tags)) + entries + bytes(4) + struct.pack("<H", bits) * channels


def test_what_is_transparent_is_white(reader: ReaderProcess, tmp_path: Path) -> None:
    image = page().convert("RGBA")
    clear = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    clear.paste(image, mask=page().convert("L").point(lambda level: 0 if level > 250 else 255))
    palette = page().quantize(8)
    paths = [
        save(tmp_path / "clear.png", clear),
        save(tmp_path / "clear.webp", clear, lossless=True),
        save(tmp_path / "key.png", palette, transparency=palette.getpixel((60, 45))),
        save(tmp_path / "key.gif", palette, transparency=palette.getpixel((60, 45))),
    ]

    for path in paths:
        assert_is_page(drawn(reader, path))
        assert_is_page(drawn(reader, path, COLOUR))


def test_light_writing_on_nothing_is_seen(reader: ReaderProcess, tmp_path: Path) -> None:
    """Before, it was white on white, and the page blank."""
    clear = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    clear.paste((255, 255, 255, 255), (20, 20, 40, 30))
    margins = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    margins.paste((255, 255, 255, 255), (5, 5, SIZE[0] - 5, SIZE[1] - 5))

    written = drawn(reader, save(tmp_path / "written.png", clear))
    blank = drawn(reader, save(tmp_path / "blank.png", margins))

    assert written.getpixel((30, 25)) == 255
    assert written.getpixel((60, 60)) == 0
    assert blank.getextrema() == (255, 255)


def test_eight_bits_in_32_are_not_black(reader: ReaderProcess, tmp_path: Path) -> None:
    grey = np.asarray(page().convert("L")).astype(np.int32)

    assert_is_page(drawn(reader, save(tmp_path / "deep.tif", Image.fromarray(grey))))


@pytest.mark.parametrize("suffix", ["tiff", "gif", "webp"])
def test_every_frame_is_a_page_in_any_order(reader: ReaderProcess, tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("L", (40, 30), level) for level in (0, 120, 250)]
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"frames.{suffix}", frames[0], save_all=True, append_images=frames[1:], **options)

    count = reader.inspect(path).page_count
    levels = [drawn(reader, path, index=i).getpixel((20, 15)) for i in (2, 0, 1)]

    assert count == 3
    assert levels == pytest.approx([250, 0, 120], abs=3)


def test_formats_are_told_by_content_and_not_by_name(reader: ReaderProcess, tmp_path: Path) -> None:
    found = {}
    for format in ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000"):
        path = tmp_path / f"{format}.pdf"
        page().save(path, format)
        found[format] = (reader.inspect(str(path)).format, drawn(reader, str(path)).size)

    names = ("png", "jpeg", "tiff", "webp", "bmp", "gif", "jp2")
    assert list(found.values()) == [(name, SIZE) for name in names]


def test_white_paper_is_blank_and_a_printed_page_is_not(reader: ReaderProcess, tmp_path: Path) -> None:
    blank = save(tmp_path / "blank.png", Image.new("L", (1200, 1600), 250))
    printed = Image.new("L", (1200, 1600), 250)
    ImageDraw.Draw(printed).text((100, 100), "one word", fill=0, font_size=40)
    word = save(tmp_path / "word.jpg", printed)

    (nothing,) = reader.read_pages(blank, [0], ReadOptions())
    (something,) = reader.read_pages(word, [0], ReadOptions())

    assert isinstance(nothing, PageFacts)
    assert (nothing.is_blank, nothing.needs_ocr) == (True, False)
    assert isinstance(something, PageFacts)
    assert (something.is_blank, something.needs_ocr) == (False, True)


def test_large_images_are_scaled_to_the_policy(reader: ReaderProcess, tmp_path: Path) -> None:
    path = save(tmp_path / "large.jpg", page().resize((3000, 2000)))

    by_side = drawn(reader, path, RenderPolicy(longest_side=600, mode="L"))
    by_pixels = drawn(reader, path, RenderPolicy(max_pixels=15_000, mode="L"))

    assert by_side.size == (600, 400)
    assert by_pixels.size == (150, 100)


@pytest.mark.parametrize("format", ["jpeg", "png"])
def test_pictures_can_be_compressed(reader: ReaderProcess, tmp_path: Path, format: str) -> None:
    path = save(tmp_path / "page.png", page())

    (found,) = reader.render_pages(path, [0], RenderPolicy(format=format, mode="RGB"))  # type: ignore[arg-type]

    assert isinstance(found, Pixels)
    image = Image.open(io.BytesIO(found.data))
    assert image.format == format.upper()
    assert_is_page(image)


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def webp_that_claims(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size
    return b"RIFF" + struct.pack("<I", len(body)) + body + bytes(64)


@pytest.mark.parametrize("content", [png_that_claims(100_000, 100_000), webp_that_claims(16_000, 16_000)])
def test_a_bomb_is_refused_before_it_is_decoded(reader: ReaderProcess, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(content)

    with pytest.raises(ProblemError) as caught:
        reader.inspect(str(path))

    assert caught.value.error.code == "too_large"


def test_the_pixel_limit_is_a_setting(reader: ReaderProcess, tmp_path: Path) -> None:
    path = save(tmp_path / "page.png", page())

    (read,) = reader.read_pages(path, [0], ReadOptions(max_image_pixels=9_599))
    (made,) = reader.render_pages(path, [0], RenderPolicy(max_image_pixels=9_599))

    assert isinstance(read, PageError)
    assert isinstance(made, PageError)
    assert (read.code, made.code) == ("too_large", "too_large")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "webp", "bmp", "gif", "jp2"])
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_a_file_that_is_cut_off_is_an_error_and_never_a_crash(
    reader: ReaderProcess, tmp_path: Path, suffix: str, share: float
) -> None:
    noise = Image.fromarray(np.random.default_rng(7).integers(0, 255, (200, 300, 3), np.uint8))
    path = tmp_path / f"cut.{suffix}"
    noise.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])

    try:
        (found,) = reader.render_pages(str(path), [0], GREY)
        code = found.code if isinstance(found, PageError) else "drawn"
    except ProblemError as problem:
        code = problem.error.code

    assert code in {"corrupt", "unsupported"}


def three_frames(tmp_path: Path) -> tuple[Path, list[int]]:
    """A TIFF of three pages, and where the list of fields of each is."""
    path = tmp_path / "three.tiff"
    page().save(path, save_all=True, append_images=[page(), page()], compression="tiff_deflate")
    content = path.read_bytes()
    places = [struct.unpack_from("<I", content, 4)[0]]
    while len(places) < 3:
        (num_fields,) = struct.unpack_from("<H", content, places[-1])
        places.append(struct.unpack_from("<I", content, places[-1] + 2 + 12 * num_fields)[0])
    return path, places


@pytest.mark.parametrize("broken", [1, 2])
def test_a_frame_without_its_header_costs_no_other_page(reader: ReaderProcess, tmp_path: Path, broken: int) -> None:
    path, places = three_frames(tmp_path)
    content = bytearray(path.read_bytes())
    # The width becomes a field that nobody knows.
    struct.pack_into("<H", content, places[broken] + 2, 60_000)
    path.write_bytes(content)

    facts = reader.inspect(str(path))
    found = list(reader.read_pages(str(path), range(3), ReadOptions()))

    assert facts.page_count == 3
    assert facts.metadata["damage"] == "the list of its pages is damaged"
    assert [isinstance(page, PageFacts) for page in found] == [index != broken for index in range(3)]
    error = found[broken]
    assert isinstance(error, PageError)
    assert error.code == "corrupt"
    assert f"page {broken + 1} is damaged" in error.message
    assert_is_page(drawn(reader, str(path), index=3 - broken))


def test_of_a_tiff_that_is_cut_off_the_pages_before_are_read(reader: ReaderProcess, tmp_path: Path) -> None:
    path, places = three_frames(tmp_path)
    path.write_bytes(path.read_bytes()[: places[2] + 20])

    facts = reader.inspect(str(path))
    found = list(reader.read_pages(str(path), range(facts.page_count or 0), ReadOptions()))

    assert [isinstance(page, PageFacts) for page in found] == [True, True, False]


def test_what_is_said_of_damage_behind_the_pixels_is_no_exception(reader: ReaderProcess, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    page().save(path)
    content = path.read_bytes()
    start = content.index(b"IDAT") + 12
    path.write_bytes(content[:start] + bytes(20) + content[start + 20 :])

    (found,) = reader.read_pages(str(path), [0], ReadOptions())

    assert isinstance(found, PageError)
    assert found.code == "corrupt"
    assert found.message.startswith("page.png page 1 is damaged or cut off: ")
    assert "Error" not in found.message
