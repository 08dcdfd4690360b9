"""The straight lines that a page draws: strokes, thin filled rectangles and edges of boxes, joined where they touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.lines.pieces import to_frame
from omnipipe.text.pdfium.paths import SLENDER, THICK, WHITE, find_parts

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.pdfium.objects import Drawn

    Floats = NDArray[np.float32]

_MAX_FILLS = 600
_BEYOND = 0.7
_APART = 1e6
_ZERO = np.zeros(1, np.intp)
_NO_LINES = np.zeros((0, 3), np.float32)
_JOIN = 3.5
"""Points between the parts of one dashed or broken line."""
_SAME = 1.6
"""Points between two strokes of one (double) line."""
_MIN_LENGTH = 5.0


class Rulings(NamedTuple):
    """Lines in a reading frame, points: rows of `horizontal` are (y, x0, x1), sorted by y; of `vertical` (x, y0, y1),
    sorted by x."""

    horizontal: Floats
    vertical: Floats


def find_lines(page: pypdfium2.PdfPage, drawn: Drawn | None = None) -> Floats:
    """Straight lines of `page` as boxes (n x 4: left, bottom, right, top in points of the unturned page).

    Looks at 2,000 objects, the first and the last, and 3,000 parts of paths only; what is not a number is left out.
    """
    found = find_parts(page, drawn)
    boxes = found.boxes.astype(np.float32)
    if len(found.fills):
        boxes = np.concatenate((boxes, _edges(found.fills.astype(np.float32), found.colours, page)))
    is_known = np.abs(boxes) < 1e5
    return boxes if np.count_nonzero(is_known) == is_known.size else boxes[is_known.all(axis=1)]


def _edges(fills: Floats, colours: NDArray[np.intp], page: pypdfium2.PdfPage) -> Floats:
    """The edges of filled boxes that can be seen: another colour, or none, on the other side; slender ones whole, as
    what they are: thick lines."""
    left, bottom, right, top = page.get_bbox()
    whole = (fills[:, 2] - fills[:, 0] > 0.9 * (right - left)) & (fills[:, 3] - fills[:, 1] > 0.9 * (top - bottom))
    fills, colours = fills[~whole][:_MAX_FILLS], colours[~whole][:_MAX_FILLS]
    # White on white is nothing, white cells on a dark ground are a grid.
    seen = colours != WHITE
    if not seen.all():
        x0, y0, x1, y1 = fills[~seen].T[:, :, None]
        left, bottom, right, top = fills[seen].T
        within = (x0 >= left - 1) & (y0 >= bottom - 1) & (x1 <= right + 1) & (y1 <= top + 1)
        seen[~seen] = within.any(axis=1)
    fills, colours = fills[seen], colours[seen]
    sides = np.sort(fills[:, 2:] - fills[:, :2], axis=1)
    is_line = (sides[:, 0] <= THICK) & (sides[:, 1] >= SLENDER * sides[:, 0])
    lines, fills, colours = fills[is_line], fills[~is_line], colours[~is_line]
    x0, y0, x1, y1 = fills.T
    same = colours[:, None] == colours
    np.fill_diagonal(same, False)
    wide = same & (np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0) > 0.8 * (x1 - x0)[:, None])
    high = same & (np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0) > 0.8 * (y1 - y0)[:, None])
    across, down = wide.nonzero(), high.nonzero()
    kept = [lines]
    for outward, (one, other), low, high_end, columns in (
        (y0 - _BEYOND, across, y0 - 1, y1, (x0, y0, x1, y0)),
        (y1 + _BEYOND, across, y0, y1 + 1, (x0, y1, x1, y1)),
        (x0 - _BEYOND, down, x0 - 1, x1, (x0, y0, x0, y1)),
        (x1 + _BEYOND, down, x0, x1 + 1, (x1, y0, x1, y1)),
    ):
        edges = np.array(columns).T
        if len(one):
            # Just beyond the edge stands a box of the same colour.
            edge = outward[one]
            shown = np.ones(len(edges), bool)
            shown[one[(edge > low[other]) & (edge < high_end[other])]] = False
            edges = edges[shown]
        kept.append(edges)
    return np.concatenate(kept)


def to_rulings(boxes: Floats, turn: int) -> Rulings:
    """Lines of `find_lines` in the reading frame of `turn`, parts of one line joined."""
    left, top, right, bottom = to_frame(boxes, turn)
    is_flat = right - left >= bottom - top
    flat, down = is_flat.nonzero()[0], (~is_flat).nonzero()[0]
    return Rulings(
        _joined(np.divide(top[flat] + bottom[flat], 2), left[flat], right[flat]),
        _joined(np.divide(left[down] + right[down], 2), top[down], bottom[down]),
    )


def _joined(place: Floats, start: Floats, end: Floats) -> Floats:
    """Lines (place, start, end) with those of one place that touch made one, short ones left out, sorted by place."""
    if not len(place):
        return _NO_LINES
    order = place.argsort(kind="stable")
    ordered = place[order].astype(np.float64)
    # Each place gets a stretch of the axis of its own: one pass then joins along all of them.
    apart = np.concatenate((_ZERO, (ordered[1:] - ordered[:-1] > _SAME).cumsum())) * _APART
    along = start[order] + apart
    again = along.argsort(kind="stable")
    order, apart, along = order[again], apart[again], along[again]
    reach = np.maximum.accumulate(end[order] + apart)
    first = np.concatenate((_ZERO, (along[1:] - reach[:-1] > _JOIN).nonzero()[0] + 1))
    last = np.concatenate((first[1:], [len(order)])) - 1
    starts = start[order].astype(np.float64)
    weight = end[order] - starts + 0.01
    joined = np.empty((len(first), 3))
    joined[:, 0] = np.add.reduceat(ordered[again] * weight, first) / np.add.reduceat(weight, first)
    joined[:, 1] = starts[first]
    joined[:, 2] = reach[last] - apart[last]
    joined = joined[joined[:, 2] - joined[:, 1] >= _MIN_LENGTH]
    sorted_lines: Floats = joined[joined[:, 0].argsort(kind="stable")].astype(np.float32)
    return sorted_lines
