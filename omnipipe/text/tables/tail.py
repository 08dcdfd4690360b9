"""Where a table between lines across ends: texts of the page's foot may stand above the last of these lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.columns import lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.tables.regions import Region

_LEADING = 1.35
"""Font sizes between the lines of a cell at most."""
_APART = 1.5
"""Of the usual distance between rows: text further below the last one is none of them."""
_LEAST_ROWS = 3


def without_tail(region: Region, runs: Pieces, edges: Sequence[float]) -> tuple[Region, int]:
    """`region` without the lines of one text below its last row of several, and how many these are: paragraphs, terms,
    the page's foot.

    They reach over several columns, or stand further below the row than it below others; lines around them make them
    rows.
    """
    order, starts = lines_of(runs)
    counts = np.diff(starts, append=len(order))
    full = (counts > 1).nonzero()[0]
    if len(full) < _LEAST_ROWS or full[-1] + 1 == len(starts):
        return region, 0
    em = median(runs.size)
    base = base_of(runs)[order][starts]
    step = base[1:] - base[:-1]
    far = (step[full[-1] :] > _LEADING * em).nonzero()[0]
    if not len(far):
        return region, 0
    first = int(full[-1] + 1 + far[0])
    tail = order[starts[first] :]
    left, right = runs.left[tail], runs.right[tail]
    is_wide = (left < edges[1]) & (right > edges[1] + em)
    usual = median(step[step > 0.5 * em][: int(full[-1])])
    above, below = float(base[first - 1]) + 0.3 * em, float(base[first])
    if (left[0] > edges[1] and not is_wide.any()) or not (is_wide.any() or below - above > _APART * usual):
        return region, 0
    across, down = region.lines
    if ((down[:, 1] < below) & (down[:, 2] > below)).any():
        return region, 0
    is_boxed = ((across[:, 0] > above) & (across[:, 0] < below)).any()
    if is_boxed and len(tail) == 1 and ((across[:, 0] > below) & (across[:, 0] < below + 1.2 * em)).any():
        return region, 0
    return region._replace(bottom=above), len(tail)
