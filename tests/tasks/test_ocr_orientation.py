"""Which way up a page lies: what the guess from afar, the lines and their reading decide together."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from omnipipe.tasks.ocr_extraction import RapidOCR, RapidOCRConfig
from omnipipe.tasks.ocr_extraction.compass import Compass
from omnipipe.tasks.ocr_extraction.lines import Quad
from omnipipe.tasks.ocr_extraction.orientation import confirmed, find_turn
from tests.pdfs import image_of_lines

LEVEL: list[Quad] = [((10, y), (300, y), (300, y + 20), (10, y + 20)) for y in (10.0, 40.0, 70.0)]
TALL: list[Quad] = [((x, 10), (x + 20, 10), (x + 20, 300), (x, 300)) for x in (10.0, 40.0, 70.0)]
UPRIGHT, UNKNOWN = 200, 90

Crop = NDArray[np.uint8]

needs_model = pytest.mark.skipif(not Compass.is_there(), reason="needs the models of omnipipe doctor --fetch-models")


def _crop(value: int) -> Crop:
    """A line that is brighter at its start, as no line is that lies on its head."""
    crop = np.full((20, 200), 10, np.uint8)
    crop[:, :40] = value
    return crop


def _confidence(crop: Crop) -> float:
    return {UPRIGHT: 0.98, UNKNOWN: 0.5}.get(int(crop[0, 0]), 0.4)


def test_a_sure_guess_stands_where_the_lines_read_well() -> None:
    assert confirmed(180, LEVEL, lambda _: _crop(UPRIGHT), _confidence) == 180


def test_a_sure_guess_is_turned_over_where_the_lines_read_better_so() -> None:
    assert confirmed(90, LEVEL, lambda _: _crop(UPRIGHT)[:, ::-1], _confidence) == 270


def test_a_sure_guess_falls_where_the_lines_lie_sideways_or_are_missing() -> None:
    assert confirmed(90, TALL, lambda _: _crop(UPRIGHT), _confidence) is None
    assert confirmed(90, [], lambda _: _crop(UPRIGHT), _confidence) is None


@pytest.mark.parametrize(("guess", "turn"), [(90, 90), (270, 270), (180, None)])
def test_a_script_that_cannot_be_read_is_never_turned_over(guess: int, turn: int | None) -> None:
    assert confirmed(guess, LEVEL, lambda _: _crop(UNKNOWN), _confidence) == turn


@pytest.mark.parametrize(("guess", "turn"), [(90, 90), (270, 270), (0, 0), (180, 0), (None, 0)])
def test_lines_that_lie_sideways_and_cannot_be_read_follow_the_guess(guess: int | None, turn: int) -> None:
    assert find_turn(TALL, lambda _: _crop(UNKNOWN), lambda _: False, _confidence, guess) == turn


def test_one_long_line_is_enough_and_one_short_line_is_not() -> None:
    short: Quad = ((0, 0), (70, 0), (70, 20), (0, 20))

    turns = [find_turn([q], lambda _: _crop(UPRIGHT)[:, ::-1], lambda _: True, _confidence) for q in (LEVEL[0], short)]

    assert turns == [180, 0]


@needs_model
@pytest.mark.parametrize("shape", [(1, 1), (3, 4000), (4000, 3), (700, 500), (200, 2600)])
def test_a_blank_picture_is_never_a_sure_guess(shape: tuple[int, int]) -> None:
    assert Compass().guess(np.full(shape, 255, np.uint8)).confidence < 0.85


@needs_model
@pytest.mark.parametrize("turned_by", [0, 90, 180, 270])
@pytest.mark.parametrize("orientation", ["model", "lines"])
def test_a_turned_page_of_text_is_set_upright(turned_by: int, orientation: str) -> None:
    lines = [f"Paragraph {i} tells of the quick brown fox" for i in range(12)]
    page = Image.open(io.BytesIO(image_of_lines(lines, size=(900, 1000))))
    reader = RapidOCR(RapidOCRConfig.model_validate({"orientation": orientation}))

    turn = reader.find_turn(np.rot90(np.asarray(page.convert("L")), -turned_by // 90))

    assert turn == -turned_by % 360


@needs_model
@pytest.mark.parametrize("turned_by", [90, 270])
def test_a_page_of_a_script_that_the_reader_does_not_know_is_set_upright(shared: Path, turned_by: int) -> None:
    from omnipipe.document import Document

    page = Document.from_pdf(shared / "corpus" / "born_digital" / "docling-right_to_left_01.pdf").get_page(0)

    turn = RapidOCR().find_turn(np.rot90(np.asarray(page.convert("L")), -turned_by // 90))

    assert turn == -turned_by % 360


@pytest.mark.parametrize("turned_by", [90, 180, 270])
def test_boxes_of_a_turned_page_are_those_of_the_upright_one(turned_by: int) -> None:
    lines = ["The first line of the page", "The second one is longer than it", "Third"]
    page = np.asarray(Image.open(io.BytesIO(image_of_lines(lines, size=(900, 500)))).convert("L"))
    reader = RapidOCR()

    upright = reader.extract(page)
    turned = reader.extract(np.ascontiguousarray(np.rot90(page, -turned_by // 90)))

    assert turned.rotation_applied == 360 - turned_by
    assert (turned.width, turned.height) == (900, 500)
    assert [line.text for line in turned.lines] == lines
    for line, other in zip(upright.lines, turned.lines, strict=True):
        assert line.bbox == pytest.approx(other.bbox, abs=0.01)
    assert turned.blocks[0].bbox == pytest.approx(upright.blocks[0].bbox, abs=0.01)
