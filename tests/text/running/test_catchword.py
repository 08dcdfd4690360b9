"""The first word of the next page below the last line of a scanned book's page."""

from __future__ import annotations

import pytest

from omnipipe.text.running.margin_lines import Box, classify_margins

_PITCH = 0.024


def page(last: str, *below: tuple[str, float, float], ragged: bool = False, lines: int = 24) -> list[Box]:
    """A page of lines, the last of which ends in `last`, and texts `below` it in one row, with their ends."""
    boxes = []
    for i in range(lines):
        right = 0.85 - (0.012 * ((5 * i) % 11) if ragged and i < lines - 1 else 0.0)
        text = "words of running text over the whole width of the page"
        boxes.append(
            Box(text if i < lines - 1 else f"{text} {last}", 0.15, 0.2 + _PITCH * i, right, 0.222 + _PITCH * i)
        )
    y = 0.2 + _PITCH * lines
    return boxes + [Box(text, left, y, right, y + 0.022) for text, left, right in below]


@pytest.mark.parametrize(
    ("last", "word"), [("neigen, kan", "wohl"), ("in Anse-", "hung"), ("seiner Ge=", "Setzge="), ("Meh.", "nung")]
)
def test_a_word_that_the_next_page_begins_with_is_no_text(last: str, word: str) -> None:
    boxes = page(last, (word, 0.77, 0.851))

    assert classify_margins(boxes, aspect=0.7) == [None] * 24 + ["footer"]


def test_the_mark_of_a_sheet_beside_it_is_none_either() -> None:
    boxes = page("neigen, kan", ("A 2", 0.48, 0.52), ("wohl", 0.77, 0.851))

    assert classify_margins(boxes, aspect=0.7) == [None] * 24 + ["footer"] * 2


@pytest.mark.parametrize(
    ("last", "below"),
    [
        pytest.param("to the end", ("again", 0.15, 0.22), id="a paragraph's last word"),
        pytest.param("most humble servant,", ("Smith", 0.77, 0.851), id="a name"),
        pytest.param("to the end.", ("Finis", 0.77, 0.851), id="after a full stop"),
        pytest.param("to the end", ("and so it went on", 0.65, 0.851), id="several words"),
    ],
)
def test_other_short_lines_stay(last: str, below: tuple[str, float, float]) -> None:
    assert classify_margins(page(last, below), aspect=0.7) == [None] * 25


def test_below_lines_that_end_anywhere_nothing_is_one() -> None:
    assert classify_margins(page("to the end", ("wohl", 0.77, 0.851), ragged=True), aspect=0.7) == [None] * 25


def test_a_line_below_it_makes_it_text() -> None:
    boxes = [*page("neigen, kan", ("wohl", 0.77, 0.851)), Box("so it goes on at the left", 0.15, 0.805, 0.5, 0.827)]

    assert classify_margins(boxes, aspect=0.7) == [None] * 26
