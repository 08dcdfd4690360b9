"""The labels of rows left of a table whose lines across leave them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.columns import SNAP
from omnipipe.text.tables.regions import clipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.lines.rulings import Rulings
    from omnipipe.text.tables.regions import Region

_LABEL = 14.0
"""Font sizes; labels left of a table are narrower than this in the middle."""
_OWN = 0.5
"""Of the width of a column: what a line that belongs to it goes over at least."""
_APART = 3.0
"""Font sizes of white between labels and the lines of their table at most, where lines go over both."""


def with_labels(
    region: Region, pieces: Pieces, inside: NDArray[np.bool_], free: NDArray[np.bool_], rulings: Rulings
) -> Region:
    """`region`, which has the pieces `inside`, with the labels of its rows among those that are `free`, where the lines
    across leave them out; `rulings` are those of the page."""
    y = (pieces.top + pieces.bottom) / 2
    beside = free & (y > region.top) & (y < region.bottom) & (pieces.right <= region.left + 1)
    if np.count_nonzero(beside) < 3:
        return region
    base = base_of(pieces)
    rows = np.sort(base[inside])
    em = median(pieces.size[beside])
    near = np.abs(rows[np.searchsorted(rows, base[beside]).clip(0, len(rows) - 1)] - base[beside]) < 0.35 * em
    near |= np.abs(rows[(np.searchsorted(rows, base[beside]) - 1).clip(0)] - base[beside]) < 0.35 * em
    left, right = pieces.left[beside], pieces.right[beside]
    order = np.argsort(-right, kind="stable")
    reach = np.minimum.accumulate(left[order])
    # The first column to the left, up to a clear gap.
    gap = np.flatnonzero(right[order][1:] < reach[:-1] - 2 * em)
    column = order[: int(gap[0]) + 1] if len(gap) else order
    width = right[column] - left[column]
    num_rows = 1 + np.count_nonzero(np.diff(rows) > 0.35 * em)
    if median(width) > _LABEL * em or near[column].sum() < max(3, 0.2 * num_rows):
        return region
    if near[column].sum() < 0.35 * len(column):
        return region
    extent = float(left[column].min()), float(right[column].max())
    if _are_of_another(extent, region, rulings, em):
        return region
    return clipped(region._replace(left=float(left[column].min()), lines=rulings))


def _are_of_another(extent: tuple[float, float], region: Region, rulings: Rulings, em: float) -> bool:
    """Whether what goes over `extent`, left of `region`, stands between lines of its own, as a table beside does."""
    flat = rulings.horizontal
    flat = flat[(flat[:, 0] > region.top - SNAP) & (flat[:, 0] < region.bottom + SNAP)]
    shared = np.minimum(flat[:, 2], extent[1]) - np.maximum(flat[:, 1], extent[0])
    beside = flat[(shared > _OWN * (extent[1] - extent[0])) & (flat[:, 2] <= region.left + 1), 0]
    own = flat[(flat[:, 1] < region.right) & (flat[:, 2] > region.left + 1), 0]
    if not len(beside) or not len(own):
        return len(beside) > 0
    is_other = np.abs(beside[:, None] - own).min(axis=1) > SNAP
    return bool(is_other.any() or (len(beside) > 1 and region.left - extent[1] > _APART * em))
