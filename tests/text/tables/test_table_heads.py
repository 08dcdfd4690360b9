"""Which rows of a table are its headings."""

from __future__ import annotations

from tests.pdfs import Line
from tests.tablekit import page, read, set_out, tables

RULES = [(78, 714, 440, 714), (78, 694, 440, 694), (78, 630, 440, 630)]


def test_the_first_row_of_amounts_below_a_heading_over_two_columns_is_no_heading() -> None:
    rows = [("Corn", "1.25", "2.50", "4.75"), ("Rye", "3.10", "0.90", "7.25"), ("Oats", "2.20", "1.15", "6.00")]
    lines: list[Line] = [(80, 700, 10, "Grain"), (200, 700, 10, "Harvest of both years"), (400, 700, 10, "Price")]

    block = tables(read(page([*lines, *set_out(rows, [80, 200, 290, 400], top=680)], RULES)))[0]

    assert '<th colspan="2">Harvest of both years</th>' in block.text
    assert "<td>Corn</td><td>1.25</td>" in block.text


def test_a_name_beside_its_numbers_is_in_their_column() -> None:
    numbers = [(f"K{i}", f"bolt {i}", f"{200 + 7 * i}", f"{50 + i}.23") for i in range(12)]
    rows = [
        (x, 680.0 - 15 * i, 12.0, text)
        for i, row in enumerate(numbers)
        for x, text in zip((80, 150, 389, 441), row, strict=True)
    ]
    head = ((80, "Code"), (150, "Article"), (349, "Stock"), (411.5, "Prices"))
    names: list[Line] = [(x, 695, 12, text) for x, text in head]

    block = tables(read(page([*names, *rows], [])))[0]

    assert block.text.splitlines()[0] == "| Code | Article | Stock | Prices |"
