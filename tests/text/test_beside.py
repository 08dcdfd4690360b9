"""A paragraph beside short lines, as an abstract stands beside its keywords, level with them."""

from __future__ import annotations

from tests.tablekit import page, prose, read

KEYWORDS = ["Keywords:", "rivers", "ferries", "old bridges"]
ABSTRACT = [
    "We report on the ferries of the north and on those who row them over",
    "to the islands from morning on, when the fog lies upon the harbour so",
    "that no bridge is seen, nor the clock, which tells another time than it",
    "should in summer.",
]
NAMES = ["Apple", "Banana", "Cherry", "Damson"]
NOTES = ["Red, or green where it is early", "Yellow", "Dark red, and rather small this year", "Blue"]


def test_a_paragraph_beside_short_lines_is_read_whole() -> None:
    left = [(72.0, 640 - 12.0 * i, 9.0, text) for i, text in enumerate(KEYWORDS)]
    right = [(210.0, 640 - 12.0 * i, 9.0, text) for i, text in enumerate(ABSTRACT)]

    layer = read(page([*prose(720), *left, *right, *prose(560)]))

    words = " ".join(layer.text.split())
    assert " ".join(ABSTRACT) in words
    assert words.index("old bridges") < words.index("We report")


def test_notes_beside_names_stay_with_them() -> None:
    left = [(72.0, 640 - 12.0 * i, 9.0, text) for i, text in enumerate(NAMES)]
    right = [(210.0, 640 - 12.0 * i, 9.0, text) for i, text in enumerate(NOTES)]

    layer = read(page([*prose(720), *left, *right, *prose(560)]))

    places = [layer.text.index(text) for pair in zip(NAMES, NOTES, strict=True) for text in pair]
    assert places == sorted(places)
