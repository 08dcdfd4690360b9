"""OCR of one picture: what is read, from what kinds of pictures, which way up."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import omnipipe.tasks.ocr_extraction as engines
from omnipipe.config import result_settings
from omnipipe.tasks.ocr_extraction import Picture, RapidOCR, RapidOCRConfig
from tests.pdfs import image_of_lines

LINES = ["Invoice number 4711", "The quick brown fox", "jumps over lazy dogs", "Total: 99.50 EUR"]


@pytest.fixture(scope="module")
def reader() -> RapidOCR:
    return RapidOCR()


def _picture(angle: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(image_of_lines(LINES, size=(560, 360), angle=angle)))


def test_a_picture_is_read_line_by_line(reader: RapidOCR) -> None:
    result = reader.extract(_picture())

    assert [line.text for line in result.lines] == LINES
    assert result.word_count == 14
    assert result.content_length == len(result.content)
    assert result.confidence is not None
    assert 0.9 < result.confidence <= 1


@pytest.mark.parametrize(("counter_clockwise", "applied"), [(0, 0), (90, 90), (180, 180), (270, 270)])
def test_a_turned_page_is_set_upright(reader: RapidOCR, counter_clockwise: int, applied: int) -> None:
    result = reader.extract(_picture(counter_clockwise))

    assert result.rotation_applied == applied
    assert (result.width, result.height) == (560, 360)
    assert [line.text for line in result.lines] == LINES


@pytest.mark.parametrize("shape", [(1, 1), (40, 40), (3, 2000), (2000, 3), (1, 20000)])
def test_pictures_without_text_give_none(reader: RapidOCR, shape: tuple[int, int]) -> None:
    result = reader.extract(np.full(shape, 255, np.uint8))

    assert (result.content, result.lines, result.confidence) == ("", (), None)


def test_pictures_of_all_kinds_read_alike(reader: RapidOCR) -> None:
    grey = _picture()
    transparent = Image.merge("RGBA", [Image.new("L", grey.size, 0)] * 3 + [grey.point(lambda value: 255 - value)])
    kinds = [grey.convert("RGB"), grey.convert("1"), grey.convert("CMYK"), transparent]
    arrays = [np.asarray(grey), np.asarray(grey.convert("RGB")), np.asarray(transparent)]
    wide = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)

    pictures: list[Picture] = [*kinds, *arrays, wide]
    texts = [reader.extract(picture).content for picture in pictures]

    assert texts == [reader.extract(grey).content] * 8


def test_exif_rotation_is_honoured(reader: RapidOCR) -> None:
    stored, out = _picture(90), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    stored.save(out, "PNG", exif=exif)

    result = reader.extract(Image.open(io.BytesIO(out.getvalue())))

    assert (result.rotation_applied, [line.text for line in result.lines]) == (0, LINES)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_arrays_that_are_no_picture_are_refused(
    reader: RapidOCR, array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    with pytest.raises(ValueError, match=r"cannot be read\. Give uint8"):
        reader.extract(array)


@pytest.mark.parametrize("degrees", [-5, 3, 5])
def test_a_little_skew_is_read(reader: RapidOCR, degrees: int) -> None:
    result = reader.extract(_picture().rotate(degrees, expand=True, fillcolor=255))

    assert (result.rotation_applied, [line.text for line in result.lines]) == (0, LINES)


def test_lines_of_a_page_that_bends_are_found(reader: RapidOCR) -> None:
    rows = [f"Line {number} of a page that bends at its inner edge towards the fold of the book" for number in range(6)]
    page = np.asarray(Image.open(io.BytesIO(image_of_lines(rows, size=(1100, 420)))).convert("L"))
    bent = [np.roll(page[:, x], round(60 * (1 - x / 500) ** 2) if x < 500 else 0) for x in range(page.shape[1])]

    result = reader.extract(np.stack(bent, axis=1))

    assert len(result.lines) == 6


def test_a_long_strip_is_read(reader: RapidOCR) -> None:
    strip = Image.new("L", (560, 6000), 255)
    for top in (0, 2500, 5500):
        strip.paste(_picture(), (0, top))

    assert [line.text for line in reader.extract(strip).lines] == LINES * 3


def test_turning_can_be_switched_off() -> None:
    result = RapidOCR(RapidOCRConfig(fix_rotation=False)).extract(_picture(180))

    assert result.rotation_applied == 0
    assert [line.text for line in result.lines] != LINES


def test_a_closed_reader_opens_again() -> None:
    reader = RapidOCR()
    reader.extract(_picture())

    reader.close()

    assert reader.extract(_picture()).word_count == 14


def test_threads_do_not_enter_the_results() -> None:
    assert result_settings(RapidOCRConfig(threads=1)) == result_settings(RapidOCRConfig(threads=2))


def test_no_log_handler_is_left_behind(reader: RapidOCR) -> None:
    reader.load()

    handlers = logging.getLogger("RapidOCR").handlers
    assert [handler for handler in handlers if type(handler) is logging.StreamHandler] == []


def test_a_fresh_process_reads_without_network_and_without_a_word(tmp_path: Path) -> None:
    """Every connection raises; nothing may be printed, by Python or by the libraries below."""
    (tmp_path / "a.png").write_bytes(image_of_lines(LINES, size=(560, 360)))
    script = (
        "import sys\n"
        "def refuse(event, args):\n"
        "    if event in {'socket.connect', 'socket.getaddrinfo'}: raise RuntimeError(event)\n"
        "sys.addaudithook(refuse)\n"
        "from PIL import Image\n"
        "from omnipipe.tasks.ocr_extraction import RapidOCR\n"
        "assert not {'cv2', 'onnxruntime', 'rapidocr', 'tesserocr'} & set(sys.modules)\n"
        "assert RapidOCR().extract(Image.open('a.png')).word_count == 14\n"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_name_of_the_package_exists() -> None:
    assert all(getattr(engines, name) for name in engines.__all__)
    with pytest.raises(AttributeError, match="Nothing"):
        engines.Nothing  # noqa: B018


@pytest.mark.parametrize(
    ("name", "applied"),
    [
        ("images/tesseract-phototest.tif", 0),
        ("images/tesseract-phototest-rotated-180.png", 180),
        ("images/tesseract-phototest-rotated-L.png", 90),
        ("images/tesseract-hebrew.png", 0),
    ],
)
def test_corpus_pages_are_turned_upright_or_left_alone(reader: RapidOCR, shared: Path, name: str, applied: int) -> None:
    """The model knows no Hebrew: such a page must stay as it is."""
    assert reader.find_turn(Image.open(shared / "corpus" / name)) == applied
