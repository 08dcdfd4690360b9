"""Notes in the margin: small type beside the lines of running text, read after the paragraph that they stand beside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.blocks.markdown import to_parts, to_rows
from omnipipe.text.columns.gutters import median
from omnipipe.text.columns.order import Column, to_column
from omnipipe.text.running.form import num_letters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.blocks.rows import PageStyle, Row
    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.part import Part

_MIN_LINES = 8
_LONG = 20.0
"""Lines of running text are longer than this many ems; so many of them begin and end at one edge."""

_SMALL = 0.92
"""Of the size of running text: the type of notes is no larger."""

_APART = 0.4
"""Ems between the text and what stands in its margin, at least."""

_MAX_WIDTH, _MAX_SHARE = 0.5, 0.3
"""Of the width of the text and of the characters of the page: what takes more is a column."""

_MAX_CELLS = 1.25
"""Pieces for each row of notes, at most."""

_PITCH = 0.9
"""White in ems between two lines of one note, at most."""


class Note(NamedTuple):
    """The blocks and the rows of a note; `is_left`: it stands left of the text."""

    parts: list[Part]
    rows: list[Row]
    is_left: bool


class Span(NamedTuple):
    """Where the lines of the text begin and end, and how far up and down they reach."""

    left: float
    right: float
    top: float
    bottom: float


def take_notes(order: list[Column], pieces: Pieces, page: PageStyle, *, rtl: bool) -> tuple[list[Column], list[Note]]:
    """`order` without the notes in the margin that it has in lines of text, and those."""
    span = _span(pieces, page.body)
    if span is None:
        return order, []
    columns = [to_column(pieces, group, rtl) for group in _groups(pieces, span, page)]
    num_pieces, num_rows = (sum(map(len, sides)) for sides in zip(*columns, strict=True)) if columns else (0, 0)
    # Several cells a row are those of a table.
    if not columns or num_pieces > _MAX_CELLS * num_rows:
        return order, []
    found = np.zeros(len(pieces.left), bool)
    found[np.concatenate([column.pieces for column in columns])] = True
    if not any(_is_mixed(column, found) for column in order):
        return order, []
    notes = []
    plain = replace(page, codes=False, options=replace(page.options, lists=False))
    for column in columns:
        rows = to_rows(pieces, column, page.text, page.styles)
        notes.append(Note(to_parts(rows, plain), rows, bool(pieces.right[column.pieces[0]] < span.left)))
    return [column for column in (_without(column, found) for column in order) if len(column.pieces)], notes


def place_notes(parts: list[Part], notes: Sequence[Note]) -> list[Part]:
    """`parts` with each note after the block beside it; before it where the note stands left of its first line."""
    places: dict[int, list[Part]] = {}
    for note in notes:
        places.setdefault(_place(parts, note), []).extend(note.parts)
    out = []
    for i in range(len(parts) + 1):
        out += places.get(i, [])
        out += parts[i : i + 1]
    return out


def _place(parts: Sequence[Part], note: Note) -> int:
    """The number of the part that the note comes before."""
    top, middle = note.parts[0].top, (note.parts[0].left + note.parts[0].right) / 2
    size = note.parts[0].size
    beside = [i for i, part in enumerate(parts) if part.top - 0.5 * size <= top and not part.left < middle < part.right]
    if not beside:
        return 0
    at = max(beside, key=lambda i: parts[i].top)
    if note.is_left and top < parts[at].top + 0.8 * size and not parts[at].joins:
        return at
    at += 1
    while at < len(parts) and parts[at].joins:
        at += 1
    return at


def _span(pieces: Pieces, em: float) -> Span | None:
    """The one column of running text of a page; None where there is none, or another one."""
    is_long = (pieces.right - pieces.left > _LONG * em) & (np.abs(pieces.size - em) < 0.1 * em)
    if np.count_nonzero(is_long) < _MIN_LINES:
        return None
    left, right = median(pieces.left[is_long]), median(pieces.right[is_long])
    lines = is_long & (np.abs(pieces.left - left) < 0.5 * em) & (np.abs(pieces.right - right) < 0.5 * em)
    num_lines = np.count_nonzero(lines)
    is_wider = is_long & ((pieces.left < left - _APART * em) | (pieces.right > right + _APART * em))
    if num_lines < max(_MIN_LINES, 0.5 * np.count_nonzero(is_long)) or np.count_nonzero(is_wider):
        return None
    return Span(left, right, float(pieces.top[is_long].min()), float(pieces.bottom[is_long].max()))


def _found(pieces: Pieces, span: Span, page: PageStyle) -> NDArray[np.bool_]:
    """Which pieces stand in the margin, in small type; none where they are too much, or too wide, for notes."""
    em = page.body
    found = (pieces.right < span.left - _APART * em) | (pieces.left > span.right + _APART * em)
    found &= (pieces.size < _SMALL * em) & (pieces.last > pieces.first)
    length = pieces.last - pieces.first
    is_wide = pieces.right - pieces.left > _MAX_WIDTH * (span.right - span.left)
    if np.count_nonzero(found & is_wide) or length[found].sum() > _MAX_SHARE * length.sum():
        return np.zeros_like(found)
    for i in found.nonzero()[0].tolist():
        # Lines of code are numbered in the margin.
        found[i] = not page.text[pieces.first[i] : pieces.last[i]].strip().isdecimal()
    return found


def _is_mixed(column: Column, found: NDArray[np.bool_]) -> bool:
    """Whether a row of `column` has both text and what was found beside it."""
    num_found = np.add.reduceat(found[column.pieces].astype(np.intp), column.starts)
    sizes = np.diff(column.starts, append=len(column.pieces))
    return bool(np.count_nonzero((num_found > 0) & (num_found < sizes)))


def _without(column: Column, found: NDArray[np.bool_]) -> Column:
    """`column` without the pieces that were found."""
    kept = ~found[column.pieces]
    if np.count_nonzero(kept) == len(kept):
        return column
    row = np.zeros(len(kept), np.intp)
    row[column.starts[1:]] = 1
    row = row.cumsum()[kept]
    return Column(column.pieces[kept], np.flatnonzero(np.diff(row, prepend=-1)))


def _groups(pieces: Pieces, span: Span, page: PageStyle) -> list[NDArray[np.intp]]:
    """The pieces in the margin, note by note: those with words in them."""
    out: list[NDArray[np.intp]] = []
    found = _found(pieces, span, page)
    if not np.count_nonzero(found):
        return out
    em = page.body
    is_left = pieces.right < span.left
    is_across = (pieces.left < span.left - _APART * em) & (pieces.right > span.left + 2 * em)
    is_beyond = (pieces.right > span.right + _APART * em) & (pieces.left < span.right - 2 * em)
    for side, others in ((found & is_left, is_across), (found & ~is_left, is_beyond)):
        which = side.nonzero()[0]
        which = which[pieces.top[which].argsort(kind="stable")]
        reach = np.maximum.accumulate(pieces.bottom[which])
        cuts = (pieces.top[which][1:] - reach[:-1] > _PITCH * em).nonzero()[0] + 1
        groups = np.split(which, cuts) if len(which) else []
        out += [
            group for group in groups if _is_beside(pieces, group, span, em) and not _touches(pieces, group, others, em)
        ]
    says = [[page.text[pieces.first[i] : pieces.last[i]] for i in group.tolist()] for group in out]
    return [group for group, texts in zip(out, says, strict=True) if num_letters(" ".join(texts)) > 2]


def _is_beside(pieces: Pieces, group: NDArray[np.intp], span: Span, em: float) -> bool:
    """Whether a note stands beside the text, not above all of it or below."""
    return bool(pieces.bottom[group].max() > span.top - em and pieces.top[group].min() < span.bottom + em)


def _touches(pieces: Pieces, group: NDArray[np.intp], others: NDArray[np.bool_], em: float) -> bool:
    """Whether lines that begin in the margin stand above or below a note: they may hold the rest of it."""
    top, bottom = pieces.top[group].min() - _PITCH * em, pieces.bottom[group].max() + _PITCH * em
    return bool(np.count_nonzero(others & (pieces.bottom > top) & (pieces.top < bottom)))
