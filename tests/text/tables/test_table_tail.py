"""What stands below the last row of a table and above a line at the page's foot is none of its rows."""

from __future__ import annotations

from tests.tablekit import FRUIT, cells, page, read, set_out, tables

COLUMNS = [80, 235, 340]
RULES = [(78, 714, 458, 714), (78, 694, 458, 694), (78, 520, 458, 520)]
TERMS = "Please pay within 15 days and name the number of the invoice."


def test_terms_of_payment_above_the_foot_are_no_rows_of_the_table_above() -> None:
    lines = [*set_out(FRUIT, COLUMNS), (80.0, 600.0, 10.0, TERMS), (80.0, 570.0, 10.0, "Account: 1234567890")]

    layer = read(page(lines, RULES))

    assert cells(tables(layer)[0]) == FRUIT
    assert layer.text.index(TERMS) > layer.text.index("Damson")
    assert "\n\nAccount: 1234567890" in layer.text


def test_a_line_of_text_with_rows_below_it_stays_a_row() -> None:
    rows = [*FRUIT, ["", "", ""], ["Elderberry", "9", "2.20"], ["Fig", "14", "0.80"]]

    layer = read(page([*set_out(rows, COLUMNS), (80.0, 610.0, 10.0, TERMS)], RULES))

    assert f'<td colspan="3">{TERMS}</td>' in layer.text
    assert cells(tables(layer)[0])[-1] == ["Fig", "14", "0.80"]
