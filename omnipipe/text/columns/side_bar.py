"""Bars at the side of a slide: its sections and authors in small type beside all else, in lines of their own. They are
read last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.lines.pieces import base_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces

_LEAST = 4
"""Pieces of a bar, and of what is beside it, at least."""
_SMALL = 0.72
"""Of the size of most text: the type of a bar is smaller."""
_WIDE = 0.25
"""Of the width of all: a bar is no wider."""
_LONG, _MAX_LONG = 20.0, 8
"""Lines of more ems than this; pages with so many have notes in their margins instead."""
_APART = 0.4
"""Ems between a bar and what is beside it, at least."""
_ALIGNED, _MAX_ALIGNED = 0.1, 0.5
"""Ems between the baselines of a row; the share of a bar's pieces that stand in a row with others, at most. All cells
of a table do, and dates beside what was then."""
_MIN_CHARS = 3


def side_bar(pieces: Pieces) -> NDArray[np.bool_] | None:
    """Which of the pieces of a page are a bar at its side; None where it has none."""
    if len(pieces.size) < 2 * _LEAST:
        return None
    length = pieces.last - pieces.first
    order = pieces.size.argsort(kind="stable")
    em = float(pieces.size[order][length[order].cumsum().searchsorted(length.sum() / 2)])
    is_small = pieces.size < _SMALL * em
    if np.count_nonzero(is_small) < _LEAST or np.count_nonzero(pieces.right - pieces.left > _LONG * em) >= _MAX_LONG:
        return None
    left, right = float(pieces.left[~is_small].min()), float(pieces.right[~is_small].max())
    most = _WIDE * float(pieces.right.max() - pieces.left.min())
    for bar in (is_small & (pieces.right < left - _APART * em), is_small & (pieces.left > right + _APART * em)):
        if np.count_nonzero(bar & (length >= _MIN_CHARS)) < _LEAST:
            continue
        if float(pieces.right[bar].max() - pieces.left[bar].min()) < most and _is_alone(pieces, bar, em):
            return bar
    return None


def _is_alone(pieces: Pieces, bar: NDArray[np.bool_], em: float) -> bool:
    """Whether the lines of a bar are none of what stands beside it."""
    top, bottom = float(pieces.top[bar].min()), float(pieces.bottom[bar].max())
    beside = ~bar & (pieces.bottom > top) & (pieces.top < bottom)
    if np.count_nonzero(beside) < _LEAST:
        return False
    base = base_of(pieces)
    apart = np.abs(base[bar][:, None] - base[beside]).min(axis=1)
    return bool(np.count_nonzero(apart < _ALIGNED * em) <= _MAX_ALIGNED * np.count_nonzero(bar))
