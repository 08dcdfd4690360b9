"""Rows that are shaded in turns: the first of them that is not shaded belongs to no heading."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.pdfs import Line, pdf_of_contents, text_content
from tests.tablekit import PROSE, read

COLUMNS = [80.0, 200.0, 290.0, 400.0]
HEAD: list[tuple[str, ...]] = [("Region", "Sites", "Visits", "Cost")]
TWO_LINES: list[tuple[str, ...]] = [
    ("Name of", "Number of", "Number of", "Cost in"),
    ("region", "sites", "visits", "pounds"),
]
NUMBERS: list[tuple[str, ...]] = [
    ("North", "12", "340", "1,204"),
    ("South", "9", "211", "986"),
    ("East", "14", "402", "1,377"),
    ("West", "7", "190", "845"),
    ("Centre", "11", "305", "1,102"),
    ("Coast", "8", "176", "902"),
]
WORDS: list[tuple[str, ...]] = [
    ("Ann", "Leeds", "Baker", "Left early"),
    ("Bob", "York", "Clerk", "Came late"),
    ("Cy", "Hull", "Nurse", "Stayed"),
    ("Dee", "Bath", "Cook", "Came early"),
    ("Eve", "Derby", "Judge", "Was ill"),
    ("Fay", "Ely", "Tailor", "Came late"),
]


def striped(rows: Sequence[Sequence[str]], shaded: Sequence[int], step: float) -> str:
    """The text of a page with a table of `rows` `step` points from each other, those at `shaded` on grey."""
    lines: list[Line] = [(72.0, 740.0 - 14 * i, 11.0, line) for i, line in enumerate(PROSE)]
    top: float = 640.0
    boxes = "".join(f"0.9 g 78 {top - step * r - 0.28 * step:g} 400 {step:g} re f 0 g\n" for r in shaded)
    table = [
        (x, top - step * r, 10.0, cell) for r, row in enumerate(rows) for x, cell in zip(COLUMNS, row, strict=True)
    ]
    return read(pdf_of_contents([boxes.encode() + text_content([*lines, *table])])).text


@pytest.mark.parametrize("step", [12.0, 18.0])
@pytest.mark.parametrize("shaded", [(2, 4, 6), (3, 4), (2, 5)])
@pytest.mark.parametrize("body", [NUMBERS, WORDS])
def test_rows_above_the_first_shaded_one_are_no_heading(
    body: list[tuple[str, ...]], shaded: tuple[int, ...], step: float
) -> None:
    text = striped(HEAD + body, shaded, step)

    rows = [f"| {' | '.join(row)} |" for row in [*HEAD, ("---",) * 4, *body]]
    assert "\n".join(rows) in text


@pytest.mark.parametrize("shaded", [(2, 4, 6), (3, 5, 7)])
def test_the_lines_of_a_heading_above_shaded_rows_stay_joined(shaded: tuple[int, ...]) -> None:
    text = striped(TWO_LINES + NUMBERS, shaded, 12.0)

    assert "| Name of region | Number of sites | Number of visits | Cost in pounds |" in text
    assert "| North | 12 | 340 | 1,204 |" in text
