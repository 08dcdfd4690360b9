"""Numbers that stand as close as the words of one text."""

from __future__ import annotations

import pytest

from tests.tablekit import cells, page, read, set_out, tables

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
