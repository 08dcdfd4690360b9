"""Tables of financial statements: signs of currencies in columns of their own, brackets and percent signs that hang."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.pdfs import Line
from tests.tablekit import cells, page, prose, read, set_out, tables

WIDTHS = {**dict.fromkeys("0123456789$-", 5.56), "%": 8.89, ".": 2.78, ",": 2.78, "(": 3.33, ")": 3.33, " ": 2.78}
"""Of Helvetica in 10 points."""


def set_in_columns(rows: Sequence[Sequence[str]], ends: Sequence[float], top: float = 690) -> list[Line]:
    """Labels at the left; amounts whose last digits end at `ends`, their currency far left of them."""
    lines: list[Line] = []
    for r, (label, *amounts) in enumerate(rows):
        y = top - 14 * r
        lines.append((80, y, 10.0, label))
        for end, amount in zip(ends, amounts, strict=True):
            number = amount.removeprefix("$ ")
            if number != amount:
                lines.append((end - 62, y, 10.0, "$"))
            bare = number.rstrip("%) ")
            if bare:
                lines.append((end - sum(WIDTHS[c] for c in bare), y, 10.0, number))
    return lines


STATEMENT = [
    ["Net revenue", "$ 1,568", "$ 1,452", "$ 360"],
    ["Gross margin", "51.8 %", "53.5 %", "9.8 %"],
    ["Translation", "(19)", "(1,104)", "(12)"],
    ["Other", "4", "-", "(1)"],
    ["Research", "142", "138", "28"],
    ["Income", "$ 296", "$ 301", "$ 73"],
]
ROLL = [
    ["Goodwill as of October 31, 2020", "$ 1,743", "$ 1,964", "$ 268"],
    ["Translation of foreign currencies", "(19)", "(11)", "(42)"],
    ["Goodwill that arose from acquisitions", "19", "-", "9"],
    ["Goodwill as of October 31, 2021", "$ 1,743", "$ 1,953", "$ 226"],
    ["Impact", "4", "1", "1"],
    ["Goodwill that went with parts sold", "-", "(13)", "-"],
    ["Goodwill in all", "$ 1,747", "$ 1,941", "$ 227"],
]


@pytest.mark.parametrize("rows", [STATEMENT, ROLL])
def test_amounts_whose_signs_stand_apart_or_hang_make_columns(rows: list[list[str]]) -> None:
    layer = read(page([*prose(760), *set_in_columns(rows, [340, 420, 500])]))

    assert [cells(table) for table in tables(layer)] == [rows]


def test_paragraphs_between_the_last_row_and_a_line_at_the_foot_are_no_row() -> None:
    years = ["Fiscal year 2024, without its half", *map(str, range(2025, 2030)), "Less interest", "Leases in all"]
    rows = [[year, f"{300 - 9 * k}"] for k, year in enumerate(years)]
    rules = [(78, 711 - 14 * k, 500, 711 - 14 * k) for k in range(8)] + [(78, 400, 500, 400)]
    wide = "In addition we have leases of more data centers that begin to be paid for in later years than this, and "
    wide += "they end soon after that in all"
    texts = (wide, wide[:72], "", wide, wide, wide[:72])
    paragraphs = [(80.0, 580.0 - 9 * k, 6.8, text) for k, text in enumerate(texts) if text]

    layer = read(page([*set_out(rows, [80, 470], pitch=14), *paragraphs], rules))

    assert [cells(table) for table in tables(layer)] == [rows]
