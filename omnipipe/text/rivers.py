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
_MIN_GAP = 0.75
"""Gaps of a gutter are at least this many font sizes wide."""

_MIN_LINES = 7
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


def _cover(start: NDArray[np.float32], end: NDArray[np.float32], x0: float, scale: float) -> NDArray[np.intp]:
    """How many of the intervals cover each bin wholly or in part."""
    first = np.minimum(np.maximum((start - x0) * scale, 0), _BINS).astype(np.intp)
    last = np.minimum(np.maximum(np.ceil((end - x0) * scale), 0), _BINS).astype(np.intp)
    opens, closes = np.bincount(first, minlength=_BINS + 1), np.bincount(last, minlength=_BINS + 1)
    covered: NDArray[np.intp] = (opens - closes).cumsum()[:_BINS]
    return covered
