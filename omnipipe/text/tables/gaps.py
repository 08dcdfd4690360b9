"""Where tables may be that no lines show: rows of pieces with gaps at the same places."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.extreme import largest
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.regions import CAPTION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces

    Box = tuple[float, float, float, float]

_FAR = 3.0
"""Font sizes between the baselines of rows of one table at most."""
_PROSE = 14.0
"""Font sizes; a column of pieces wider than this is running text."""
_WIDE = 12.0
"""Font sizes; pieces wider than this show in which columns a page is set."""
_MIN_LINES = 4
_TABLE_ROW = 4
"""Pieces; columns of running text are fewer."""
_FULL = 0.85
"""Of the width of a column: what most lines of running text fill, and few labels of rows."""
_APART = 1.2
"""Of the distance between the rows of a table: text above and below it is further away."""
_MAX_DETAILS = 6
"""Lines below the row of an item that say more of it."""
_ZERO = np.zeros(1, np.intp)
_NUMBERS = 3
_NUMERIC = 0.6
"""Of the pieces right of the first column: tables with more numbers may stand over both columns of a page."""
MAX_PIECES = 20_000
"""Pages of more pieces are not searched for tables."""


class Rows(NamedTuple):
    """Rows of pieces: `order` sorts pieces by row, `starts` says where each starts, `num_pieces` how
    many pieces it has."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    num_pieces: NDArray[np.intp]
    base: NDArray[np.float32]


def gap_boxes(pieces: Pieces, text: str, numbers: NDArray[np.intp], least: int = 3) -> list[Box]:
    """Boxes (left, top, right, bottom) around at least three rows, each of `least` pieces or numbers, or more, that
    follow each other, columns of running text beside them left out.

    `text` is the page's, `numbers` counts those in each of `pieces`.
    """
    if len(pieces.left) < 3:
        return []
    rows = by_rows(pieces)
    rich = rows.num_pieces >= least
    if numbers.any():
        rich |= np.add.reduceat(numbers[rows.order], rows.starts) >= _NUMBERS
    if np.count_nonzero(rich) < 3:
        return []
    em = median(pieces.size)
    boxes = []
    # Text is set in two or three columns; rows of more are those of tables.
    is_text = np.empty(len(pieces.left), bool)
    is_text[rows.order] = np.repeat(rows.num_pieces < _TABLE_ROW, rows.num_pieces)
    pending = _stretches(pieces, rows, rich, em, _captions(pieces, rows, text))[::-1]
    while pending:
        first, last = pending.pop()
        inside = rows.order[rows.starts[first] : rows.starts[last] + rows.num_pieces[last]]
        found = []
        for part in _parts_beside_gutters(pieces, inside, is_text, text, em):
            box = _without_prose(pieces, part, text, em, least if numbers[part].sum() < len(part) else 1)
            if box is not None:
                found.append(grown(pieces, rows, box, (first, last), em))
        if not found:
            pending += _between_poor(rows, rich, first, last)[::-1]
        boxes += found
    return boxes


def _between_poor(rows: Rows, rich: NDArray[np.bool_], first: int, last: int) -> list[tuple[int, int]]:
    """The parts of a stretch between its poorer rows, as headings and text between two tables are: of three rows at
    least, and further from these than from each other."""
    found = []
    bounds = [first - 1, *(first + (~rich[first : last + 1]).nonzero()[0]).tolist(), last + 1]
    for start, end in pairwise(bounds) if len(bounds) > 2 else ():
        if end - start <= 3:
            continue
        apart = _APART * median(np.diff(rows.base[start + 1 : end]))
        is_after = start < first or rows.base[start + 1] - rows.base[start] > apart
        if is_after and (end > last or rows.base[end] - rows.base[end - 1] > apart):
            found.append((start + 1, end - 1))
    return found


def by_rows(pieces: Pieces) -> Rows:
    base = base_of(pieces)
    order = base.argsort(kind="stable")
    ordered, size = base[order], pieces.size[order]
    step = ordered[1:] - ordered[:-1] > 0.35 * np.minimum(size[1:], size[:-1])
    starts = np.concatenate((_ZERO, step.nonzero()[0] + 1))
    count = np.concatenate((starts[1:], [len(order)])) - starts
    return Rows(order, starts, count, ordered[starts])


def _captions(pieces: Pieces, rows: Rows, text: str) -> NDArray[np.intp]:
    """The rows that are the first line of a caption, from the top."""
    lone = (rows.num_pieces == 1).nonzero()[0]
    first = pieces.first[rows.order[rows.starts[lone]]].tolist()
    is_caption = np.array([bool(CAPTION.match(text, k, k + 24)) for k in first], bool)
    found: NDArray[np.intp] = lone[is_caption]
    return found


def _stretches(
    pieces: Pieces, rows: Rows, rich: NDArray[np.bool_], em: float, captions: NDArray[np.intp]
) -> list[tuple[int, int]]:
    """First and last of the rich rows that stand near each other, poorer rows between them allowed that are no
    captions; three at least."""
    at = rich.nonzero()[0]
    base = rows.base[at]
    far = (base[1:] - base[:-1] > 2 * _FAR * em) | (at[1:] - at[:-1] > 4)
    for k in (far & (at[1:] - at[:-1] > 1) & (at[1:] - at[:-1] <= _MAX_DETAILS + 1)).nonzero()[0].tolist():
        row, after = int(at[k]), int(at[k + 1])
        is_near = rows.base[after] - rows.base[after - 1] < _FAR * em
        far[k] = not is_near or _num_details(pieces, rows, row, after, em) < after - row - 1
    if len(captions):
        far |= captions.searchsorted(at[1:]) > captions.searchsorted(at[:-1])
    found = []
    for a, b in pairwise([0, *(far.nonzero()[0] + 1).tolist(), len(at)]):
        first, last = int(at[a]), int(at[b - 1])
        if b - a < 3:
            continue
        num_poor = last - first + 1 - (b - a)
        if num_poor and 1 in rows.num_pieces[first:last]:
            details = [_num_details(pieces, rows, one, after, em) for one, after in pairwise(at[a:b].tolist())]
            if num_poor - sum(details) > b - a:
                continue
            if 2 * sum(map(bool, details)) < len(details):
                details = [0]
            end = min([last + 1 + max(details), len(rows.starts), *captions[captions > last].tolist()])
            last += _num_details(pieces, rows, last, end, em)
        elif num_poor > b - a:
            continue
        found.append((first, last))
    return found


def _num_details(pieces: Pieces, rows: Rows, row: int, after: int, em: float) -> int:
    """How many of the rows from `row` to `after` follow it as lines of one piece below one of its texts, within its
    column, which is not the first."""
    if after <= row + 1:
        return 0
    here = rows.order[rows.starts[row] : rows.starts[row] + rows.num_pieces[row]]
    lefts = np.sort(pieces.left[here])
    for k in range(row + 1, after):
        piece = rows.order[rows.starts[k]]
        column = int(np.searchsorted(lefts, pieces.left[piece] + 0.5 * em)) - 1
        is_detail = rows.num_pieces[k] == 1 and 0 < column < len(lefts) - 1
        if not is_detail or pieces.right[piece] > lefts[column + 1] - 0.5 * em:
            return k - row - 1
        if rows.base[k] - rows.base[k - 1] > _FAR * em:
            return k - row - 1
    return after - row - 1


def _parts_beside_gutters(
    pieces: Pieces, inside: NDArray[np.intp], is_text: NDArray[np.bool_], text: str, em: float
) -> list[NDArray[np.intp]]:
    """The pieces at `inside`, parted where the page is set in columns: no table but one of numbers goes over both.
    `is_text` says which of the others may be lines of such columns."""
    is_wide = (pieces.right - pieces.left > _WIDE * em) & is_text
    is_wide[inside] = False
    wide = is_wide.nonzero()[0]
    if len(wide) < 2 * _MIN_LINES:
        return [inside]
    left, right = pieces.left[wide], pieces.right[wide]
    columns = _columns(pieces, inside, em)
    for k, (column, after) in enumerate(pairwise(columns)):
        gutter = (float(largest(pieces.right[column])) + float(pieces.left[after[0]])) / 2
        before, behind = int(np.count_nonzero(right <= gutter)), int(np.count_nonzero(left >= gutter))
        if min(before, behind) < _MIN_LINES or len(left) - before - behind > 0.3 * min(before, behind):
            continue
        if _numeric_share(pieces, np.concatenate(columns[1:]), text) > _NUMERIC:
            continue
        parts = [np.concatenate(columns[: k + 1]), np.concatenate(columns[k + 1 :])]
        return [piece for part in parts for piece in _parts_beside_gutters(pieces, part, is_text, text, em)]
    return [inside]


def _columns(pieces: Pieces, inside: NDArray[np.intp], em: float) -> list[NDArray[np.intp]]:
    """The pieces at `inside` by columns that clear white parts, from left to right."""
    order = inside[pieces.left[inside].argsort(kind="stable")]
    reach = np.maximum.accumulate(pieces.right[order])
    ends = (pieces.left[order[1:]] > reach[:-1] + 0.5 * em).nonzero()[0] + 1
    return [order[a:b] for a, b in pairwise([0, *ends.tolist(), len(order)])] if len(ends) else [order]


def _numeric_share(pieces: Pieces, which: NDArray[np.intp], text: str) -> float:
    texts = [text[first:last] for first, last in zip(*_cut(pieces, which), strict=True)]
    return sum(any(map(str.isdigit, t)) and sum(map(str.isalpha, t)) < 3 for t in texts) / max(len(texts), 1)


def _without_prose(pieces: Pieces, inside: NDArray[np.intp], text: str, em: float, least: int) -> Box | None:
    """The box of the pieces at `inside` without outer columns of running text; None where too little is left."""
    columns = _columns(pieces, inside, em)
    if len(columns) < least:
        return None

    def is_prose(column: NDArray[np.intp]) -> bool:
        return (
            len(column) > 4
            and median(pieces.right[column] - pieces.left[column]) > _PROSE * em
            and not _has_leaders(pieces, column, text)
            and not _are_labels(pieces, column, inside, text)
        )

    while columns and is_prose(columns[0]):
        del columns[0]
    while columns and is_prose(columns[-1]):
        del columns[-1]
    if len(columns) < least:
        return None
    kept = np.concatenate(columns)
    return (
        float(pieces.left[kept].min()),
        float(pieces.top[kept].min()),
        float(pieces.right[kept].max()),
        float(pieces.bottom[kept].max()),
    )


def _has_leaders(pieces: Pieces, column: NDArray[np.intp], text: str) -> bool:
    """Whether pieces end in dots that lead to the next column."""
    ends = [text[max(first, last - 6) : last] for first, last in zip(*_cut(pieces, column), strict=True)]
    return 3 * sum(end.count(".") > 2 or end.count("…") > 1 for end in ends) > len(ends)


def _are_labels(pieces: Pieces, column: NDArray[np.intp], inside: NDArray[np.intp], text: str) -> bool:
    """Whether few of the pieces of `column` are as wide as it, as lines of running text are, and most have others of
    those at `inside` on their line, right of them; where all have, and all begin as names and sentences do, they may be
    wide."""
    left, right = pieces.left[column], pieces.right[column]
    num_full = int(np.count_nonzero(right - left > _FULL * (right.max() - left.min())))
    after = inside[pieces.left[inside] > right.max()]
    base = base_of(pieces)
    near = np.abs(base[column, None] - base[after]) < 0.35 * pieces.size[column, None]
    num_beside = int(np.count_nonzero(near.any(axis=1)))
    if 3 * num_full <= len(column):
        return 2 * num_beside > len(column)
    starts = pieces.first[column].tolist()
    return num_beside == len(column) and all(text[i].isupper() or text[i].isdigit() or text[i] == "(" for i in starts)


def _cut(pieces: Pieces, column: NDArray[np.intp]) -> tuple[list[int], list[int]]:
    return pieces.first[column].tolist(), pieces.last[column].tolist()


def grown(pieces: Pieces, rows: Rows, box: Box, reach: tuple[int, int], em: float) -> Box:
    """`box` with the rows of two pieces or more that stand right above and below it, within its width."""
    x0, top, x1, bottom = box
    first, last = reach
    pitch = median(np.diff(rows.base[first : last + 1]))
    for step, row in ((-1, first - 1), (1, last + 1)):
        while 0 <= row < len(rows.num_pieces):
            here = rows.order[rows.starts[row] : rows.starts[row] + rows.num_pieces[row]]
            inside = here[(pieces.right[here] > x0) & (pieces.left[here] < x1)]
            far = abs(float(rows.base[row] - rows.base[row - step]))
            is_out = (pieces.left[inside] < x0 - em) | (pieces.right[inside] > x1 + em)
            wide = pieces.right[inside] - pieces.left[inside] > 0.6 * (x1 - x0)
            if len(inside) < 2 or far > max(1.5 * pitch, 1.6 * em) or is_out.any() or wide.any():
                break
            top, bottom = min(top, float(pieces.top[inside].min())), max(bottom, float(pieces.bottom[inside].max()))
            row += step
    return x0, top, x1, bottom
