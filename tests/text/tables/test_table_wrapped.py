"""Cells of sentences that go over several lines, with no lines between the rows."""

from __future__ import annotations

import pytest

from omnipipe.text.tables.cells import join_lines
from tests.tablekit import FRUIT, cells, page, read, set_out, tables

COLUMNS = [80.0, 170.0, 330.0]
HEAD = ["Risk", "What happens", "What to do"]
ROWS = [
    [["Late parts"], ["The line stops for the", "rest of the shift, and", "orders slip."], ["Keep parts of a week."]],
    [["Poor paint"], ["Doors come back."], ["Look at each door in", "daylight and at night."]],
    [["Sick staff", "and guests"], ["Two teams become one,", "which costs a day."], ["Ask the next town", "for help."]],
]


def _lines(space: float) -> tuple[list[tuple[float, float, float, str]], float]:
    """The lines of the table, `space` points more between rows, and where the last one stands."""
    lines = set_out([HEAD], COLUMNS)
    y = 680.0
    for row in ROWS:
        for column, texts in zip(COLUMNS, row, strict=True):
            lines += [(column, y - 12 * k, 10.0, text) for k, text in enumerate(texts)]
        y -= 12 * max(map(len, row)) + space
    return lines, y + 12 + space


@pytest.mark.parametrize("space", [0.0, 6.0])
def test_lines_of_sentences_are_joined_to_rows(space: float) -> None:
    lines, bottom = _lines(space)
    rules = [(80.0, y, 460.0, y) for y in (712.0, 694.0, bottom - 5)]

    (table,) = tables(read(page(lines, rules)))

    assert cells(table) == [HEAD, *([" ".join(cell) for cell in row] for row in ROWS)]


def test_rows_of_words_stay_rows() -> None:
    rules = [(80.0, y, 400.0, y) for y in (712.0, 694.0, 620.0)]

    (table,) = tables(read(page(set_out(FRUIT, COLUMNS), rules)))

    assert cells(table) == FRUIT


@pytest.mark.parametrize(
    ("lines", "whole"),
    [
        (["the bakery re\u2010", "ceived it"], "the bakery received it"),
        (["Box 12 \u2010", "Accra"], "Box 12 \u2010 Accra"),
    ],
)
def test_a_hyphen_breaks_words_and_a_dash_does_not(lines: list[str], whole: str) -> None:
    assert join_lines(lines, dehyphenate=True) == whole


def test_lines_with_no_cell_in_the_first_column_are_read() -> None:
    """Where none of the lines has a cell in each column."""
    rows = [
        ["Late parts", "The line stops for the", ""],
        ["", "rest of the shift, and", "All keep parts of it."],
        ["Poor paint", "The doors come back on", ""],
        ["", "the evening train, and", "Each looks at his door."],
    ]
    rules = [(80.0, y, 460.0, y) for y in (712.0, 694.0, 640.0)]

    layer = read(page(set_out([[*HEAD[:2], ""], *rows], COLUMNS, 700, 12), rules))

    assert all(text in layer.text for row in rows for text in row)
