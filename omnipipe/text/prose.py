"""Whether what stands at one side of a gutter is prose: long lines below each other, in one column or in several."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.extreme import largest, smallest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.sheet import Sheet

_LONG, _SHARE = 7.0, 0.45
"""Ems, and of the width of a column: the usual line of prose is longer."""

_ROWS = 1.6
"""Pieces to a row, at most, in one column."""

_GAP = 0.4
"""Ems of white between columns, at least."""

_MOST, _LEAST = 5, 6
"""Columns beside each other at most, and lines of each at least."""


def is_prose(sheet: Sheet, side: NDArray[np.intp], base: NDArray[np.float32], em: float) -> bool:
    """Most of it in long lines, about one piece to a row; `base` are the baselines of `side`, in order."""
    rows = 1 + int(np.count_nonzero(base[1:] - base[:-1] > 0.4 * em))
    if len(side) >= _ROWS * rows:
        return False
    left, right = sheet.left[side], sheet.right[side]
    width = np.sort((right - left) / np.maximum(sheet.size[side], 0.5 * em))
    full = float(largest(right) - smallest(left)) / em
    run = width.cumsum()
    usual = width[min(int(run.searchsorted(0.5 * run[-1])), len(width) - 1)]
    return bool(usual > max(_LONG, _SHARE * full))


def are_strips(sheet: Sheet, side: NDArray[np.intp], em: float) -> bool:
    """Whether `side` is columns of prose beside each other, one at least, which the file writes one after the other."""
    left = sheet.left[side]
    order = left.argsort(kind="stable")
    reach = np.maximum.accumulate(sheet.right[side][order])[:-1]
    cuts = (left[order][1:] - reach > _GAP * em).nonzero()[0] + 1
    if len(cuts) >= _MOST:
        return False
    bounds = [0, *cuts.tolist(), len(side)]
    strip = np.empty(len(side), np.intp)
    for k, (first, last) in enumerate(pairwise(bounds)):
        if last - first < _LEAST:
            return False
        part = side[order[first:last]]
        if not is_prose(sheet, part, np.sort(sheet.base[part]), em):
            return False
        strip[order[first:last]] = k
    written = strip[side.argsort()]
    return int(np.count_nonzero(written[1:] != written[:-1])) == len(cuts)
