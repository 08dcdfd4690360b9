"""Tables whose rows are shaded in turns: where the shading starts is no line below the head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.lines.rulings import Rulings
    from omnipipe.text.tables.rows import Band

_MAX_LINES = 8
"""Lines that a head has at most."""
_FULL = 0.6
"""Of the columns: a row of the body has text in so many at least."""
_TIGHTER = 0.15
"""Font sizes that lines of one heading stand nearer to each other than rows, at least."""


def head_above_stripes(
    runs: Pieces, bands: Sequence[Band], edges: Sequence[float], lines: Rulings, strings: Sequence[str]
) -> int:
    """The last row of the head by the first line over the full width; 0 where there is none.

    Where that line is the start of shaded rows that others without shading follow, what stands above it may be set like
    them: as far from each other, with the first column, and with numbers if they have some. The
    head then ends as by a line.
    """
    limit = next((r for r, band in enumerate(bands[:_MAX_LINES]) if band.full_below), 0)
    if not limit or limit + 1 == len(bands):
        return limit
    shaded = _shaded(bands, edges, lines)
    start = limit + 1
    if any(shaded[:start]) or not shaded[start] or all(shaded[start:]):
        return limit
    most = max(len(band.columns) for band in bands)
    least = max(2, _FULL * most)
    if len(bands[start].columns) < least:
        return limit
    base, em = base_of(runs), median(runs.size)
    low, high = ([float(pick(base[list(band.spans)])) for band in bands] for pick in (np.max, np.min))
    steps = [below - above for above, below in zip(low, high[1:], strict=False)]
    usual = min(steps[limit:])
    numeric = _has_digits(bands[start], strings)
    for row in range(limit):
        is_head, below = len(bands[row].columns) >= max(2, most - 1), bands[row + 1]
        is_row = len(below.columns) >= least and 0 in below.columns and (not numeric or _has_digits(below, strings))
        if is_head and is_row and steps[row] > usual - _TIGHTER * em:
            bands[row].full_below = True
            return row
    return limit


def _has_digits(band: Band, strings: Sequence[str]) -> bool:
    return any(char.isdigit() for run in band.spans for char in strings[run])


def _shaded(bands: Sequence[Band], edges: Sequence[float], lines: Rulings) -> list[bool]:
    """For each row: do lines down stand at both of its ends, as the sides of a shaded box do?"""
    middle = np.array([(band.top + band.bottom) / 2 for band in bands], np.float32)
    x, y0, y1 = lines.vertical.T
    sides = (x <= (edges[0] + edges[1]) / 2, x >= (edges[-2] + edges[-1]) / 2)
    left, right = (((y0[at] <= middle[:, None]) & (middle[:, None] <= y1[at])).any(axis=1) for at in sides)
    found: list[bool] = (left & right).tolist()
    return found
