"""Lists of labels and amounts without lines: tables where it is sure, lines where it is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.pdfs import Line
from tests.tablekit import cells, page, prose, read, tables

DIGIT = {",": 0.278, ".": 0.278, " ": 0.278, "-": 0.333, "(": 0.333, ")": 0.333, "E": 0.667, "U": 0.722, "R": 0.722}
"""Widths of Helvetica by the font's size; digits are 0.556."""


def width(text: str) -> float:
    """How wide an amount of 10 points is."""
    return 10 * sum(DIGIT.get(sign, 0.556) for sign in text)


def listed(rows: Sequence[tuple[str, str]], right: float = 400, top: float = 700) -> list[Line]:
    """Lines of a label at the left and an amount that ends at `right`."""
    return [
        line
        for i, (label, amount) in enumerate(rows)
        for line in ((80.0, top - 15 * i, 10.0, label), (right - width(amount), top - 15 * i, 10.0, amount))
        if line[3]
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [("Subtotal", "416.00"), ("VAT 19%", "79.04"), ("Total due", "495.04")],
        [("Registration", "150 EUR"), ("Late registration", "200 EUR"), ("Dinner", "60 EUR")],
        [("Revenue", "1,204,500"), ("Cost of sales", "(802,300)"), ("Gross profit", "402,200")],
        [("Service", "Price"), ("Haircut", "28.00"), ("Colouring", "55.00"), ("Beard trim", "15.00")],
        [("Tomato soup", "6.50"), ("Salad", "11.90"), ("Beef stew", "18.50")],
        [("Tea", "2.10"), ("Coffee", "2.80"), ("Cold drinks", ""), ("Water", "1.90"), ("Juice", "3.20")],
    ],
)
def test_a_list_of_amounts_that_end_at_one_place_is_a_table(rows: list[tuple[str, str]]) -> None:
    layer = read(page([*listed(rows), *prose(560)]))

    assert cells(tables(layer)[0]) == [list(row) for row in rows]


def test_an_amount_close_to_its_label_is_in_its_row_of_the_table() -> None:
    rows = [("Milk", "1.20"), ("Bread, wholemeal, sliced, 750 g", "2.80"), ("2 x Butter", "4.60"), ("TOTAL", "8.60")]

    layer = read(page(listed(rows, right=250)))

    assert cells(tables(layer)[0]) == [list(row) for row in rows]


@pytest.mark.parametrize(
    "rows",
    [
        [("Introduction", "1"), ("Method", "4"), ("Results", "12"), ("Discussion", "20")],
        [("Introduction", "1.1"), ("Method", "1.14"), ("Results", "2.10"), ("Discussion", "3.12")],
        [("a = b + c", "(3.11)"), ("c = de - f", "(3.12)"), ("fg = h", "(3.13)")],
        [("Opened", "12.03.2024"), ("Closed", "11.04.2024"), ("Paid", "02.05.2024")],
    ],
)
def test_pages_sections_equations_and_dates_are_no_amounts(rows: list[tuple[str, str]]) -> None:
    layer = read(page([*listed(rows), *prose(560)]))

    assert not tables(layer)
    assert all(f"{label} {amount}" in layer.text for label, amount in rows)
