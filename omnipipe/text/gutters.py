"""Gutters: corridors of white between columns, and what they cut a region of a page into."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.lines import DESCENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines import Pieces

_BINS = 200
_MIN_ROWS = 3
_MAX_MARGIN = 8
"""Pieces that a running head or foot has at most."""

_MAX_WALLS = 40
"""More pieces than this across a gutter are no paragraphs over the full width."""

_MAX_TRIED = 12
"""Bands of one gutter that are looked at."""

_ZERO = np.zeros(1, np.intp)


class Band(NamedTuple):
    """A part of a region, from top to bottom: one array of pieces that stand together, or columns, from left."""

    columns: tuple[NDArray[np.intp], ...]


def find_bands(pieces: Pieces, region: NDArray[np.intp]) -> list[Band] | None:
    """`region` cut at its best gutter in bands, at least one of them in columns; None where there is no gutter."""
    if count_beside(pieces, region) < 2:
        return None
    outer: list[NDArray[np.intp]] | None = None
    for gutter in _corridors(pieces, region):
        outer = _outer(pieces, region) if outer is None else outer
        bands = _cut(pieces, region, gutter, outer)
        if bands is not None:
            return bands
    return None


def are_text_columns(pieces: Pieces, region: NDArray[np.intp]) -> bool:
    """Whether most of `region` is columns of text that the file writes one after the other: no table without lines."""
    bands = find_bands(pieces, np.sort(region))
    for (columns,) in bands or ():
        both = np.sort(np.concatenate(columns))
        if len(columns) == 2 and len(both) >= 0.6 * len(region):
            is_left = np.isin(both, columns[0])
            switches = int(np.count_nonzero(is_left[1:] != is_left[:-1]))
            if switches <= 0.2 * len(both):
                return True
    return False


def count_beside(pieces: Pieces, region: NDArray[np.intp]) -> int:
    """How many pieces stand beside one that starts above them."""
    top, bottom = pieces.top[region], pieces.bottom[region]
    order = top.argsort()
    middle = (top + bottom)[order] / 2
    return int(np.count_nonzero(middle[1:] < np.maximum.accumulate(bottom[order])[:-1]))


def _corridors(pieces: Pieces, region: NDArray[np.intp]) -> list[float]:
    """Where few pieces cross, the most promising places first."""
    left, right = pieces.left[region], pieces.right[region]
    em = median(pieces.size[region])
    x0, width = float(left.min()), float(right.max() - left.min())
    if width < 12 * em or em <= 0:
        return []
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
    best = sorted(found.tolist(), key=lambda i: (int(lows[i]), -float(wide[i])))[:4]
    return [x0 + (_BINS // 12 + (float(starts[i]) + float(ends[i])) / 2) / scale for i in best]


def _cut(pieces: Pieces, region: NDArray[np.intp], gutter: float, outer: list[NDArray[np.intp]]) -> list[Band] | None:
    """The bands of `region` at `gutter`; None where none of them stands in columns."""
    left, right = pieces.left[region], pieces.right[region]
    top, bottom = pieces.top[region], pieces.bottom[region]
    # A line that juts out a little over the gutter still belongs to its column.
    over, under = right - gutter, gutter - left
    slack = np.minimum(0.12 * (right - left), 2 * pieces.size[region])
    before, after = over <= np.maximum(slack, 0), under <= np.maximum(slack, 0)
    after &= ~before
    across = ~(before | after) | _margins(left, outer, gutter, 0.7 * median(pieces.size[region]))
    middle = (top + bottom) / 2
    if across.any():
        across |= _last_lines(pieces, region, across)
        order = np.argsort(top[across])
        tops, ends = top[across][order], np.maximum.accumulate(bottom[across][order])
        place = np.searchsorted(tops, middle, side="right")
        # What stands beside a piece that crosses is read with it.
        across |= (place > 0) & (middle < ends[np.maximum(place, 1) - 1])
        band = np.searchsorted(np.sort(middle[across]), middle)
    else:
        band = np.zeros(len(region), np.intp)
    num = int(band.max()) + 1
    wanted = np.bincount(band[before & ~across], minlength=num), np.bincount(band[after & ~across], minlength=num)
    both = (np.minimum(*wanted) >= 2).nonzero()[0]
    if not len(both) or len(both) > _MAX_TRIED:
        return None
    bands: list[Band] = []
    done = -1
    for k in both.tolist():
        sides = tuple(region[side & ~across & (band == k)] for side in (before, after))
        if not _are_columns(pieces, *sides):
            continue
        # The piece that closes a band has the band's number, and stands below it.
        above = (band > done) & (band < k) | (across & (band == done))
        if above.any():
            bands.append(Band((region[above],)))
        bands.append(Band(sides))
        done = k
    if done < 0:
        return None
    below = (band > done) | (across & (band == done))
    if below.any():
        bands.append(Band((region[below],)))
    return bands


def _last_lines(pieces: Pieces, region: NDArray[np.intp], across: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Short lines that close a paragraph over the full width: close under its last line, with white below."""
    left, top, bottom, size = (side[region] for side in (pieces.left, pieces.top, pieces.bottom, pieces.size))
    found = np.zeros(len(region), bool)
    walls = across.nonzero()[0]
    if len(walls) > _MAX_WALLS:
        return found
    for wall in walls.tolist():
        em = size[wall]
        below = ~across & (top > bottom[wall] - 0.5 * em) & (top < bottom[wall] + 2.2 * em)
        rows = below.nonzero()[0]
        if not len(rows):
            continue
        first = rows[top[rows].argmin()]
        beside = rows[(top[rows] < bottom[first] - 0.3 * em)]
        gap = top[first] - bottom[wall]
        further = rows[top[rows] >= bottom[first] - 0.3 * em]
        white = float(top[further].min() - bottom[first]) if len(further) else np.inf
        if (
            len(beside) == 1
            and abs(left[first] - left[wall]) < em
            and abs(size[first] - em) < 0.05 * em
            and gap < 0.6 * em
            and white > gap + 0.5 * em
        ):
            found[first] = True
    return found


def _are_columns(pieces: Pieces, before: NDArray[np.intp], after: NDArray[np.intp]) -> bool:
    """Whether what stands left and right of a gutter is to be read one after the other."""
    both = np.concatenate((before, after))
    order = both.argsort()
    is_before = order < len(before)
    switches = int(np.count_nonzero(is_before[1:] != is_before[:-1]))
    fewest = min(len(before), len(after))
    if fewest < 8 and switches > max(3, 0.15 * len(both)) and switches >= 0.7 * fewest:
        return False
    em = median(pieces.size[both])
    top = max(pieces.top[before].min(), pieces.top[after].min())
    bottom = min(pieces.bottom[before].max(), pieces.bottom[after].max())
    if bottom - top < 1.5 * em:
        return False
    baselines = [np.sort(baseline(pieces, side)) for side in (before, after)]
    few, many = sorted(baselines, key=len)
    nearest = np.minimum(np.maximum(many.searchsorted(few), 1), len(many) - 1)
    off = np.minimum(np.abs(many[nearest] - few), np.abs(many[nearest - 1] - few))
    aligned = np.count_nonzero(off < 0.12 * em) / len(off)
    if len(before) < _MIN_ROWS or len(after) < _MIN_ROWS or bottom - top < _MIN_ROWS * em:
        return switches == 1 and bool(aligned < 0.5 or _line_length(pieces, before, after) > 6)
    prose = _is_prose(pieces, before, em) and _is_prose(pieces, after, em)
    rows = len(few)
    if prose:
        return bool(switches < 0.7 * rows or rows >= 8)
    if switches == 1 and (aligned < 0.8 or (rows < 8 and _line_length(pieces, before, after) > 6)):
        return True
    span = [float(pieces.right[s].max() - pieces.left[s].min()) for s in (before, after)]
    return bool(min(span) > 5 * em and aligned < 0.6 and switches <= max(3, 0.15 * len(both)))


def _line_length(pieces: Pieces, before: NDArray[np.intp], after: NDArray[np.intp]) -> float:
    """The usual length of lines on the side where they are shorter, in ems."""
    return min(
        median((pieces.right[side] - pieces.left[side]) / np.maximum(pieces.size[side], 0.1))
        for side in (before, after)
    )


def _is_prose(pieces: Pieces, side: NDArray[np.intp], em: float) -> bool:
    """Most of it in long lines, about one piece to a row."""
    width = np.sort((pieces.right[side] - pieces.left[side]) / np.maximum(pieces.size[side], 0.5 * em))
    base = np.sort(baseline(pieces, side))
    rows = 1 + np.count_nonzero(base[1:] - base[:-1] > 0.4 * em)
    full = float(pieces.right[side].max() - pieces.left[side].min()) / em
    run = width.cumsum()
    usual = width[min(int(run.searchsorted(0.5 * run[-1])), len(width) - 1)]
    return bool(len(side) < 1.6 * rows and usual > max(7.0, 0.45 * full))


def _outer(pieces: Pieces, region: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Groups of a few pieces at the top and bottom of `region`, parted from the rest by white over the full width."""
    groups = []
    top, bottom = pieces.top[region], pieces.bottom[region]
    wanted = 1.4 * median(pieces.size[region])
    reach = 0.2 * float(bottom.max() - top.min())
    for first, last in ((top, bottom), (-bottom, -top)):
        order = np.argsort(first)
        ends = np.maximum.accumulate(last[order])
        white = first[order][1:] - ends[:-1] > wanted
        for cut in np.flatnonzero(white[:_MAX_MARGIN]).tolist():
            if ends[cut] - first[order[0]] <= reach:
                groups.append(order[: cut + 1])
    return groups


def _margins(
    left: NDArray[np.float32], outer: list[NDArray[np.intp]], gutter: float, slack: float
) -> NDArray[np.bool_]:
    """Pieces of `outer` that are running heads and feet: headings of columns start at the left edges of both."""
    margin = np.zeros(len(left), bool)
    is_after = left >= gutter
    edges = left.min(), left[is_after].min() if is_after.any() else np.inf
    for found in outer:
        if not all((abs(left[found] - x) < slack).any() for x in edges):
            margin[found] = True
    return margin


def baseline(pieces: Pieces, which: NDArray[np.intp]) -> NDArray[np.float32]:
    """Where the letters of pieces stand."""
    bottom, top, size = pieces.bottom[which], pieces.top[which], pieces.size[which]
    height = bottom - top
    base: NDArray[np.float32] = bottom - DESCENT * height
    # A large sign, as of an integral, reaches as far below its line as above.
    tall = height > 1.7 * size
    if tall.any():
        base = np.where(tall, (top + bottom) / 2 + 0.34 * size, base).astype(np.float32)
    return base


def median(values: NDArray[np.float32] | NDArray[np.float64]) -> float:
    """As numpy's, for a few numbers and none that is not one: an eighth of its time."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[middle])
    return float((ordered[middle - 1] + ordered[middle]) / 2)


def _bins(places: NDArray[np.float32]) -> NDArray[np.intp]:
    bins: NDArray[np.intp] = np.minimum(np.maximum(places, 0), _BINS).astype(np.intp)
    return bins
