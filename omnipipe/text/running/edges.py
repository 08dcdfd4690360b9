"""What stands at the top and the bottom of a page: rows, in bands that white over the full width parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.extreme import largest, smallest
from omnipipe.text.running.form import page_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZONE = 0.2
"""Share of the page's height that running matter keeps to, at the top and at the bottom."""

PARTED = 0.3
"""White below this many ems is that between lines."""

_APART = 1.2
"""Rows over columns of text are parted from them by more white than this, in ems."""

_FAR = 5.0
"""Times the white between the next two rows: a row this far from them is none of their table."""

_FAR_FROM_ONE = 3.0
"""The same where the next row is the only one of a table, as its last on a page of its own."""

_SMALLER = 0.9
"""Of the size of a table's cells: rows in smaller type that white parts from them are none of the table."""

_LONG, _MIN_LINES = 14.0, 12
"""Lines of a column of text are longer than this many ems, and a column has at least so many that end at one edge."""

_ENDED = 0.5
"""White in ems between the last line of a text and the page number that ends it."""

_MAX_BANDS = 3
_MAX_PIECES = 16
_MAX_ROWS = 4
_MAX_OUTER = _MAX_BANDS * _MAX_PIECES
_SAMPLE_ROWS = 5
_USUAL = 12
"""Pieces of the outer rows, on most pages."""
_MAX_CHARS = 400

_left = itemgetter(4)

_FEW = 16
"""Pages with fewer pieces of lines, or with larger type by the page's height, are no pages of text."""
_LARGE_TYPE = 0.018


class Cells(NamedTuple):
    """Pieces of lines of one direction: arrays of one length.

    Lengths are shares of the page's height, across as well as down, from its top left corner as the text is upright;
    `size` is the font size.
    """

    left: NDArray[np.float32]
    top: NDArray[np.float32]
    right: NDArray[np.float32]
    bottom: NDArray[np.float32]
    size: NDArray[np.float32]


class OuterRow(NamedTuple):
    """A row near the edge: its pieces from left to right, their texts and the gaps between them, its size.

    `middle` (0 to 1) is counted from the top of the page, `reach` is how far the inner side is from the page's edge.
    `left` and `right` are its ends.
    """

    pieces: tuple[int, ...]
    texts: tuple[str, ...]
    gaps: tuple[float, ...]
    middle: float
    reach: float
    size: float
    left: float
    right: float


class Band(NamedTuple):
    """Rows that belong together, the outermost first, and the white between them and what comes inside.

    `is_table`: its cells belong to what stands inside of it, as the cells of a table and the lines of columns do.
    """

    rows: tuple[OuterRow, ...]
    white: float
    is_table: bool


class Margins(NamedTuple):
    """What is compared between pages: middle (0 to 1 from the top), size and texts of the outermost rows."""

    rows: tuple[tuple[float, float, tuple[str, ...]], ...]


class Edges(NamedTuple):
    """The bands at the top and bottom of a page from outside inwards, and its rows for other pages.

    `em` is the usual font size, `inset` how far from the left edge text begins (0: there is no saying). `span` is where
    most lines begin and where the longest ones end.
    """

    head: tuple[Band, ...]
    foot: tuple[Band, ...]
    margins: Margins
    em: float
    inset: float
    span: tuple[float, float]
    num_pieces: int


def find_edges(cells: Cells, text_of: Callable[[int], str], em: float) -> Edges:
    """What stands at the top and the bottom. `em` is the size of running text as a share of the page's height."""
    left, top, right, bottom, _ = cells
    middle = top + bottom
    kept = ((middle > 0) & (middle < 2) & (left + right > 0)).nonzero()[0]
    head, first = _bands(cells, kept, (top, bottom), text_of, em)
    foot, last = _bands(cells, kept, (1 - bottom, 1 - top), text_of, em)
    foot = _with_end(foot, last, em)
    rows = {row.pieces: (row.middle, row.size, row.texts) for row in (*first, *last)}
    span = _span(left[kept], right[kept]) if len(kept) else (0.0, 0.0)
    return Edges(head, foot, Margins(tuple(rows.values())), em, _inset(left[kept], span[0], em), span, len(kept))


def _with_end(foot: tuple[Band, ...], last: Sequence[OuterRow], em: float) -> tuple[Band, ...]:
    """The bands at the bottom, and after them a page number that ends a text which ends far above, as on printed pages
    of the web. `last` are the outermost rows."""
    num_rows = sum(len(band.rows) for band in foot)
    if len(last) < num_rows + 2:
        return foot
    row, inner = last[num_rows : num_rows + 2]
    if row.reach < ZONE or len(row.texts) > 1 or not page_number(row.texts[0]):
        return foot
    white = (row.middle - inner.middle) / em - 1
    return (*foot, Band((row,), white, False)) if white > _ENDED else foot


def _span(left: NDArray[np.float32], right: NDArray[np.float32]) -> tuple[float, float]:
    """The ends of the text, but for a tenth of its pieces that stand further out at either side."""
    few = len(left) // 10
    return np.partition(left, few)[few].item(), np.partition(right, -1 - few)[-1 - few].item()


def _inset(left: NDArray[np.float32], inset: float, em: float) -> float:
    """Where text begins, at `inset`; 0 where it does not begin at one line, as in drawings, and on cards."""
    if len(left) < _FEW or em > _LARGE_TYPE:
        return 0.0
    return inset if np.count_nonzero(np.abs(left - inset) < 1.5 * em) > 0.15 * len(left) else 0.0


def _bands(
    cells: Cells,
    kept: NDArray[np.intp],
    places: tuple[NDArray[np.float32], NDArray[np.float32]],
    text_of: Callable[[int], str],
    em: float,
) -> tuple[tuple[Band, ...], tuple[OuterRow, ...]]:
    """The outer bands of one side, and the outermost rows. `places` are near and far sides, counted from that edge."""
    near, far = places
    order = kept[near[kept].argsort(kind="stable")]
    if not len(order):
        return (), ()
    starts, stops = near[order], far[order]
    ends = np.maximum.accumulate(stops)
    cuts = (starts[1:] - ends[:-1] > PARTED * em).nonzero()[0][:_MAX_BANDS].tolist()
    cuts = [*cuts, len(order) - 1][:_MAX_BANDS]
    num_cuts = _num_near(cuts, ends)
    pieces = _pieces(cells, order[:_MAX_OUTER], starts, stops)
    groups = _rows(pieces, cuts[num_cuts - 1] if num_cuts else -1)
    rows = [_row(group, text_of) for group in groups[:_SAMPLE_ROWS]]
    bands: list[Band] = []
    first = 0
    for cut in cuts[:num_cuts]:
        stop = next((i for i, group in enumerate(groups) if group[0][0] > cut), len(groups))
        if not 0 < stop - first <= _MAX_ROWS:
            break
        white = float(starts[cut + 1] - ends[cut]) / em if cut + 1 < len(order) else 1 / em
        rows += [_row(group, text_of) for group in groups[len(rows) : stop]]
        inside = groups[stop] if stop < len(groups) else []
        is_table = _is_table(groups[stop - 1], inside)
        if bands:
            is_table = is_table or (_holds_line(groups[stop - 1], em) and _has_columns(cells, kept, em))
        elif is_table and white > _APART:
            is_lone = stop + 1 < len(groups) and len(groups[stop + 1]) == 1
            is_table = not (
                _is_smaller(groups[stop - 1], inside)
                or white > (_FAR_FROM_ONE if is_lone else _FAR) * _white(groups[stop : stop + 2], em)
                or _has_columns(cells, kept, em)
            )
        bands.append(Band(tuple(rows[first:stop]), white, is_table))
        first = stop
    if not bands and len(rows[0].pieces) == 1 and page_number(rows[0].texts[0]) and rows[0].reach < ZONE:
        # Numbers may stand close to the text.
        bands.append(Band((rows[0],), 0.0, False))
    return tuple(bands), tuple(rows[:_SAMPLE_ROWS])


def _num_near(cuts: Sequence[int], ends: NDArray[np.float32]) -> int:
    """How many of the bands that end at `cuts` have few pieces, and keep to the edge."""
    start = 0
    for i, cut in enumerate(cuts):
        if cut + 1 - start > _MAX_PIECES or float(ends[cut]) > ZONE:
            return i
        start = cut + 1
    return len(cuts)


_Piece = tuple[int, float, float, int, float, float, float, float, float]
"""A piece as plain numbers: its place and near and far sides from the edge, its number, left, top, right, bottom, size.
Tuples without names: they are made for each piece, and most are looked at once."""


def _pieces(
    cells: Cells, order: NDArray[np.intp], near: NDArray[np.float32], far: NDArray[np.float32]
) -> Iterator[_Piece]:
    for some in (slice(0, _USUAL), slice(_USUAL, None)):
        which = order[some]
        columns = [near[some].tolist(), far[some].tolist(), which.tolist(), *[side[which].tolist() for side in cells]]
        yield from zip(count(some.start), *columns, strict=False)


def _rows(outer: Iterator[_Piece], last: int) -> list[list[_Piece]]:
    """The pieces by row, from the edge inwards, and in a row by their order from the edge.

    Those that are sampled, and those up to the one inside of the place `last`.
    """
    groups: list[list[_Piece]] = []
    reach = middle = 0.0
    for piece in outer:
        near, far = piece[1], piece[2]
        half = 0.5 * (far - near)
        # Beside the row's first piece, and not much above or below it.
        is_beside = (reach if reach < far else far) - near > half
        if groups and is_beside and abs((near + far) / 2 - middle) < half:
            groups[-1].append(piece)
        else:
            if len(groups) >= _SAMPLE_ROWS and groups[-1][0][0] > last:
                break
            groups.append([piece])
            reach, middle = far, (near + far) / 2
    return groups


def _row(group: Sequence[_Piece], text_of: Callable[[int], str]) -> OuterRow:
    if len(group) == 1:
        ((_, _, far, number, left, top, right, bottom, size),) = group
        text = " ".join(text_of(number)[:_MAX_CHARS].split())
        return OuterRow((number,), (text,), (), (top + bottom) / 2, far, size, left, right)
    pieces = sorted(group, key=_left)
    _, _, fars, numbers, lefts, tops, rights, bottoms, sizes = zip(*pieces, strict=True)
    ordered = sorted(sizes)
    return OuterRow(
        numbers,
        tuple([" ".join(text_of(number)[:_MAX_CHARS].split()) for number in numbers]),
        tuple([left - right for left, right in zip(lefts[1:], rights, strict=False)]),
        (min(tops) + max(bottoms)) / 2,
        max(fars),
        (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2,
        lefts[0],
        max(rights),
    )


def _is_table(row: Sequence[_Piece], inside: Sequence[_Piece]) -> bool:
    """Whether the cells of a row stand over (or under) cells of the row inside of it."""
    if len(row) < 2 or len(inside) < 2:
        return False
    wide = [(piece[4], piece[6]) for piece in inside]
    held = 0
    for piece in row:
        left, right = piece[4], piece[6]
        most = 2.5 * (right - left) + 0.02
        held += any(start < right and end > left and end - start < most for start, end in wide)
    return held >= max(2, len(row) - 1)


def _white(rows: Sequence[Sequence[_Piece]], em: float) -> float:
    """White in ems between two rows, at least half an em; infinite where there is one only."""
    if len(rows) < 2:
        return float("inf")
    return max((min(piece[1] for piece in rows[1]) - max(piece[2] for piece in rows[0])) / em, 0.5)


def _is_smaller(row: Sequence[_Piece], inside: Sequence[_Piece]) -> bool:
    """Whether all of a row is set in smaller type than the row inside of it, as a foot under two columns of code."""
    return len(row) == 2 and max(piece[8] for piece in row) < _SMALLER * min(piece[8] for piece in inside)


def _holds_line(row: Sequence[_Piece], em: float) -> bool:
    """Whether a row of several pieces has one as long as lines of text in columns are."""
    return len(row) > 1 and any(piece[6] - piece[4] > _LONG * em for piece in row)


def _has_columns(cells: Cells, kept: NDArray[np.intp], em: float) -> bool:
    """Whether the page is set in two columns of running text: many long lines in each half that fill the column."""
    left, right = cells.left[kept], cells.right[kept]
    middle = (float(smallest(left)) + float(largest(right))) / 2
    is_long = right - left > _LONG * em
    for side in (right[is_long & (right < middle + em)], right[is_long & (left > middle - em)]):
        if len(side) < _MIN_LINES:
            return False
        edge = np.partition(side, len(side) // 2)[len(side) // 2]
        if np.count_nonzero(np.abs(side - edge) < 0.5 * em) < max(_MIN_LINES, 0.5 * len(side)):
            return False
    return True
