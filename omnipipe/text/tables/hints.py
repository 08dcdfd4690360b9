"""Whether a page is worth looking for tables on, from the gaps between its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.lines.pieces import Pieces, to_frame
from omnipipe.text.tables.columns import band_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.words.chars import Words

    Floats = NDArray[np.float32]

_NEAR = 6.0
_LEAST_ROWS = 3
_WIDE = 0.8
"""Font sizes; gaps this wide between words of one line hint at a table."""
_ZERO = np.zeros(1, np.intp)


def have_hints(words: Words, pieces: Pieces, which: NDArray[np.intp], turn: int) -> bool:
    """Whether several lines have words far apart, or several pieces."""
    if len(pieces.left) < 4:
        return False
    box, size = words.box, words.size
    if len(which) < len(box):
        box, size = box[which], size[which]
    left, top, right, bottom = to_frame(box, turn)
    at = (left[1:] - right[:-1] > _WIDE * size[1:]).nonzero()[0]
    if len(at) > 2:
        low, high = top[at + 1], bottom[at + 1]
        level = np.minimum(high, bottom[at]) - np.maximum(low, top[at])
        at = at[level > 0.5 * (high - low)]
    if len(at) > 2 and _have_common_gaps(at, left, top, right, size):
        return True
    if len(pieces.left) < _LEAST_ROWS * _LEAST_ROWS:
        return False
    counts = np.bincount(band_numbers(pieces))
    return bool(np.count_nonzero(counts >= _LEAST_ROWS) >= _LEAST_ROWS)


def _have_common_gaps(at: NDArray[np.intp], left: Floats, top: Floats, right: Floats, size: Floats) -> bool:
    """Whether the first gaps, or the last ones, of lines near each other have a place in common; `at` are words before
    gaps."""
    first = top[at]
    is_new = np.abs(first[1:] - first[:-1]) > 0.3 * size[at[1:]]
    starts = np.concatenate((_ZERO, is_new.nonzero()[0] + 1))
    if len(starts) < 3:
        return False
    ends = np.concatenate((starts[1:], [len(at)])) - 1
    for gaps in (at[starts], at[ends]):
        start, end, height, em = right[gaps], left[gaps + 1], top[gaps], size[gaps]
        for step in (1, 2):
            shared = np.minimum(end[:-step], end[step:]) - np.maximum(start[:-step], start[step:])
            near = np.abs(height[step:] - height[:-step]) < _NEAR * em[:-step]
            if np.count_nonzero((shared > 0.5 * em[:-step]) & near) > 1:
                return True
    return False
