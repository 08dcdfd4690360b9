"""Reading order: which pieces of lines belong to which column, and how they stand in rows.

A region is cut along a gutter, a corridor that few pieces cross, where what stands on both sides reads as columns. The
pieces that cross it (titles, wide figures, footers) cut the region into bands; a band is read column by column.
Regions without a gutter are read row by row, so that the words of one row of a table stay together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from omnipipe.text.lines import Pieces

_BINS = 200
_MIN_ROWS = 3
_MAX_DEPTH = 6
_MAX_MARGIN = 8
"""Pieces that a running head or foot has at most."""

_MAX_PIECES = 4000
"""Pages with more pieces than this (maps, drawings) are read in rows only."""


_ZERO = np.zeros(1, np.intp)


class Column(NamedTuple):
    """The pieces of a column by row, from top to bottom; `starts` says where in `pieces` each row starts."""

    pieces: NDArray[np.intp]
    starts: NDArray[np.intp]


def reading_order(pieces: Pieces, rtl: bool = False) -> list[Column]:
    """The columns of a page in reading order."""
    everything = np.arange(len(pieces.left))
    if len(everything) > _MAX_PIECES:
        return [_rows(pieces, everything, rtl)]
    return [_rows(pieces, region, rtl) for region in _regions(pieces, everything, rtl, 0)]


def _regions(pieces: Pieces, region: NDArray[np.intp], rtl: bool, depth: int) -> Iterator[NDArray[np.intp]]:
    gutter = _find_gutter(pieces, region) if len(region) > 2 * _MIN_ROWS and depth < _MAX_DEPTH else None
    if gutter is None:
        yield region
        return
    before = pieces.right[region] <= gutter
    after = pieces.left[region] >= gutter
    middle = (pieces.top[region] + pieces.bottom[region]) / 2
    across = ~(before | after) | _margins(pieces, region)
    walls = np.sort(middle[across])
    band = np.searchsorted(walls, middle)
    band_across = band[across]
    sides = (after, before) if rtl else (before, after)
    spanning: list[NDArray[np.intp]] = []
    for k in range(len(walls) + 1):
        columns = [region[side & ~across & (band == k)] for side in sides]
        if any(len(column) for column in columns):
            if spanning:
                yield from _regions(pieces, np.concatenate(spanning), rtl, depth + 1)
                spanning = []
            for column in columns:
                if len(column):
                    yield from _regions(pieces, column, rtl, depth + 1)
        spanning.append(region[across][band_across == k])
    if spanning and sum(map(len, spanning)):
        yield from _regions(pieces, np.concatenate(spanning), rtl, depth + 1)


def _find_gutter(pieces: Pieces, region: NDArray[np.intp]) -> float | None:
    """Where to cut `region` in columns; None where it is one column, or a table."""
    left, right = pieces.left[region], pieces.right[region]
    em = _median(pieces.size[region])
    x0, width = float(left.min()), float(right.max() - left.min())
    if width < 12 * em or em <= 0:
        return None
    scale = _BINS / width
    opens = np.bincount(_bins((left - x0) * scale), minlength=_BINS + 1)
    closes = np.bincount(_bins(np.ceil((right - x0) * scale)), minlength=_BINS + 1)
    crossing = (opens - closes).cumsum()[:_BINS]
    inner = crossing[_BINS // 12 : -_BINS // 12]
    changes = (inner[1:] != inner[:-1]).nonzero()[0] + 1
    starts = np.concatenate((_ZERO, changes))
    ends = np.concatenate((changes, [len(inner)]))
    lows = inner[starts]
    # Only local minima: corridors with more pieces on both sides.
    valley = np.ones(len(lows), bool)
    falls = lows[1:] < lows[:-1]
    # Neighbours differ: where it does not fall it rises.
    valley[1:] = falls
    valley[:-1] &= ~falls
    left_peak, right_peak = np.maximum.accumulate(inner)[starts], np.maximum.accumulate(inner[::-1])[::-1][ends - 1]
    valley &= lows <= 0.6 * np.minimum(left_peak, right_peak)
    wide = (ends - starts) / scale
    found = (valley & (wide > 0.4 * em)).nonzero()[0]
    for i in sorted(found.tolist(), key=lambda i: (int(lows[i]), -float(wide[i])))[:4]:
        position = x0 + (_BINS // 12 + (starts[i] + ends[i]) / 2) / scale
        if _are_columns(pieces, region, position, em):
            return float(position)
    return None


def _are_columns(pieces: Pieces, region: NDArray[np.intp], gutter: float, em: float) -> bool:
    """Whether what stands left and right of `gutter` is to be read one after the other."""
    before = region[pieces.right[region] <= gutter]
    after = region[pieces.left[region] >= gutter]
    if len(before) < _MIN_ROWS or len(after) < _MIN_ROWS:
        return False
    top = max(pieces.top[before].min(), pieces.top[after].min())
    bottom = min(pieces.bottom[before].max(), pieces.bottom[after].max())
    if bottom - top < _MIN_ROWS * em:
        return False
    baselines = [np.sort(_baseline(pieces, side)) for side in (before, after)]
    few, many = sorted(baselines, key=len)
    nearest = np.minimum(np.maximum(many.searchsorted(few), 1), len(many) - 1)
    off = np.minimum(np.abs(many[nearest] - few), np.abs(many[nearest - 1] - few))
    aligned = np.count_nonzero(off < 0.12 * em) / len(off)
    is_before = pieces.right[np.sort(region)] <= gutter
    switches = int(np.count_nonzero(is_before[1:] != is_before[:-1]))
    prose = _is_prose(pieces, before, em) and _is_prose(pieces, after, em)
    rows = len(few)
    if prose:
        return bool(switches < 0.7 * rows or rows >= 8)
    span = [float(pieces.right[s].max() - pieces.left[s].min()) for s in (before, after)]
    return bool(min(span) > 5 * em and aligned < 0.6 and switches <= max(3, 0.15 * len(region)))


def _is_prose(pieces: Pieces, side: NDArray[np.intp], em: float) -> bool:
    """Long lines, about one piece to a row."""
    width = (pieces.right[side] - pieces.left[side]) / np.maximum(pieces.size[side], 0.5 * em)
    base = np.sort(_baseline(pieces, side))
    rows = 1 + np.count_nonzero(base[1:] - base[:-1] > 0.4 * em)
    full = float(pieces.right[side].max() - pieces.left[side].min()) / em
    return bool(len(side) < 1.6 * rows and _median(width) > max(7.0, 0.45 * full))


def _margins(pieces: Pieces, region: NDArray[np.intp]) -> NDArray[np.bool_]:
    """A few pieces at the top or bottom, parted from the rest by white over the full width: running heads and feet."""
    margin = np.zeros(len(region), bool)
    top, bottom = pieces.top[region], pieces.bottom[region]
    wanted = 1.4 * _median(pieces.size[region])
    reach = 0.2 * float(bottom.max() - top.min())
    for first, last in ((top, bottom), (-bottom, -top)):
        order = np.argsort(first)
        ends = np.maximum.accumulate(last[order])
        white = first[order][1:] - ends[:-1] > wanted
        for cut in np.flatnonzero(white[:_MAX_MARGIN]).tolist():
            if ends[cut] - first[order[0]] <= reach:
                margin[order[: cut + 1]] = True
    return margin


def _baseline(pieces: Pieces, which: NDArray[np.intp]) -> NDArray[np.float32]:
    bottom = pieces.bottom[which]
    return bottom - 0.22 * (bottom - pieces.top[which])


def _median(values: NDArray[np.float32] | NDArray[np.float64]) -> float:
    """As numpy's, for a few numbers and none that is not one: an eighth of its time."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[middle])
    return float((ordered[middle - 1] + ordered[middle]) / 2)


def _bins(places: NDArray[np.float32]) -> NDArray[np.intp]:
    bins: NDArray[np.intp] = np.minimum(np.maximum(places, 0), _BINS).astype(np.intp)
    return bins


def _rows(pieces: Pieces, region: NDArray[np.intp], rtl: bool) -> Column:
    """The rows of `region`; within a row pieces stand in reading direction."""
    if len(region) == 1:
        return Column(region, np.zeros(1, np.intp))
    base = _baseline(pieces, region)
    order = base.argsort(kind="stable")
    size, ordered = pieces.size[region][order], base[order]
    step = ordered[1:] - ordered[:-1] > 0.3 * np.minimum(size[1:], size[:-1])
    starts = np.concatenate((_ZERO, step.nonzero()[0] + 1))
    if len(starts) == len(region):
        return Column(region[order], starts)
    row = np.concatenate((_ZERO, step.cumsum()))
    across = -pieces.right[region] if rtl else pieces.left[region]
    inner = np.lexsort((across[order], row))
    return Column(region[order][inner], starts)
