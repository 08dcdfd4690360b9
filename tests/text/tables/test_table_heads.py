"""Which rows of a table are its headings."""

from __future__ import annotations

from tests.pdfs import Line
from tests.tablekit import cells, page, read, set_out, tables

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


def test_a_head_above_the_name_of_a_group_is_one_where_columns_of_numbers_stand_close() -> None:
    """Before, the columns were told apart too late, and the head was a line of text above the table."""
    groups = {
        "Income tercile": [
            ("Income under 20", "35.0", "78.4"),
            ("Income not known", "32.9", "138 (19.4)"),
            ("Income low", "688 (62.6)", "39.5"),
            ("Income high", "72.1", "325 (56.2)"),
        ],
        "Sex": [("Female", "90 (96.1)", "89.1"), ("Male", "82.9", "87.1"), ("Not stated", "372 (89.1)", "66.4")],
        "Marital status": [
            ("Marital middle", "472 (20.7)", "1.9"),
            ("Marital low", "884 (48.0)", "398 (49.7)"),
            ("Marital high", "41.1", "67.3"),
            ("Marital under 20", "866 (3.4)", "60.1"),
        ],
    }
    lines: list[Line] = [(48, 700, 10, "Characteristic"), (459, 700, 10, "Untreated"), (520, 700, 10, "Total")]
    y = 700.0
    for name, rows in groups.items():
        y -= 11
        lines.append((48, y, 10, name))
        for label, first, second in rows:
            y -= 11
            lines += [(56, y, 10, label)]
            lines += [(x - _half(text), y, 10, text) for x, text in ((479.0, first), (529.5, second))]
    (table,) = tables(read(page(lines)))

    found = cells(table)
    assert found[0] == ["Characteristic", "Untreated", "Total"]
    assert found[2] == ["Income under 20", "35.0", "78.4"]


def _half(number: str) -> float:
    """Half the width of a number in Helvetica of 10 points."""
    return sum(2.78 if sign in ". " else 3.33 if sign in "()" else 5.56 for sign in number) / 2
