"""Text drawn over itself, for bold letters, for a shadow or by mistake, is read once, with a flag."""

from __future__ import annotations

import pytest

from benchmarks.text_layer_pdfs import Run, pdf_of_runs
from tests.pdfs import Line, pdf_of_lines
from tests.tablekit import FRUIT, PROSE, cells, page, read, set_out, tables

LINES: list[Line] = [(72.0, 700.0 - 14 * i, 11.0, line) for i, line in enumerate(PROSE * 2)]


def moved(lines: list[Line], right: float, down: float) -> list[Line]:
    return [(x + right, y - down, size, text) for x, y, size, text in lines]


def test_a_page_drawn_ten_times_over_itself_is_read_once() -> None:
    layer = read(page(LINES * 10))

    assert layer == read(page(LINES))._replace(flags=("text:overdrawn",))


def test_a_tiny_page_drawn_ten_times_over_itself_is_read_once() -> None:
    """Ten points wide: every place of every word is within four points of many others of the same word."""
    lines: list[Line] = [(0.3, 9.5 - 0.1 * i, 0.08, line) for i, line in enumerate(PROSE * 12)]

    layer = read(pdf_of_lines([lines * 10], width=10, height=10))

    assert layer.text == read(pdf_of_lines([lines], width=10, height=10)).text


@pytest.mark.parametrize(("right", "down"), [(0.3, 0), (0, 0.6), (1.2, 1.2), (-0.7, 0.5)])
def test_bold_letters_and_shadows_made_by_drawing_twice_are_read_once(right: float, down: float) -> None:
    layer = read(page([*LINES, *moved(LINES, right, down)]))

    assert layer.text == read(page(LINES)).text
    assert layer.flags == ("text:overdrawn",)


def test_words_drawn_twice_one_by_one_are_read_once() -> None:
    words = [(x + 40.0 * i, y, 10.0, word) for x, y, _, text in LINES for i, word in enumerate(text.split())]
    twice = [one for word in words for one in (word, *moved([word], 1.3, 0))]

    assert read(page(twice)).text == read(page(words)).text


def test_the_cells_of_a_table_drawn_twice_stand_once() -> None:
    lines = set_out(FRUIT, [80, 220, 340])

    layer = read(page(lines * 2))

    assert cells(tables(layer)[0]) == FRUIT
    assert "text:overdrawn" in layer.flags


def test_a_heading_alone_may_be_drawn_over_itself() -> None:
    heading = (72.0, 740.0, 20.0, "A story of a fox")
    layer = read(page([*moved([heading], 0.8, -0.8), *LINES, heading]))

    assert layer.text.count("A story of a fox") == 1
    assert layer.flags == ("text:overdrawn",)


def test_letters_beyond_the_first_65536_are_read_once_too() -> None:
    runs = [Run(60, 700 - 20 * i, 11, f"\U0001d49c\U0001d4d1 word{i} \U0001f600 line{i}") for i in range(8)]

    layer = read(pdf_of_runs(runs * 3))

    assert layer == read(pdf_of_runs(runs))._replace(flags=("text:overdrawn",))


def test_the_same_word_beside_itself_is_kept() -> None:
    lines = [(72.0, 700.0 - 8 * i, 7.0, "1 1 1 l l l . . . that that had had") for i in range(40)]

    layer = read(page(lines))

    assert layer.text.count("that that had had") == 40
    assert not layer.flags


def test_words_over_others_are_kept() -> None:
    layer = read(page([*LINES, *((x, y, size, text[::-1]) for x, y, size, text in LINES)]))

    assert "text:overdrawn" not in layer.flags
    assert sorted("".join(layer.text.split())) == sorted("".join("".join(PROSE * 4).split()))
