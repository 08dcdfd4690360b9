"""Lists of items without lines: what stands below an item belongs to it."""

from __future__ import annotations

import pytest

from tests.tablekit import cells, page, prose, read, set_out, tables

ITEMS = [
    ["1", "Small business account", "2", "5.39"],
    ["", "Base fee for each user", "", ""],
    ["", "Service: alpha", "", ""],
    ["2", "Large business account", "1", "8.39"],
    ["", "Base fee for each user", "", ""],
    ["", "Service: beta", "", ""],
    ["3", "Domain", "4", "1.20"],
    ["", "Fee for each year", "", ""],
    ["", "Service: gamma", "", ""],
]


@pytest.mark.parametrize("head", [[["Pos.", "Description", "Quantity", "Amount"]], []])
def test_lines_below_an_item_go_with_its_row(head: list[list[str]]) -> None:
    layer = read(page([*set_out([*head, *ITEMS], [80, 120, 340, 420], pitch=14), *prose(500)]))

    found = cells(tables(layer)[0])
    assert found[-1] == ["3", "Domain Fee for each year Service: gamma", "4", "1.20"]
    assert len(found) == len(head) + 3


def test_the_details_of_bookings_go_with_their_row() -> None:
    rows = [
        ["02.03.", "Card payment", "-45.10"],
        ["", "Supermarket 12, Bristol", ""],
        ["04.03.", "Salary", "2,450.00"],
        ["", "Acme Trading Ltd.", ""],
        ["", "March", ""],
        ["05.03.", "Standing order", "-950.00"],
        ["", "Rent March", ""],
        ["09.03.", "Cash machine", "-100.00"],
    ]

    layer = read(page([*set_out(rows, [80, 140, 420], pitch=14), *prose(500)]))

    assert cells(tables(layer)[0]) == [
        ["02.03.", "Card payment Supermarket 12, Bristol", "-45.10"],
        ["04.03.", "Salary Acme Trading Ltd. March", "2,450.00"],
        ["05.03.", "Standing order Rent March", "-950.00"],
        ["09.03.", "Cash machine", "-100.00"],
    ]


def test_lines_nearer_to_the_row_below_are_rows_of_their_own() -> None:
    rows = [["1", "Tea", "2.10"], ["2", "Coffee", "2.80"], ["3", "Milk", "1.10"], ["4", "Water", "1.20"]]
    heads = [(120.0, 672.0 - 36 * i, 10.0, text) for i, text in enumerate(("Hot and strong", "Cold drinks"))]

    layer = read(page([*set_out(rows, [80, 120, 420], pitch=36, top=695), *heads, *prose(500)]))

    assert "Tea Hot and strong" not in layer.text
    assert "Coffee Cold drinks" not in layer.text
