"""Rows that no table should have, and that pages of papers do have: nothing raises on them."""

from __future__ import annotations

import numpy as np

from omnipipe.text.lines.pieces import Pieces
from omnipipe.text.tables.items import item_lists
from omnipipe.text.tables.rows import Band
from omnipipe.text.tables.stacked import are_stacked


def test_two_texts_in_one_column_beside_one_over_two_columns_make_no_rows() -> None:
    strings = ["Oak", "of the hills", "12 and 13", "Elm", "7", "9"]
    odd = Band(0, 10, spans={0: (0, 0), 1: (0, 0), 2: (1, 2)}, columns={0, 1, 2})
    even = Band(10, 20, spans={3: (0, 0), 4: (1, 1), 5: (2, 2)}, columns={0, 1, 2})

    assert not are_stacked([[odd, even, even]], strings)


def test_a_line_beside_a_list_of_items_is_no_empty_row_of_it() -> None:
    """Its baseline is between those of the head and of the first item."""
    placed = [
        *zip((72, 200, 300), (0, 0, 0), ("Text", "Number", "Price"), strict=True),
        (480, 14, "Aside"),
        *zip((72, 200, 300), (28, 28, 28), ("Willow", "12", "3.50"), strict=True),
        *zip((72, 200, 300), (42, 42, 42), ("Hazel", "7", "0.25"), strict=True),
    ]
    text = "".join(says + " " for _, _, says in placed)
    first = np.cumsum([0, *(len(says) + 1 for _, _, says in placed[:-1])])
    last = first + [len(says) for _, _, says in placed]
    left, top = (np.array([place[k] for place in placed], np.float32) for k in (0, 1))
    pieces = Pieces(
        first, last, left, top, left + 30, top + 10, np.full(len(left), 10, np.float32), np.arange(len(left))
    )
    numbers = np.array([int(says[0].isdecimal()) for _, _, says in placed])

    (found,) = item_lists(pieces, text, numbers)

    assert [[placed[i][2] for i in row] for row in found.rows] == [
        ["Text", "Number", "Price"],
        ["Willow", "12", "3.50"],
        ["Hazel", "7", "0.25"],
    ]
    assert (found.heads, found.is_item) == (1, [True, True])
