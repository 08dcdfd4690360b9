"""Lines without the bullets beside them, which some programs draw after all text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.columns.sheet import Sheet

_ITEM = 3.0
"""Ems at most between a bullet and its item."""


def without_bullets(sheet: Sheet, side: NDArray[np.intp]) -> NDArray[np.intp]:
    """The pieces of `side` but for bullets below each other, which some programs draw after all text."""
    is_narrow = sheet.is_narrow[side]
    num = np.count_nonzero(is_narrow)
    if not 2 <= num <= len(side) / 2:
        return side
    signs, lines = side[is_narrow], side[~is_narrow]
    left, size = sheet.left[signs], sheet.size[signs]
    if left.max() - left.min() > 0.5 * size.min():
        return side
    gap = sheet.left[lines] - sheet.right[signs][:, None]
    level = np.abs(sheet.base[lines] - sheet.base[signs][:, None]) < 0.3 * size[:, None]
    has_item = ((gap > 0) & (gap < _ITEM * size[:, None]) & level).any(axis=1)
    return lines if has_item.all() else side
