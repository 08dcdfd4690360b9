"""What stands at the top and the bottom of a page: rows, in bands that white over the full width parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.running_form import page_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ZONE = 0.2
"""Share of the page's height that running matter keeps to, at the top and at the bottom."""

PARTED = 0.3
"""White below this many ems is that between lines."""

_MAX_BANDS = 3
_MAX_PIECES = 16
_MAX_ROWS = 4
_MAX_OUTER = _MAX_BANDS * _MAX_PIECES
_SAMPLE_ROWS = 5
_MAX_CHARS = 400

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
    """

    pieces: tuple[int, ...]
    texts: tuple[str, ...]
    gaps: tuple[float, ...]
    middle: float
    reach: float
    size: float


class Band(NamedTuple):
    """Rows that belong together, the outermost first, and the white between them and what comes inside."""

    rows: tuple[OuterRow, ...]
    white: float
    is_table: bool


class Margins(NamedTuple):
    """What is compared between pages: middle (0 to 1 from the top), size and texts of the outermost rows."""

    rows: tuple[tuple[float, float, tuple[str, ...]], ...]


class Edges(NamedTuple):
    """The bands at the top and bottom of a page from outside inwards, and its rows for other pages.

    `em` is the usual font size, `inset` how far from the left edge text begins (0: there is no saying).
    """

    head: tuple[Band, ...]
    foot: tuple[Band, ...]
    margins: Margins
    em: float
    inset: float
    num_pieces: int


def find_edges(cells: Cells, text_of: Callable[[int], str], em: float) -> Edges:
    """What stands at the top and the bottom. `em` is the size of running text as a share of the page's height."""
    middle = (cells.top + cells.bottom) / 2
    across = (cells.left + cells.right) / 2
    kept = np.flatnonzero((middle > 0) & (middle < 1) & (across > 0))
    head, first = _bands(cells, kept, cells.top, cells.bottom, text_of, em)
    foot, last = _bands(cells, kept, 1 - cells.bottom, 1 - cells.top, text_of, em)
    rows = {row.pieces: (row.middle, row.size, row.texts) for row in (*first, *last)}
    return Edges(head, foot, Margins(tuple(rows.values())), em, _inset(cells.left[kept], em), len(kept))


def _inset(left: NDArray[np.float32], em: float) -> float:
    """Where text begins; 0 where it does not begin at one line, as in drawings, and on cards."""
    if len(left) < _FEW or em > _LARGE_TYPE:
        return 0.0
    inset = float(np.partition(left, len(left) // 10)[len(left) // 10])
    return inset if np.count_nonzero(np.abs(left - inset) < 1.5 * em) > 0.15 * len(left) else 0.0


def _bands(
    cells: Cells,
    kept: NDArray[np.intp],
    near: NDArray[np.float32],
    far: NDArray[np.float32],
    text_of: Callable[[int], str],
    em: float,
) -> tuple[tuple[Band, ...], tuple[OuterRow, ...]]:
    """The outer bands of one side, and the outermost rows. `near` and `far` are distances from that edge."""
    order = kept[np.argsort(near[kept], kind="stable")]
    if not len(order):
        return (), ()
    starts, ends = near[order], np.maximum.accumulate(far[order])
    cuts = np.flatnonzero(starts[1:] - ends[:-1] > PARTED * em).tolist()
    outer = [_Piece(*numbers) for numbers in _outer_pieces(cells, order[:_MAX_OUTER], near, far)]
    groups = _rows(outer)
    rows = [_row(group, text_of) for group in groups[:_SAMPLE_ROWS]]
    bands: list[Band] = []
    first = start = 0
    for cut in [*cuts, len(order) - 1][:_MAX_BANDS]:
        stop = next((i for i, group in enumerate(groups) if group[0].place > cut), len(groups))
        if not 0 < stop - first <= _MAX_ROWS or cut + 1 - start > _MAX_PIECES or float(ends[cut]) > _ZONE:
            break
        white = float(starts[cut + 1] - ends[cut]) / em if cut + 1 < len(order) else 1 / em
        rows += [_row(group, text_of) for group in groups[len(rows) : stop]]
        inside = groups[stop] if stop < len(groups) else []
        bands.append(Band(tuple(rows[first:stop]), white, _is_table(groups[stop - 1], inside)))
        first, start = stop, cut + 1
    if not bands and len(rows[0].pieces) == 1 and page_number(rows[0].texts[0]) and rows[0].reach < _ZONE:
        # Numbers may stand close to the text.
        bands.append(Band((rows[0],), 0.0, False))
    return tuple(bands), tuple(rows[:_SAMPLE_ROWS])


class _Piece(NamedTuple):
    """A piece as plain numbers; `place` counts from the edge."""

    place: int
    number: int
    left: float
    top: float
    right: float
    bottom: float
    size: float
    near: float
    far: float


def _outer_pieces(
    cells: Cells, order: NDArray[np.intp], near: NDArray[np.float32], far: NDArray[np.float32]
) -> Iterator[tuple[int, int, float, float, float, float, float, float, float]]:
    columns = (column[order].tolist() for column in (*cells, near, far))
    return zip(range(len(order)), order.tolist(), *columns, strict=True)


def _rows(outer: Sequence[_Piece]) -> list[list[_Piece]]:
    """The pieces by row, from the edge inwards, and in a row by their order from the edge."""
    groups: list[list[_Piece]] = []
    reach = middle = 0.0
    for piece in outer:
        height = piece.far - piece.near
        # Beside the row's first piece, and not much above or below it.
        is_beside = min(reach, piece.far) - piece.near > 0.5 * height
        if groups and is_beside and abs((piece.near + piece.far) / 2 - middle) < 0.5 * height:
            groups[-1].append(piece)
        else:
            groups.append([piece])
            reach, middle = piece.far, (piece.near + piece.far) / 2
    return groups


def _row(group: Sequence[_Piece], text_of: Callable[[int], str]) -> OuterRow:
    pieces = sorted(group, key=lambda piece: piece.left)
    sizes = sorted([piece.size for piece in pieces])
    return OuterRow(
        tuple(piece.number for piece in pieces),
        tuple(" ".join(text_of(piece.number)[:_MAX_CHARS].split()) for piece in pieces),
        tuple(b.left - a.right for a, b in pairwise(pieces)),
        (min([piece.top for piece in pieces]) + max([piece.bottom for piece in pieces])) / 2,
        max([piece.far for piece in pieces]),
        (sizes[(len(sizes) - 1) // 2] + sizes[len(sizes) // 2]) / 2,
    )


def _is_table(row: Sequence[_Piece], inside: Sequence[_Piece]) -> bool:
    """Whether the cells of a row stand over (or under) cells of the row inside of it."""
    if len(row) < 2 or len(inside) < 2:
        return False
    held = sum(
        any(
            other.left < piece.right
            and other.right > piece.left
            and other.right - other.left < 2.5 * (piece.right - piece.left) + 0.02
            for other in inside
        )
        for piece in row
    )
    return held >= max(2, len(row) - 1)
