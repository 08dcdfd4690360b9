"""Tesseract and the cascade; skipped where tesserocr or the English data are missing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from omnipipe.errors import MissingExtraError
from omnipipe.tasks.ocr_extraction import FastOCR, RapidOCR, Tesseract, TesseractConfig
from omnipipe.tasks.ocr_extraction.tesseract import find_tessdata
from tests.pdfs import image_of_lines

LINES = ["Invoice number 4711", "The quick brown fox", "jumps over lazy dogs"]


@pytest.fixture(scope="module")
def tesseract() -> Tesseract:
    try:
        return Tesseract()
    except MissingExtraError as error:
        pytest.skip(str(error))


def _picture(angle: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(image_of_lines(LINES, size=(560, 300), angle=angle)))


def test_a_picture_is_read_line_by_line(tesseract: Tesseract, capfd: pytest.CaptureFixture[str]) -> None:
    result = tesseract.extract(_picture())

    assert [line.text for line in result.lines] == LINES
    assert result.confidence is not None
    assert result.confidence > 0.9
    assert result.engine.startswith("tesseract 5")
    assert capfd.readouterr() == ("", "")


def test_a_page_upside_down_is_turned(tesseract: Tesseract) -> None:
    result = tesseract.extract(_picture(180))

    assert result.rotation_applied == 180
    assert [line.text for line in result.lines] == LINES


@pytest.mark.parametrize("size", [(1, 1), (60, 60), (3, 900)])
def test_pictures_without_text_give_none(tesseract: Tesseract, size: tuple[int, int]) -> None:
    result = tesseract.extract(Image.new("L", size, 255))

    assert (result.content, result.lines, result.confidence) == ("", (), None)


def test_a_closed_reader_opens_again(tesseract: Tesseract) -> None:
    tesseract.extract(_picture())

    tesseract.close()

    assert tesseract.extract(_picture()).word_count == 11


def test_a_clear_page_is_left_to_tesseract_and_a_blurred_one_is_not(tesseract: Tesseract) -> None:
    fast = FastOCR()

    clear = fast.extract(_picture())
    blurred = fast.extract(_picture().filter(ImageFilter.GaussianBlur(4)))

    assert clear.engine == tesseract.version
    assert blurred.engine == RapidOCR().version


def test_missing_language_data_are_named_with_the_commands(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"apt-get install tesseract-ocr-xyz .* brew install"):
        find_tessdata(("xyz",))


def test_tessdata_prefix_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tessdata"
    folder.mkdir()
    (folder / "xyz.traineddata").touch()
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))

    assert find_tessdata(("xyz",)) == folder


def test_settings_name_at_least_one_language() -> None:
    with pytest.raises(ValueError, match="languages"):
        TesseractConfig(languages=())
