"""Rows right above a table that stand in its columns: its head, and the name of its first group of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.columns import band_numbers, column_edges, columns_of, head_end
from omnipipe.text.tables.regions import FULL, clipped, has_drawn_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.lines.rulings import Rulings
    from omnipipe.text.tables.regions import Region

_MAX_HEADS = 4
_FAR = 2.0
"""Font sizes from the top of the table to the baseline of a row above it at most, ..."""
_PITCH = 1.3
"""... or times the distance between its lines, where these stand further apart, or as far as the lines between rows."""


def with_heads(
    pieces: Pieces,
    rulings: Rulings,
    runs_of: Callable[[Region, NDArray[np.bool_]], Pieces | None],
    runs: Pieces,
    edges: Sequence[float],
    inside: tuple[Region, NDArray[np.bool_]],
    free: NDArray[np.bool_],
    *,
    is_low: bool,
) -> tuple[Region, NDArray[np.bool_]]:
    """The region and the pieces `inside` it with the rows of `free` pieces right above that stand in its columns.

    `runs_of` gives the runs of words of some pieces; `is_low`: the table has a single row, which shows no columns
    without its head.
    """
    if len(edges) < 3 and not is_low:
        return inside
    em = median(runs.size)
    base = base_of(pieces)
    region, within = known = inside
    far = _FAR * em if is_low else max(_FAR * em, _PITCH * _pitch(runs), _row_height(region, em))
    for _ in range(_MAX_HEADS):
        above = free & ~within & (base > region.top - far) & (base < region.top + 0.1 * em)
        above &= (pieces.right > region.left) & (pieces.left < region.right)
        if not above.any():
            break
        lowest = base[above].max()
        above &= base > lowest - 0.35 * em
        row = runs_of(region, above)
        if row is None or row.left.min() < region.left - em or row.right.max() > region.right + em:
            break
        if is_low:
            # One row of numbers shows no columns; with its head it does.
            both = runs_of(region, within | above)
            edges = column_edges(both, region, head_end(both, region))[0] if both is not None else edges
            is_low = False
        first, last = columns_of(row, edges)
        columns = np.array(edges).searchsorted((row.left + row.right) / 2).tolist()
        across = int(np.count_nonzero(last > first))
        is_apart = len(set(columns)) == len(columns)
        is_label = len(first) == 1 and last[0] == 0 and within is known[1] and len(edges) > 3
        if not is_label and (
            len(set(first.tolist())) < 2
            or 2 * len(first) < len(edges) - 1
            or (across > 0.3 * len(first) and not is_apart)
        ):
            break
        within = within | above
        region = clipped(region._replace(top=float(pieces.top[above].min()), lines=rulings))
        # The name of a group of rows counts with the head above it.
        known = known if is_label else (region, within)
    return known


def _pitch(runs: Pieces) -> float:
    """Points between the lines of a table."""
    bands = band_numbers(runs)
    if not len(bands) or bands[-1] < 2:
        return 0.0
    base = base_of(runs)
    starts = np.full(int(bands.max()) + 1, np.inf, np.float32)
    np.minimum.at(starts, bands, base)
    return median(np.diff(np.sort(starts)))


def _row_height(region: Region, em: float) -> float:
    """Points between two lines over the whole width, the least that are more than a font size; 0 without such lines."""
    if not has_drawn_rows(region):
        return 0.0
    across = region.lines.horizontal
    full = across[across[:, 2] - across[:, 1] > FULL * (region.right - region.left), 0]
    heights = np.diff(full)
    heights = heights[heights > em]
    return float(heights.min()) if len(heights) else 0.0
