"""Tables of features, of columns in groups, and of models with numbers."""

from __future__ import annotations

from tests.tablekit import cells, page, read, set_out, tables

COLUMNS = [80.0, 170.0, 250.0, 330.0, 410.0]


def test_signs_that_say_yes_or_no_below_headings_are_cells() -> None:
    rows = [
        ["Engine", "Fast", "Free", "Local", "Open"],
        ["Alpha", "+", "-", "+", "-"],
        ["Beta", "-", "-", "+", "+"],
        ["Gamma", "+", "+", "-", "-"],
        ["Delta", "-", "+", "+", "-"],
        ["Omega", "+", "-", "-", "+"],
    ]
    rules = [(80.0, y, 450.0, y) for y in (712.0, 694.0, 600.0)]

    (table,) = tables(read(page(set_out(rows, COLUMNS), rules)))

    assert cells(table) == rows


def test_a_heading_over_several_columns_is_no_part_of_the_first_row_below_it() -> None:
    groups = [
        ["Panel A: Households of the towns", "", "", "", ""],
        ["Income", "1.25", "2.50", "3.75", "4.25"],
        ["Wealth", "5.25", "6.50", "7.75", "8.25"],
        ["Panel B: Firms and their branches", "", "", "", ""],
        ["Sales", "9.25", "1.50", "2.75", "3.25"],
        ["Debts", "4.50", "5.75", "6.25", "7.50"],
    ]
    lines = [
        *set_out([["", "North", "South", "East", "West"]], COLUMNS),
        *set_out(groups, COLUMNS, top=682, pitch=12),
    ]
    rules = [(80.0, y, 450.0, y) for y in (712.0, 694.0, 655.0, 616.0)]

    (table,) = tables(read(page(lines, rules)))

    assert [[text for text in row if text] for row in cells(table)[1:]] == [[t for t in row if t] for row in groups]
    assert (table.html or "").count("<th>") == 5


def test_numbers_of_models_are_a_row_above_their_names() -> None:
    rows = [
        ["", "(1)", "(2)", "(3)", "(4)"],
        ["", "Wages", "Hours", "Rents", "Sales"],
        ["Age", "1.25", "2.50", "3.75", "4.25"],
        ["Sex", "5.25", "6.50", "7.75", "8.25"],
        ["Town", "0.25", "0.50", "0.75", "0.35"],
    ]
    lines = [*set_out(rows[:2], COLUMNS, pitch=11), *set_out(rows[2:], COLUMNS, top=670, pitch=14)]
    rules = [(80.0, y, 450.0, y) for y in (712.0, 684.0, 636.0)]

    (table,) = tables(read(page(lines, rules)))

    assert cells(table) == rows
