"""Narrow gutters: gaps between words that stand one above the other on many lines.

Columns less than the usual gap apart, as in the text of scanned books that is written line by line over the page, would
be one column otherwise. In running text gaps of one line hardly ever meet those of the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.extreme import largest

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BINS = 400
_ZERO = np.zeros(1, np.intp)
_MIN_GAP = 0.75
"""Gaps of a gutter are at least this many font sizes wide."""

_MIN_LINES = 7
_FEW, _CLEAR = 0.1, 8
"""Of the pieces: lines that end or begin at a gutter, at least. And so many for each word that crosses it."""

_SIDE = 0.2
"""Of the words of a page: those on each side of a gutter, at least; what has fewer is a margin with its notes."""

_MARGIN = 0.15
"""Share of the text's width at both sides that has no gutter."""


def part_at_rivers(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    starts: NDArray[np.bool_],
    gap: NDArray[np.float32],
    em: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """`starts` (true for each word that starts a piece) with the gaps at narrow gutters.

    `left` and `right` are those of words in their order, `gap` is the white before each but the first, `em` the font
    size there.
    """
    wide = ((gap > _MIN_GAP * em) & ~starts[1:]).nonzero()[0]
    most = max(_MIN_LINES, 0.25 * np.count_nonzero(starts))
    if len(wide) < most:
        return starts
    x0, x1 = float(left.min()), float(right.max())
    scale = _BINS / max(x1 - x0, 1e-3)
    over = _cover(right[:-1][wide], left[1:][wide], x0, scale)
    if largest(over) < most:
        return starts
    words = _cover(left, right, x0, scale)
    edge = int(_MARGIN * _BINS)
    inner = over[edge : _BINS - edge] - 4.0 * words[edge : _BINS - edge]
    best = int(inner.argmax()) + edge
    if over[best] < most or over[best] < 4 * words[best]:
        return starts
    place = x0 + (best + 0.5) / scale
    parted = starts.copy()
    parted[1:][wide[(right[:-1][wide] <= place) & (left[1:][wide] >= place)]] = True
    return parted


def part_at_gutters(
    sides: tuple[NDArray[np.float32], ...], starts: NDArray[np.bool_], gap: NDArray[np.float32], em: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """`starts` with the gaps of full lines that a gutter runs through: most lines show it by wider white.

    `sides` are left, top, right and bottom of words, the others as in `part_at_rivers`.
    """
    left, top, right, bottom = sides
    is_wide = gap > _MIN_GAP * em
    at = is_wide.nonzero()[0]
    if len(at) < _MIN_LINES:
        return starts
    narrow = at[~starts[at + 1]]
    if not len(narrow):
        return starts
    level = np.minimum(bottom[at], bottom[at + 1]) - np.maximum(top[at], top[at + 1])
    at = at[level > 0.5 * (bottom[at] - top[at])]
    most = max(_MIN_LINES, _FEW * np.count_nonzero(starts))
    if len(at) < most:
        return starts
    x0, x1 = float(left.min()), float(right.max())
    scale = _BINS / max(x1 - x0, 1e-3)
    over = _cover(right[at], left[at + 1], x0, scale)
    if largest(over) < most:
        return starts
    is_gutter = (over >= most) & (over >= _CLEAR * _cover(left, right, x0, scale))
    ended = np.bincount(_bins(left, right, x0, scale)[1], minlength=_BINS + 1).cumsum()[:_BINS]
    is_gutter &= (ended > _SIDE * len(left)) & (ended < (1 - _SIDE) * len(left))
    edge = int(_MARGIN * _BINS)
    is_gutter[:edge] = is_gutter[_BINS - edge :] = False
    before = np.concatenate((_ZERO, is_gutter.cumsum()))
    first, last = _bins(right[narrow], left[narrow + 1], x0, scale)
    found = narrow[before[last] > before[first]]
    if not len(found):
        return starts
    parted = starts.copy()
    parted[found + 1] = True
    return parted


def _cover(start: NDArray[np.float32], end: NDArray[np.float32], x0: float, scale: float) -> NDArray[np.intp]:
    """How many of the intervals cover each bin wholly or in part."""
    first, last = _bins(start, end, x0, scale)
    opens, closes = np.bincount(first, minlength=_BINS + 1), np.bincount(last, minlength=_BINS + 1)
    covered: NDArray[np.intp] = (opens - closes).cumsum()[:_BINS]
    return covered


def _bins(
    start: NDArray[np.float32], end: NDArray[np.float32], x0: float, scale: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first bin of each interval, and that after its last."""
    first = np.minimum(np.maximum((start - x0) * scale, 0), _BINS).astype(np.intp)
    last = np.minimum(np.maximum(np.ceil((end - x0) * scale), 0), _BINS).astype(np.intp)
    return first, last
