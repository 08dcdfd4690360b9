"""A paragraph beside a list of short lines, as abstracts of papers stand beside their keywords."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.columns.sheet import Sheet

_LEAST = 3
"""Lines of each at least."""
_LONG = 15.0
"""Ems; lines of the paragraph are longer."""
_FULL, _AT_EDGE, _EDGE = 0.6, 0.4, 0.3
"""Of the lines of the paragraph but the last: those that end at its right edge, which cells below each other do not.
Of the lines of both: those that start at the left edge. Ems that all of these differ by."""
_PITCH = 1.8
"""Ems from line to line in the paragraph, at most."""


def is_paragraph_beside(sheet: Sheet, before: NDArray[np.intp], after: NDArray[np.intp], em: float) -> bool:
    """Whether one of two sides, which the file writes one after the other, is one justified paragraph, and the other
    short lines."""
    if min(len(before), len(after)) < _LEAST or not all(_has_left_edge(sheet, side, em) for side in (before, after)):
        return False
    return _is_paragraph(sheet, before, em) or _is_paragraph(sheet, after, em)


def _has_left_edge(sheet: Sheet, side: NDArray[np.intp], em: float) -> bool:
    left = sheet.left[side]
    return bool(np.count_nonzero(left < left.min() + _EDGE * em) > _AT_EDGE * len(left))


def _is_paragraph(sheet: Sheet, side: NDArray[np.intp], em: float) -> bool:
    base = sheet.base[side]
    order = base.argsort(kind="stable")
    pitch = np.diff(base[order])
    if pitch.min() < 0.5 * em or pitch.max() > _PITCH * em:
        return False
    right = sheet.right[side][order]
    if right.max() - sheet.left[side].min() < _LONG * em:
        return False
    return bool(np.count_nonzero(right[:-1] > right.max() - _EDGE * em) >= _FULL * (len(right) - 1))
