"""Whether what stands at one side of a gutter is prose: long lines below each other, in one column or in several."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.extreme import largest, smallest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.columns.sheet import Sheet

_LONG, _SHARE = 7.0, 0.45
"""Ems, and of the width of a column: the usual line of prose is longer."""

_ROWS = 1.6
"""Pieces to a row, at most, in one column."""

_GAP = 0.4
"""Ems of white between columns, at least."""

_ZERO = np.zeros(1, np.intp)

_MOST, _LEAST = 5, 6
"""Columns beside each other at most, and lines of each at least."""

_SINGLE = 0.35
"""Of the lines of a narrow column: those in one piece. Others have wide white between their words, to fill the line."""

_LOWER = 0.3
"""Of the lines of such a column: those that begin in a small letter, in the middle of a sentence."""

_FULL = 0.9
"""Of the width of a column: lines that are filled so."""

_MIXED = 8
"""Lines at least of each of several columns that the file writes line by line across all of them."""


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
    parts = _strips(sheet, side, em)
    if not all(_is_strip(sheet, part, em) for part in parts):
        return False
    strip = np.empty(len(side), np.intp)
    for k, part in enumerate(parts):
        strip[np.isin(side, part)] = k
    written = strip[side.argsort()]
    return bool(parts) and int(np.count_nonzero(written[1:] != written[:-1])) == len(parts) - 1


def are_mixed_strips(sheet: Sheet, side: NDArray[np.intp], em: float) -> bool:
    """Whether `side` is columns of prose beside each other, one at least, in whatever order the file writes them."""
    parts = _strips(sheet, side, em)
    for part in parts:
        base = np.sort(sheet.base[part])
        if np.count_nonzero(base[1:] - base[:-1] > 0.4 * em) < _MIXED - 1 or not is_prose(sheet, part, base, em):
            return False
    return bool(parts)


def _strips(sheet: Sheet, side: NDArray[np.intp], em: float) -> list[NDArray[np.intp]]:
    """The pieces of `side` by columns that clear white parts; none where these are many, or one is short."""
    left = sheet.left[side]
    order = left.argsort(kind="stable")
    reach = np.maximum.accumulate(sheet.right[side][order])[:-1]
    cuts = (left[order][1:] - reach > _GAP * em).nonzero()[0] + 1
    if len(cuts) >= _MOST:
        return []
    bounds = [0, *cuts.tolist(), len(side)]
    if any(last - first < _LEAST for first, last in pairwise(bounds)):
        return []
    return [side[order[first:last]] for first, last in pairwise(bounds)]


def _is_strip(sheet: Sheet, part: NDArray[np.intp], em: float) -> bool:
    """Whether one column is prose; its lines may be filled with wide white between words."""
    order = part[sheet.base[part].argsort(kind="stable")]
    base = sheet.base[order]
    if is_prose(sheet, part, base, em):
        return True
    starts = np.concatenate((_ZERO, (base[1:] - base[:-1] > 0.4 * em).nonzero()[0] + 1))
    num_pieces = np.diff(starts, append=len(part))
    if len(starts) < _LEAST or np.count_nonzero(num_pieces == 1) < _SINGLE * len(starts):
        return False
    left, right = np.minimum.reduceat(sheet.left[order], starts), np.maximum.reduceat(sheet.right[order], starts)
    full = float(largest(right) - smallest(left))
    opens = [sheet.text[i : i + 1] for i in sheet.first[order[starts]].tolist()]
    if sum(map(str.islower, opens)) < _LOWER * len(opens):
        return False
    width = right - left
    # What has gaps fills its line.
    is_filled = bool((width[num_pieces > 1] > _FULL * full).all())
    return is_filled and 2 * int(np.count_nonzero(width > max(_LONG * em, _SHARE * full))) > len(starts)
