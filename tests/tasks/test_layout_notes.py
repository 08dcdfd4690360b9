"""Footnotes at the foot of the columns of an OCR page."""

from __future__ import annotations

from collections.abc import Sequence

from omnipipe.page import Block, Line
from omnipipe.tasks.layout_extraction.apply import apply_regions

PROSE = "which was the reason that nobody had ever asked"
NOTE = "1 The rest is told in another book by the same man"


def _lines(text: str, x: float, y: float, letter: float, rows: int = 1) -> list[Line]:
    step = 0.015 * letter
    return [
        Line(text, (x, y + step * row, x + 0.0085 * letter * len(text), y + step * row + 0.012 * letter), 0.9)
        for row in range(rows)
    ]


def _texts(*paragraphs: Sequence[Line]) -> list[tuple[str, str]]:
    """Types and first letters of the blocks of a page in reading order."""
    blocks = []
    for number, lines in enumerate(paragraphs):
        x0s, y0s, x1s, y1s = zip(*(line.bbox for line in lines), strict=True)
        box = (min(x0s), min(y0s), max(x1s), max(y1s))
        blocks.append(Block("text", box, number, None, " ".join(line.text for line in lines), None, 0.9, "rapidocr"))
    made = apply_regions(blocks, [line for lines in paragraphs for line in lines], [], aspect=0.7)
    return [(block.type, block.text[:12]) for block in made]


def test_notes_at_the_foot_of_the_first_column_follow_the_second_one() -> None:
    left, right = _lines(PROSE, 0.08, 0.1, 1, 48), _lines(PROSE, 0.53, 0.1, 1, 54)
    notes = _lines(NOTE, 0.08, 0.85, 0.8, 3)

    found = _texts(left, notes, right)

    assert found == [("text", PROSE[:12]), ("text", PROSE[:12]), ("footnote", NOTE[:12])]


def test_an_item_in_letters_of_the_text_stays_in_its_column() -> None:
    left, right = _lines(PROSE, 0.08, 0.1, 1, 48), _lines(PROSE, 0.53, 0.1, 1, 54)
    item = _lines("1 The rest is told in another book by the", 0.08, 0.85, 1, 3)

    assert [kind for kind, _ in _texts(left, item, right)] == ["text"] * 3
    assert _texts(left, item, right)[1][1] == "1 The rest i"


def test_small_text_above_other_text_is_no_note() -> None:
    left, right = _lines(PROSE, 0.08, 0.1, 1, 30), _lines(PROSE, 0.53, 0.1, 1, 54)
    small, last = _lines(NOTE, 0.08, 0.6, 0.8, 3), _lines(PROSE, 0.08, 0.7, 1, 12)

    assert "footnote" not in [kind for kind, _ in _texts(left, small, last, right)]
