"""Dots that lead from a label to a number without white around them, and signs of currencies apart from their sums."""

from __future__ import annotations

from tests.pdfs import Line
from tests.tablekit import cells, page, read, set_out, tables


def test_dots_that_touch_label_and_number_part_the_columns() -> None:
    """Programs for letters and reports fill the way to a tabulator so."""
    rows = [[f"Area {k} receipts", f"{k},481", f"({k},061)"] for k in range(2, 7)]
    lines: list[Line] = []
    for k, (label, one, other) in enumerate(rows):
        lines += [(80, 700 - 14.0 * k, 10, label + "." * 40 + one), (330, 700 - 14.0 * k, 10, other)]

    layer = read(page(lines))

    assert [cells(table) for table in tables(layer)] == [rows]


def test_an_entry_of_a_list_of_contents_keeps_its_dots() -> None:
    lines = [(80.0, 700 - 14.0 * k, 10.0, f"{k + 1} Overview of part {k}" + "." * 30 + f"{k + 7}") for k in range(6)]

    layer = read(page(lines))

    assert not tables(layer)
    assert "1 Overview of part 0" + "." * 30 + "7" in layer.text


def test_the_sign_of_a_currency_before_a_sum_below_a_line_does_not_join_its_label_to_that_above() -> None:
    rows = [
        ["", "", "2025", "", "2024", "", "2023"],
        ["Prepaid expenses", "", "83,533", "", "33,862", "", "52,244"],
        ["Inventories", "", "12,533", "", "13,862", "", "12,244"],
        ["Total current assets", "$", "96,066", "$", "47,724", "$", "64,488"],
        ["Goodwill", "", "49,671", "", "51,575", "", "18,318"],
        ["Other assets", "", "34,477", "", "75,511", "", "13,944"],
        ["Total assets", "$", "83,277", "$", "45,150", "$", "20,474"],
    ]
    rules = [(x, y, x + 60, y) for x in (255, 345, 435) for y in (657, 603)]

    block = tables(read(page(set_out(rows, [80, 235, 275, 325, 365, 415, 455]), rules)))[0]

    assert [row[0] for row in cells(block)] == [row[0] for row in rows]
