"""OCR of one picture: what is read, from what kinds of pictures, which way up."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from omnipipe.tasks.ocr_extraction import RapidOCR
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
