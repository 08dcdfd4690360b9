"""What stands at the top and the bottom of a page: rows, in bands that white over the full width parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
_SAMPLE_ROWS = 6


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
    """What is compared between pages: middle (0 to 1 from the top) and texts of the outermost rows."""

    rows: tuple[tuple[float, tuple[str, ...]], ...]


class Edges(NamedTuple):
    """The bands at the top and bottom of a page from outside inwards, its rows for other pages, and its usual size."""

    head: tuple[Band, ...]
    foot: tuple[Band, ...]
    margins: Margins
    em: float
    num_pieces: int


def find_edges(cells: Cells, text_of: Callable[[int], str], em: float) -> Edges:
    """What stands at the top and the bottom. `em` is the size of running text as a share of the page's height."""
    middle = (cells.top + cells.bottom) / 2
    across = (cells.left + cells.right) / 2
    kept = np.flatnonzero((middle > 0) & (middle < 1) & (across > 0))
    head, first = _bands(cells, kept, cells.top, cells.bottom, text_of, em)
    foot, last = _bands(cells, kept, 1 - cells.bottom, 1 - cells.top, text_of, em)
    rows = {row.pieces: (row.middle, row.texts) for row in (*first, *last)}
    return Edges(head, foot, Margins(tuple(rows.values())), em, len(kept))


def _bands(
    cells: Cells,
    kept: NDArray[np.intp],
    near: NDArray[np.float32],
    far: NDArray[np.float32],
    text_of: Callable[[int], str],
    em: float,
) -> tuple[tuple[Band, ...], list[OuterRow]]:
    """The outer bands of one side, and the outermost rows. `near` and `far` are distances from that edge."""
    order = kept[np.argsort(near[kept], kind="stable")]
    if not len(order):
        return (), []
    ends = np.maximum.accumulate(far[order])
    white = np.append(near[order][1:] - ends[:-1], 1.0) / em
    cuts = np.flatnonzero(white > PARTED)
    rows = _rows(cells, order[: _MAX_PIECES * 2], near, far, text_of)
    bands: list[Band] = []
    start = 0
    for cut in cuts[:_MAX_BANDS].tolist():
        inside = set(order[start : cut + 1].tolist())
        own = tuple(row for row in rows if row.pieces[0] in inside)
        if len(inside) > _MAX_PIECES or len(own) > _MAX_ROWS or ends[cut] > _ZONE:
            break
        following = next((row for row in rows if row.pieces[0] not in inside and row.reach > own[-1].reach), None)
        bands.append(Band(own, float(white[cut]), _is_table(cells, own, following)))
        start = cut + 1
    if not bands and rows and len(rows[0].pieces) == 1 and page_number(rows[0].texts[0]) and rows[0].reach < _ZONE:
        # Numbers may stand close to the text.
        bands.append(Band(rows[:1], 0.0, False))
    return tuple(bands), list(rows[:_SAMPLE_ROWS])


def _rows(
    cells: Cells,
    order: NDArray[np.intp],
    near: NDArray[np.float32],
    far: NDArray[np.float32],
    text_of: Callable[[int], str],
) -> tuple[OuterRow, ...]:
    """The pieces of `order` by row."""
    groups: list[list[int]] = []
    reach = middle = 0.0
    for piece in order.tolist():
        start, end = float(near[piece]), float(far[piece])
        # A row is met again where most of the lower of two pieces lies beside it.
        if (
            groups
            and min(reach, end) - start > 0.5 * (end - start)
            and abs((start + end) / 2 - middle) < 0.5 * (end - start)
        ):
            groups[-1].append(piece)
        else:
            groups.append([piece])
            reach, middle = end, (start + end) / 2
    rows = []
    for group in groups[: 2 * _SAMPLE_ROWS]:
        group.sort(key=lambda piece: float(cells.left[piece]))
        where = np.array(group)
        rows.append(
            OuterRow(
                tuple(group),
                tuple(" ".join(text_of(piece).split()) for piece in group),
                tuple(float(cells.left[b] - cells.right[a]) for a, b in pairwise(group)),
                float((cells.top[where].min() + cells.bottom[where].max()) / 2),
                float(far[where].max()),
                float(np.median(cells.size[where])),
            )
        )
    return tuple(rows)


def _is_table(cells: Cells, rows: Sequence[OuterRow], following: OuterRow | None) -> bool:
    """Whether the cells of the innermost row stand over (or under) cells of the row inside of it."""
    if following is None or len(rows[-1].pieces) < 2 or len(following.pieces) < 2:
        return False
    held = 0
    for piece in rows[-1].pieces:
        left, right = float(cells.left[piece]), float(cells.right[piece])
        held += any(
            float(cells.left[other]) < right
            and float(cells.right[other]) > left
            and float(cells.right[other] - cells.left[other]) < 2.5 * (right - left) + 0.02
            for other in following.pieces
        )
    return held >= max(2, len(rows[-1].pieces) - 1)
