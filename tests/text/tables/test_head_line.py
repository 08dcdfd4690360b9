"""Tables that draw one line only, below their head."""

from __future__ import annotations

from tests.tablekit import PROSE, cells, page, prose, read, set_out, tables

ROWS = [
    ["Option", "Degree", "Kind of paper"],
    ["phd", "Ph.D.", "dissertation"],
    ["msthesis", "M.S.", "thesis"],
    ["mspaper", "M.S.", "paper"],
    ["mathesis", "M.A.", "thesis"],
]
COLUMNS = (210.0, 274.0, 316.0)


def test_one_line_below_its_head_shows_a_table() -> None:
    lines = [*prose(720), *set_out(ROWS, COLUMNS, 650, 12), *prose(570)]

    layer = read(page(lines, [(204.0, 647.0, 384.0, 647.0)]))

    assert [cells(table) for table in tables(layer)] == [ROWS]


def test_a_line_below_a_running_head_over_two_columns_shows_none() -> None:
    head = set_out([["Journal of Rivers", "Vol. 12"]], (54.0, 500.0), 740)
    body = [(x, 715 - 12 * i, 9.0, PROSE[i % 4]) for x in (54.0, 318.0) for i in range(40)]

    layer = read(page([*head, *body], [(54.0, 736.0, 560.0, 736.0)]))

    assert not tables(layer)


def test_a_line_that_a_wider_text_stands_above_shows_none() -> None:
    lines = [*prose(720), *set_out(ROWS, COLUMNS, 650, 12)]

    layer = read(page(lines, [(204.0, 678.0, 384.0, 678.0)]))

    assert not tables(layer)
