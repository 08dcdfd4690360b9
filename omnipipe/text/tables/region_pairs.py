"""How two regions where tables may be stand to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.tables.columns import SNAP, band_numbers
from omnipipe.text.tables.regions import Region

if TYPE_CHECKING:
    from omnipipe.text.lines.pieces import Pieces

_NEAR = 6.0
"""Points between sides that are one."""


def overlap(one: Region, other: Region) -> bool:
    """Whether most of the lower of two regions stands beside the other, and they share some width."""
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    wide = min(one.right, other.right) - max(one.left, other.left)
    return high > 0.5 * min(one.bottom - one.top, other.bottom - other.top) and wide > 0


def are_apart(one: Region, other: Region) -> bool:
    """Whether two regions stand beside each other, or below with other sides, as tables of their own do."""
    if min(one.bottom, other.bottom) > max(one.top, other.top):
        return one.left >= other.right or other.left >= one.right
    return min(abs(one.left - other.left), abs(one.right - other.right)) > _NEAR


def are_rows_of(one: Region, other: Region) -> bool:
    """Whether `one` is some of the rows of `other`, which goes further up or down."""
    is_taller = other.top < one.top - _NEAR or other.bottom > one.bottom + _NEAR
    return is_taller and overlap(one, other) and max(abs(one.left - other.left), abs(one.right - other.right)) < _NEAR


def union(one: Region, other: Region) -> Region:
    """The box around both, of the lines of one page."""
    left, top = min(one.left, other.left), min(one.top, other.top)
    return Region(left, top, max(one.right, other.right), max(one.bottom, other.bottom), one.lines)


def are_sums(pieces: Pieces, one: Region, other: Region) -> bool:
    """Whether two regions beside each other are columns of numbers of one table, with lines below its heads and sums:
    they end level, and each has one piece on each line."""
    if abs(one.top - other.top) > SNAP or abs(one.bottom - other.bottom) > SNAP:
        return False
    x, y = (pieces.left + pieces.right) / 2, (pieces.top + pieces.bottom) / 2
    for left, top, right, bottom, _ in (one, other):
        here = ((x > left) & (x < right) & (y > top) & (y < bottom)).nonzero()[0]
        if not len(here) or int(np.bincount(band_numbers(pieces.take(here))).max()) > 1:
            return False
    return True
