"""Rows of dots that lead from an entry to its number."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from omnipipe.tasks.ocr_extraction.leaders import with_leaders
from omnipipe.tasks.ocr_extraction.lines import FoundLine, Quad

HEIGHT = 28
Grey = NDArray[np.uint8]


def _line(text: str, x: float, y: float = 50, width: float = 100) -> FoundLine:
    return FoundLine(text, 0.99, ((x, y), (x + width, y), (x + width, y + HEIGHT), (x, y + HEIGHT)))


def _page(*dots: tuple[float, float], size: int = 3) -> Grey:
    image = Image.new("L", (900, 200), 250)
    draw = ImageDraw.Draw(image)
    for x, y in dots:
        draw.rectangle((x, y, x + size - 1, y + size - 1), fill=20)
    return np.asarray(image)


def _row(start: int, stop: int, y: float = 70, step: int = 12) -> list[tuple[float, float]]:
    return [(x, y) for x in range(start, stop, step)]


def _texts(image: Grey, *lines: FoundLine) -> list[str]:
    def cut(quad: Quad) -> Grey:
        (x0, y0), _, (x1, y1), _ = quad
        return image[int(y0) : int(y1), int(x0) : int(x1)]

    return [line.text for line in with_leaders(lines, cut)]


@pytest.mark.parametrize("number", ["637", "12, 640, 641", "A-3", "xii", "4.50"])
def test_dots_join_an_entry_and_its_number(number: str) -> None:
    lines = _line("mspathlog", 50), _line(number, 400, width=60)

    assert _texts(_page(*_row(155, 398)), *lines) == [f"mspathlog ... {number}"]


def test_dots_that_were_read_as_text_are_no_part_of_entry_or_number() -> None:
    lines = _line("reverb in MIDI. .", 50), _line("..602", 400, width=60)

    assert _texts(_page(*_row(155, 398)), *lines) == ["reverb in MIDI ... 602"]


@pytest.mark.parametrize(
    "dots",
    [[], [(270, 70)], _row(155, 250), [(x, 52 + x % 23) for x in range(155, 398, 12)]],
    ids=["nothing", "one dot", "dots that end before", "specks"],
)
def test_without_a_row_of_dots_they_stay_apart(dots: list[tuple[float, float]]) -> None:
    lines = _line("A head of the page", 50), _line("8", 400, width=15)

    assert _texts(_page(*dots), *lines) == ["A head of the page", "8"]


def test_letters_between_are_no_dots() -> None:
    lines = _line("entry", 50), _line("8", 400, width=15)

    assert _texts(_page(*_row(155, 398), size=11), *lines) == ["entry", "8"]


def test_dots_before_the_first_of_several_numbers_leave_the_row_of_a_table() -> None:
    lines = _line("Wheat", 50), _line("1,204", 400), _line("977", 600)

    assert _texts(_page(*_row(155, 398)), *lines) == ["Wheat", "1,204", "977"]


def test_the_label_of_the_next_column_is_no_number() -> None:
    lines = _line("alpha", 50), _line("12", 300, width=40), _line("beta", 380), _line("14", 650, width=40)

    assert _texts(_page(*_row(155, 298), *_row(485, 648)), *lines) == ["alpha ... 12", "beta ... 14"]
