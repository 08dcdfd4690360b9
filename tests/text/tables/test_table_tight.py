"""Numbers that stand as close as the words of one text."""

from __future__ import annotations

import pytest

from tests.tablekit import cells, page, prose, read, set_out, tables

COLUMNS = [80.0, 180.0, 320.0]


@pytest.mark.parametrize("code", ["+44 ", "+44 20 ", "0163", "(405) "])
def test_the_codes_of_telephone_numbers_are_no_column(code: str) -> None:
    names = ["Anna Lund", "Bernd Holm", "Carla Petit", "Dmitri Vogel", "Elena Rossi", "Farid Keller"]
    local = ["680-3701", "767-3747", "928-2700", "341-1182", "550-2210", "412-9087"]
    numbers = [f"{code}{k + 1} {number}" if code == "0163" else f"{code}{number}" for k, number in enumerate(local)]
    rows = [
        ["Name", "Office", "Telephone"],
        *([name, f"Room {k}", number] for k, (name, number) in enumerate(zip(names, numbers, strict=True))),
    ]

    rules = [(80.0, y, 460.0, y) for y in (712.0, 696.0, 585.0)]

    (table,) = tables(read(page(set_out(rows, COLUMNS), rules)))

    assert cells(table) == rows


def test_decimals_that_end_at_one_place_away_from_their_heads_are_a_table() -> None:
    heads = [
        (80.0, 700.0, 10.0, "Model"),
        (180.0, 700.0, 10.0, "METEOR"),
        (290.0, 700.0, 10.0, "R2"),
        (340.0, 700.0, 10.0, "Hits"),
    ]
    groups = [(170.0, 684.0, 10.0, "Rural households only"), (180.0, 624.0, 10.0, "Unsupervised models")]
    rows = [
        ["Full fine-tuning", "25.5", "30.8", "48.0"],
        ["MLP", "10.9", "17.2", "45.7"],
        ["DistMult", "32.9", "25.7", "72.4"],
    ]
    more = [["ResNet-50", "62.3", "96.0", "57.9"], ["Zero-shot", "59.7", "86.1", "96.9"]]
    columns = [80.0, 250.0, 320.0, 400.0]
    lines = [*set_out(rows, columns, 669, 15), *set_out(more, columns, 609, 15)]

    (table,) = tables(read(page([*prose(780), *heads, *groups, *lines, *prose(560)])))

    found = cells(table)
    assert all(row in found for row in [*rows[1:], *more[1:]])
