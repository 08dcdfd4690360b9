"""Pages that are hard to read: the second reading, and what is no text at all."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from omnipipe.tasks.ocr_extraction import RapidOCR
from omnipipe.tasks.ocr_extraction.doubt import is_better, is_doubtful, without_specks
from omnipipe.tasks.ocr_extraction.lines import FoundLine
from tests.pdfs import image_of_lines

PAGE = np.zeros((1000, 700), np.uint8)


@pytest.fixture(scope="module")
def reader() -> RapidOCR:
    return RapidOCR()


def _line(text: str, confidence: float) -> FoundLine:
    return FoundLine(text, confidence, ((0, 0), (90, 0), (90, 20), (0, 20)))


@pytest.mark.parametrize("lines", [[_line("P", 0.51)], [_line("*长*", 0.58), _line("K", 0.8)], []])
def test_a_picture_without_sure_text_has_none(lines: list[FoundLine]) -> None:
    assert without_specks(lines) == []


def test_specks_beside_text_are_dropped_and_page_numbers_stay() -> None:
    lines = [_line("A line of text", 0.98), _line("7", 0.9), _line("i", 0.6)]

    assert [line.text for line in without_specks(lines)] == ["A line of text", "7"]


def test_a_poor_page_keeps_what_could_be_read_of_it() -> None:
    lines = [_line("hardly legible words", 0.7), _line("of a bad fax", 0.75)]

    assert without_specks(lines) == lines


def test_a_badly_read_page_is_doubtful_and_a_well_read_or_huge_one_is_not() -> None:
    badly, well = [_line("hardly legible words", 0.7)] * 3, [_line("a line that is clear", 0.99)] * 3

    assert is_doubtful(badly, PAGE)
    assert not is_doubtful(well, PAGE)
    assert not is_doubtful(badly, np.zeros((3000, 2000), np.uint8))
    assert not is_doubtful([], PAGE)


def test_the_second_reading_counts_only_where_it_reads_more() -> None:
    first, second = [_line("hardly legible words", 0.7)], [_line("hardly legible words", 0.9)]

    assert is_better(second, first)
    assert not is_better(first, second)
    assert not is_better(first, first)


def test_noise_and_shade_give_no_text(reader: RapidOCR) -> None:
    noise = np.random.default_rng(3).normal(0, 20, (1100, 850))
    shade = np.linspace(235, 150, 850)[None, :]

    result = reader.extract(np.clip(noise + shade, 0, 255).astype(np.uint8))

    assert (result.content, result.lines, result.confidence) == ("", (), None)


def test_boxes_of_a_second_reading_are_shares_of_the_page(reader: RapidOCR) -> None:
    lines = [f"Number {i} of the quick brown foxes" for i in range(8)]
    page = Image.open(io.BytesIO(image_of_lines(lines, size=(360, 260), points=14))).convert("L")
    noisy = np.asarray(page.filter(ImageFilter.GaussianBlur(0.8)), dtype=float)
    noisy = noisy * 0.45 + 110 + np.random.default_rng(5).normal(0, 26, noisy.shape)

    result = reader.extract(np.clip(noisy, 0, 255).astype(np.uint8))

    assert result.lines
    assert all(0.1 < line.bbox[0] < 0.25 and line.bbox[2] <= 1 for line in result.lines)
    assert max(line.bbox[3] for line in result.lines) > 0.8
