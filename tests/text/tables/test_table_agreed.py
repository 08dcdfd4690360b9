"""Columns that rows agree on although sums below lie across the gap between them."""

from __future__ import annotations

from tests.pdfs import Line
from tests.tablekit import cells, page, read, set_out, tables

ITEMS = [
    ["Item", "Number", "Each", "Sum"],
    ["Wireless mouse", "10", "12.50", "125.00"],
    ["Keyboard, black", "25", "30.00", "750.00"],
    ["Monitor arm", "12", "45.90", "550.80"],
    ["Desk lamp", "40", "19.99", "799.60"],
    ["Notebook", "15", "10.00", "150.00"],
]
COLUMNS = [80, 260, 330, 440]
RULES = [(78, 692, 480, 692), (78, 560, 480, 560)]


def payments(start: float) -> list[Line]:
    names = ("Sum without tax, in euros", "Paid by card on 3 April", "Paid in cash on 12 April")
    return [
        (x, 595 - 14.0 * i, 10.0, text)
        for i, name in enumerate(names)
        for x, text in ((start, name), (440, f"{100 + i}.75"))
    ]


def test_sums_across_a_gap_leave_the_columns_above_apart() -> None:
    found = cells(tables(read(page([*set_out(ITEMS, COLUMNS), *payments(250)], RULES)))[0])

    assert found[:6] == ITEMS
    assert found[6] == ["", "Sum without tax, in euros", "100.75"]


def test_a_unit_behind_each_number_is_no_column() -> None:
    rows = [["Item", "Net", "Sum"], *([item, f"1{net}   grams", amount] for item, net, _, amount in ITEMS[1:])]

    found = cells(tables(read(page([*set_out(rows, [80, 260, 440]), *payments(250)], RULES)))[0])

    assert [row[1] for row in found[:6]] == ["Net", *(f"1{row[1]} grams" for row in ITEMS[1:])]
