"""Takes what belongs to the page and not to its text out of the pieces of a text layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.blocks.flow import escape
from omnipipe.text.blocks.rows import Row, to_rows
from omnipipe.text.columns.order import Column
from omnipipe.text.extreme import largest, smallest
from omnipipe.text.lines.pieces import from_frame, join_words, to_frame
from omnipipe.text.part import Part
from omnipipe.text.running.across import lie_across
from omnipipe.text.running.form import has_form, num_letters, page_number
from omnipipe.text.running.matter import find_running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.opened import OpenPage
    from omnipipe.text.running.matter import Sample

_STAMP = 2.5
"""Watermarks are set at least this many times larger than body text."""

_LARGE = 1.5
"""And those that run up the page, over its lines, at least this many times."""

_MAX_STAMPS = 20
_MAX_ASIDE = 6
_STRIP = 0.1
"""Share of the page's width at either side where text that runs up or down may be running matter."""


class Running(NamedTuple):
    """The pieces that are left, and what was taken out before and after them, each with its type."""

    pieces: Pieces
    head: list[tuple[str, Row]]
    foot: list[tuple[str, Row]]


def take_running(page: OpenPage, sample: Sample | None = None) -> Running:
    """The pieces of `page` in its most frequent direction, without heads, feet, watermarks and line numbers."""
    pieces, text = page.pieces, page.words.text
    head: list[tuple[str, Row]] = []
    foot: list[tuple[str, Row]] = []
    kept = np.ones(len(pieces.left), bool)
    found = find_running(page.edges, sample, lambda: page.rules)
    middle = (float(smallest(pieces.top)) + float(largest(pieces.bottom))) / 2 if found else 0.0
    for part in found:
        kept[list(part.pieces)] = False
        row = _row(pieces, part.pieces, text)
        (head if row.bottom < middle else foot).append((part.kind, row))
    for stamp in _stamps(pieces, page.body, text):
        if kept[stamp]:
            kept[stamp] = False
            foot.append(("watermark", _row(pieces, (stamp,), text)))
    if len(page.line_numbers):
        numbers = join_words(page.words, page.line_numbers, page.turns[0])
        foot.append(("line_number", _row(numbers, range(len(numbers.left)), text)))
    return Running(pieces if np.count_nonzero(kept) == len(kept) else pieces.take(kept), head, foot)


def take_aside(page: OpenPage, pieces: Pieces, turn: int) -> Running:
    """`pieces`, which run in another direction than most, without running matter at the sides of the page.

    That is a line or two outside of all other text: a page number where the page was turned, or a stamp such as an
    archive's identifier.
    """
    main, text = page.turns[0], page.words.text
    across = _across(page, pieces, turn)
    foot = [("watermark", _row(pieces, (piece,), text)) for piece in np.flatnonzero(across).tolist()]
    kept = ~across
    outside = _outside(page, pieces, turn) & kept
    if (turn - main) % 2 == 0 or not 0 < np.count_nonzero(outside) <= _MAX_ASIDE:
        return Running(pieces.take(kept) if foot else pieces, [], foot)
    for piece in np.flatnonzero(outside).tolist():
        words = " ".join(text[pieces.first[piece] : pieces.last[piece]].split())
        if page_number(words) or has_form(words):
            kept[piece] = False
            kind = "page_number" if page_number(words) else "header"
            foot.append((kind, _row(pieces, (piece,), text)))
    return Running(pieces.take(kept), [], foot)


def to_part(kind: str, row: Row) -> Part:
    """A row of running matter as a block."""
    return Part(kind, None, escape(row.text), row.left, row.top, row.right, row.bottom)


def _row(pieces: Pieces, which: Sequence[int], text: str) -> Row:
    """The pieces at `which` as one row."""
    if len(which) > 1:
        return to_rows(pieces, Column(np.array(which), np.zeros(1, np.intp)), text)[0]
    i = which[0]
    tokens = text[pieces.first[i] : pieces.last[i]].split()
    box = pieces.left.item(i), pieces.top.item(i), pieces.right.item(i), pieces.bottom.item(i)
    word = pieces.word.item(i)
    return Row(" ".join(tokens), *box, pieces.size.item(i), False, word, ((word, len(tokens)),))


def _stamps(pieces: Pieces, body: float, text: str) -> list[int]:
    """Pieces in very large type that lie across the page, over (or under) several others."""
    large = (pieces.size > _STAMP * body).nonzero()[0]
    if not 0 < len(large) <= _MAX_STAMPS:
        return []
    length = pieces.last - pieces.first
    if length[large].sum() > min(80, 0.1 * length.sum()):
        return []
    width = 0.25 * float(pieces.right.max() - pieces.left.min())
    small = pieces.take(pieces.size < 0.6 * _STAMP * body)
    found = []
    for i in large.tolist():
        across = np.minimum(small.right, pieces.right[i]) - np.maximum(small.left, pieces.left[i])
        inset = 0.2 * (pieces.bottom[i] - pieces.top[i])
        down = np.minimum(small.bottom, pieces.bottom[i] - inset) - np.maximum(small.top, pieces.top[i] + inset)
        hit = (across > 0.5 * small.size) & (down > 0.5 * (small.bottom - small.top))
        is_wide = pieces.right[i] - pieces.left[i] > width
        if is_wide and np.count_nonzero(hit) > 3 and num_letters(text[pieces.first[i] : pieces.last[i]]) > 2:
            found.append(i)
    return found


def _across(page: OpenPage, pieces: Pieces, turn: int) -> NDArray[np.bool_]:
    """Which of `pieces` are watermarks: in large type, over lines of the page's main direction."""
    large = pieces.size > _LARGE * page.body
    if not np.count_nonzero(large):
        return large
    left, top, right, bottom = to_frame(page.words.box[page.main], turn)
    return large & lie_across(pieces, np.array(((left + right) / 2, (top + bottom) / 2)), page.words.text)


def _outside(page: OpenPage, pieces: Pieces, turn: int) -> NDArray[np.bool_]:
    """Which of `pieces` stand left or right of all text of the page's main direction, at the edge of the page."""
    main = page.turns[0]
    if not len(page.pieces.left) or not len(pieces.left):
        return np.zeros(len(pieces.left), bool)
    sides = [side.tolist() for side in (pieces.left, pieces.top, pieces.right, pieces.bottom)]
    boxes = np.array([from_frame(a, b, c, d, turn) for a, b, c, d in zip(*sides, strict=True)], np.float32)
    left, _, right, _ = to_frame(boxes, main)
    start, _, end, _ = (float(side[0]) for side in to_frame(np.array([page.page.get_bbox()], np.float32), main))
    strip = _STRIP * (end - start)
    inner, outer = page.pieces.left.min(), page.pieces.right.max()
    middle = (left + right) / 2
    found: NDArray[np.bool_] = ((right < inner) & (middle < start + strip)) | ((left > outer) & (middle > end - strip))
    return found
