"""Tables without lines between their rows, whose file writes row by row and each cell with all of its lines."""

from __future__ import annotations

import pytest

from tests.pdfs import Line
from tests.tablekit import cells, page, prose, read, set_out, tables

COLUMNS = [80.0, 180.0, 320.0]
HEAD = ["Study", "Method", "Finding"]
ROWS = [
    [
        ["Lund"],
        ["Letters of the same town", "were read twice"],
        ["Prices rose in the spring", "and fell after the harvest", "of each year"],
    ],
    [["Novak and", "others"], ["Ledgers of two mills"], ["Wages followed prices by", "about a year"]],
    [["Petit"], ["Maps", "Accounts of the bridge"], ["Tolls were too low"]],
    [["Vogel"], ["Interviews with pilots", "and their families"], ["Storms", "Harbour dues explain the", "rest"]],
]
TEXTS = [[" ".join(cell) for cell in row] for row in ROWS]


def _written(rows: list[list[list[str]]], top: float, pitch: float = 12.0, space: float = 0.0) -> list[Line]:
    """The lines of rows as a file writes them, cell by cell."""
    lines: list[Line] = []
    for row in rows:
        for x, cell in zip(COLUMNS, row, strict=True):
            lines += [(x, top - pitch * k, 10.0, text) for k, text in enumerate(cell)]
        top -= pitch * max(map(len, row)) + space
    return lines


@pytest.mark.parametrize("space", [0.0, 5.0])
def test_rows_of_wrapped_cells_are_a_table(space: float) -> None:
    lines = [*prose(760), *_written([[[text] for text in HEAD], *ROWS], 680, space=space), *prose(480)]

    (table,) = tables(read(page(lines)))

    assert cells(table) == [HEAD, *TEXTS]


def test_a_row_between_two_lines_is_one_where_its_cells_are_written_whole() -> None:
    rows = [
        [["Lund"], ["Letters of the", "Same Town"], ["Prices rose", "Wages fell", "Rents too"]],
        [["Novak"], ["Ledgers of two", "Mills"], ["Wages", "Prices", "Both rose"]],
        [["Petit"], ["Maps", "Accounts"], ["Tolls", "Rents", "Both were low"]],
        [["Vogel"], ["Interviews", "Logs"], ["Storms", "Harbour dues", "Neither"]],
    ]
    lines = [*_written([[[text] for text in HEAD]], 680), *_written(rows, 664, space=8)]
    rules = [(80.0, y, 460.0, y) for y in (692.0, 675.0, 631.0, 587.0, 543.0, 499.0)]

    (table,) = tables(read(page(lines, rules)))

    assert cells(table) == [HEAD, *([" ".join(cell) for cell in row] for row in rows)]


def test_columns_of_text_that_the_file_writes_in_parts_are_no_table() -> None:
    parts = [
        ["and the wind that", "carries them out"],
        ["to lands that nobody", "has seen for long"],
        ["while ships wait in", "the evening light"],
    ]

    layer = read(page(_written([parts] * 8, 700)))

    assert not tables(layer)


def test_a_caption_parts_two_tables() -> None:
    first = set_out(
        [["Boat", "Tons", "Crew"], ["Alma", "120", "7"], ["Berta", "85", "5"], ["Clara", "240", "12"]], COLUMNS, 700, 14
    )
    second = set_out(
        [["Port", "Opened", "Depth"], ["Norby", "1901", "8.5"], ["Quill", "1925", "9.5"], ["Tarrow", "1960", "12.0"]],
        COLUMNS,
        622,
        14,
    )
    caption = [(120.0, 640.0, 10.0, "Table 4: Ports of the coast")]

    found = tables(read(page([*first, *caption, *second])))

    assert [cells(table)[0][0] for table in found] == ["Boat", "Port"]


def test_heads_over_several_columns_do_not_hide_these() -> None:
    columns = [80.0, 160.0, 200.0, 260.0, 300.0]
    names = ["Rash", "Fever", "Cough", "Nausea", "Fatigue"]
    rows = [
        ["Event", "Any", "High", "Any", "High"],
        *([name, f"{k + 11}", f"{k + 1}", f"{k + 21}", f"{k + 3}"] for k, name in enumerate(names)),
    ]
    heads = [(152.0, 700.0, 10.0, "Low dose (n = 31)"), (252.0, 700.0, 10.0, "Full dose (n = 29)")]

    (table,) = tables(read(page([*heads, *set_out(rows, columns, 686, 14)])))

    assert cells(table)[1:] == rows
    assert (table.html or "").count('colspan="2"') == 2
