"""Where tables may be that draw one line only: the one below their head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.regions import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.lines.rulings import Rulings

_MIN_WIDTH = 60.0
_TOUCH = 3.0
"""Points between ends of lines at one place, and how far texts stand out over the line."""
_MAX_LINES = 20
"""More lines on a page that have no other of their width are a drawing or a form."""
_INSET = 1.5
"""Font sizes at most between the end of the line and the texts that come nearest to it."""
_PITCH = 2.0
_LEAST_ROWS = 2
_DOUBLE = 0.7
"""Of the rows below the line: those of several pieces."""


def regions_below_heads(rulings: Rulings, free: NDArray[np.bool_], pieces: Pieces) -> list[Region]:
    """Regions of a head of several pieces above a line, and of rows below it that stand within its width; they keep all
    lines of the page. `free` are the lines to look at."""
    across = rulings.horizontal[free]
    wide = across[across[:, 2] - across[:, 1] >= _MIN_WIDTH]
    if not 0 < len(wide) <= _MAX_LINES:
        return []
    near_ends = np.abs(wide[:, None, 1:] - wide[None, :, 1:]).max(axis=2) < _TOUCH
    alone = wide[near_ends.sum(axis=1) == 1]
    base = base_of(pieces)
    found = (_region(rulings, line, pieces, base) for line in alone.tolist())
    return [region for region in found if region is not None]


def _region(rulings: Rulings, line: list[float], pieces: Pieces, base: NDArray[np.float32]) -> Region | None:
    """The region of the table that has `line` (place, left and right end) below its head."""
    place, x0, x1 = line
    reach = (pieces.right > x0) & (pieces.left < x1)
    above = (reach & (base < place + 1) & (pieces.bottom > place - pieces.size)).nonzero()[0]
    if len(above) < 2 or not _fits(pieces, above, x0, x1):
        return None
    em = median(pieces.size[above])
    below = (reach & (base > place + 1)).nonzero()[0]
    below = below[base[below].argsort(kind="stable")]
    rows: list[NDArray[np.intp]] = []
    last = place
    while len(below):
        lowest = float(base[below[0]])
        num = int(base[below].searchsorted(lowest + 0.35 * em))
        row, below = below[:num], below[num:]
        if lowest - last > _PITCH * em or not _fits(pieces, row, x0, x1):
            break
        rows.append(row)
        last = lowest
    if len(rows) < _LEAST_ROWS or sum(len(row) > 1 for row in rows) < _DOUBLE * len(rows):
        return None
    every = np.concatenate((above, *rows))
    left, right = float(pieces.left[every].min()), float(pieces.right[every].max())
    if left - x0 > _INSET * em or x1 - right > _INSET * em:
        return None
    return Region(x0, float(pieces.top[above].min()), x1, float(pieces.bottom[every].max()), rulings)


def _fits(pieces: Pieces, which: NDArray[np.intp], x0: float, x1: float) -> bool:
    return bool(pieces.left[which].min() > x0 - _TOUCH and pieces.right[which].max() < x1 + _TOUCH)
