"""Captions of tables side by side over one column of text."""

from __future__ import annotations

from tests.pdfs import Line
from tests.tablekit import page, prose, read, set_out


def test_captions_beside_each_other_are_read_whole() -> None:
    left = ["Table 1: Harvests of the northern", "towns, weighed at the gates when", "the carts came in."]
    right = ["Table 2: Prices that were paid for", "them in the second year."]
    captions: list[Line] = [(80.0, 560.0 - 13 * k, 10.0, text) for k, text in enumerate(left)]
    captions += [(330.0, 553.0 - 13 * k, 10.0, text) for k, text in enumerate(right)]
    rows = [["Tree", "Men", "Boys"], ["Ash", "34", "36"], ["Elm", "72", "75"]]
    cells = [*set_out(rows, [90.0, 150.0, 200.0], top=500), *set_out(rows, [340.0, 400.0, 450.0], top=500)]

    rules = [(x, y, x + 150, y) for x in (85.0, 335.0) for y in (512.0, 494.0, 458.0)]

    text = read(page([*prose(700, 2), *captions, *cells, *prose(420, 2)], rules)).text

    assert " ".join(left) in text
    assert " ".join(right) in text
    assert text.index(left[0]) < text.index(right[0])
