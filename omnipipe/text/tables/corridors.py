"""Corridors of white that rows of one table leave between their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.extreme import largest, smallest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces

    Floats = NDArray[np.float32]

_BIN = 0.2
"""Font sizes; the grain at which gaps are looked for."""
_NEXT, _FLUSH, _RAGGED = 3.0, 0.3, 0.3
"""Font sizes: texts that end within the first of a corridor stand beside it, and within the second end at one place;
the share of those that do not."""
_LONG, _EVEN, _MOST = 4, 0.06, 0.6
"""Characters of texts that tell fonts of fixed width, how far their widths a character differ, and of how many."""
_SHORT = 2.0
"""Font sizes; texts of few letters, as the parts of one cell may be, are narrower."""
_MIN_RUNS = 4


def corridors(
    runs: Pieces, which: NDArray[np.intp], em: float, allowed: int, least: float
) -> tuple[list[tuple[int, int]], NDArray[np.intp], float, float]:
    """The bins of corridors that `allowed` of the runs at `which` cross at most and that are `least` points wide; how
    many lie over each bin, where the first bin starts, and how wide one is."""
    left, right = runs.left[which], runs.right[which]
    grain = _BIN * em
    x0 = float(smallest(left))
    num_bins = int(min((float(largest(right)) - x0) / grain, 4000)) + 2
    crossing = cover(left, right, x0, grain, num_bins)
    free = (crossing <= allowed).nonzero()[0]
    if not len(free):
        return [], crossing, x0, grain
    ends = (free[1:] - free[:-1] > 1).nonzero()[0]
    starts = [int(free[0]), *free[ends + 1].tolist()]
    found = zip(starts, [*(free[ends] + 1).tolist(), int(free[-1]) + 1], strict=True)
    inner = [(a, b) for a, b in found if a > 0 and b < num_bins - 1]
    wide = [(b - a) * grain >= least for a, b in inner]
    # The ends of a corridor lie within bins that are not free.
    near = [not is_wide and (b - a + 2) * grain > least for is_wide, (a, b) in zip(wide, inner, strict=True)]
    if any(near) and not _are_fixed(runs, which):
        middles = [x0 + (a + b) / 2 * grain for a, b in inner]
        wide = [w or (n and _parts(left, right, x, em, least)) for w, n, x in zip(wide, near, middles, strict=True)]
    return [corridor for is_wide, corridor in zip(wide, inner, strict=True) if is_wide], crossing, x0, grain


def _are_fixed(runs: Pieces, which: NDArray[np.intp]) -> bool:
    """Whether the texts at `which` are set in a font of fixed width, as code is: each is as wide as it is long."""
    num_chars = runs.last[which] - runs.first[which]
    long = which[num_chars >= _LONG]
    if len(long) < _MIN_RUNS:
        return False
    each = (runs.right[long] - runs.left[long]) / (runs.last[long] - runs.first[long]) / runs.size[long]
    return bool(np.count_nonzero(np.abs(each - median(each)) < _EVEN * each) > _MOST * len(each))


def _parts(left: Floats, right: Floats, place: float, em: float, least: float) -> bool:
    """Whether around `place` are `least` points of white between the runs that do not lie across it, and those at one
    side of it end, or start, at many places, or are no short words: words that follow each other in each row stand as
    close, but do not."""
    before, after = right <= place, left >= place
    if not (np.count_nonzero(before) and np.count_nonzero(after)):
        return False
    end, start = float(largest(right[before])), float(smallest(left[after]))
    if start - end < least:
        return False
    ends, starts = end - right[before], left[after] - start
    width = right - left
    widths = width[before][ends < _NEXT * em], width[after][starts < _NEXT * em]
    return _vary(ends, em) or _vary(starts, em) or min(map(median, widths)) > _SHORT * em


def _vary(off: Floats, em: float) -> bool:
    near = off[off < _NEXT * em]
    return bool(np.count_nonzero(near > _FLUSH * em) > _RAGGED * len(near))


def cover(
    left: NDArray[np.float32], right: NDArray[np.float32], x0: float, grain: float, num_bins: int
) -> NDArray[np.intp]:
    """How many runs lie over each bin of `grain` points from `x0`."""
    least, most = np.intp(0), np.intp(num_bins - 1)
    first, last = ((left - x0) / grain).astype(np.intp), np.ceil((right - x0) / grain).astype(np.intp)
    opens = np.bincount(np.minimum(np.maximum(first, least), most), minlength=num_bins)
    closes = np.bincount(np.minimum(np.maximum(last, least), most), minlength=num_bins)
    return (opens - closes).cumsum()
