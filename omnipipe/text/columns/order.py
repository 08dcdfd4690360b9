"""Reading order: which pieces of lines belong to which column, and how they stand in rows.

A region is cut along a gutter, a corridor that few pieces cross, where what stands on both sides reads as columns. The
pieces that cross it (titles, wide figures, footers) cut the region into bands; a band is read column by column.
Regions without a gutter are read row by row, so that the words of one row of a table stay together. Where geometry
allows two readings, the order in which the file writes its text decides.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.gutters import Area, Band, area_of, bands_of, find_bands, median
from omnipipe.text.columns.sheet import Sheet
from omnipipe.text.columns.side_bar import side_bar
from omnipipe.text.columns.side_captions import captions_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces

_MIN_PIECES = 4
_MAX_DEPTH = 6
_MAX_PIECES = 4000
"""Pages with more pieces than this (maps, drawings) are read in rows only."""

_MIN_DOUBLE = 4
"""Rows of two long pieces from which a column may be two."""

_MAX_HUNG = 60
"""More small pieces than this are no footnote marks or exponents."""

_MAX_CUTS = 8
"""Bands of white that are tried in one region, the widest."""

_NUMBER = re.compile(r"\(?(\d{1,3})[.)]\s")
_ZERO = np.zeros(1, np.intp)


class Column(NamedTuple):
    """The pieces of a column by row, from top to bottom; `starts` says where in `pieces` each row starts."""

    pieces: NDArray[np.intp]
    starts: NDArray[np.intp]


def reading_order(pieces: Pieces, rtl: bool = False, text: str = "") -> list[Column]:
    """The columns of a page in reading order."""
    everything = np.arange(len(pieces.left))
    if len(everything) > _MAX_PIECES:
        return [to_column(pieces, everything, rtl)]
    sheet = Sheet(pieces, text)
    bar = side_bar(pieces)
    parts = [everything] if bar is None else [(~bar).nonzero()[0], bar.nonzero()[0]]
    return [_column(sheet, region, rtl) for part in parts for region in _regions(sheet, part, rtl, text, 0)]


def is_in_doubt(pieces: Pieces, columns: Sequence[Column]) -> bool:
    """Whether rows of a column look like two texts side by side, for which no gutter was found."""
    for flat, starts in columns:
        least = max(_MIN_DOUBLE, 0.2 * len(starts))
        if len(flat) - len(starts) < least:
            continue
        left, right, size = pieces.left[flat], pieces.right[flat], pieces.size[flat]
        lines = right - left > 8 * size
        # Pieces that touch are one line in two scripts or fonts.
        beside = np.append(left[1:] - right[:-1] > 0.6 * size[1:], False) & lines & np.append(lines[1:], False)
        beside[starts[1:] - 1] = False
        double = int(np.count_nonzero(beside))
        if double >= least:
            return True
    return False


def _regions(
    sheet: Sheet, region: NDArray[np.intp], rtl: bool, text: str, depth: int, bands: list[Band] | None = None
) -> Iterator[NDArray[np.intp]]:
    if len(region) < _MIN_PIECES or depth >= _MAX_DEPTH:
        yield region
        return
    if bands is None:
        area = area_of(sheet, region)
        bands = bands_of(sheet, area) if area is not None else None
        parts = captions_beside(sheet, region, text) if bands is None and text else None
        if parts is not None:
            for part in parts:
                yield from _regions(sheet, part, rtl, text, depth + 1)
            return
        if area is None:
            yield region
            return
        if bands is None:
            yield from _stacked(sheet, area, rtl, text, depth)
            return
    for band in bands:
        if len(band.columns) == 1:
            yield from _regions(sheet, band.columns[0], rtl, text, depth + 1)
            continue
        for columns in _cards(sheet, band.columns, text):
            for column in reversed(columns) if rtl else columns:
                if len(column):
                    yield from _regions(sheet, column, rtl, text, depth + 1)


def _stacked(sheet: Sheet, area: Area, rtl: bool, text: str, depth: int) -> Iterator[NDArray[np.intp]]:
    """A region without a gutter: as it is, or cut at white over its full width where that lets a part have one."""
    region, order = area.which, area.order
    white = area.top[order][1:] - area.reach
    wanted = 0.6 * area.em
    if not np.count_nonzero(white > wanted):
        yield region[order]
        return
    beside = np.concatenate((_ZERO, area.is_beside.cumsum()))
    cuts = [i for i in (-white).argsort()[:_MAX_CUTS].tolist() if white[i] > wanted]
    pending: list[NDArray[np.intp]] = []
    start = 0
    for cut in [*sorted(cuts), len(region) - 1]:
        part = region[order[start : cut + 1]]
        doubles = beside[cut] - beside[start]
        start = cut + 1
        # Content order must survive: pieces of a region stand in the order of the file.
        bands = find_bands(sheet, np.sort(part)) if len(part) >= _MIN_PIECES and doubles > 1 else None
        if bands is None:
            pending.append(part)
            continue
        if pending:
            yield np.concatenate(pending)
            pending = []
        yield from _regions(sheet, np.sort(part), rtl, text, depth + 1, bands)
    if pending:
        yield np.concatenate(pending)


def _whites(sheet: Sheet, region: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The order of a region's pieces from the top, and how much white follows each over the full width, in points."""
    top, bottom = sheet.top[region], sheet.bottom[region]
    order = top.argsort(kind="stable")
    white = top[order][1:] - np.maximum.accumulate(bottom[order])[:-1]
    return order, white


def _cards(sheet: Sheet, columns: tuple[NDArray[np.intp], ...], text: str) -> list[tuple[NDArray[np.intp], ...]]:
    """Columns, or the rows of a grid of cards: each card is read as a whole, before its right neighbour.

    Numbers at the start of lines decide; without them the order in which the file writes what stands above and below a
    band of white. Text written line by line across the columns is no grid.
    """
    both = np.concatenate(columns)
    side = np.zeros(len(both), np.intp)
    side[len(columns[0]) :] = 1
    order, white = _whites(sheet, both)
    flat, sides = both[order], side[order]
    wide = (white > 0.6 * median(sheet.size[both])).nonzero()[0] + 1
    if not len(wide):
        return [columns]
    numbers = _numbers(sheet, flat, text)
    if len(numbers) > 2:
        if _counts_up([numbers[i] for k in (0, 1) for i in (sides == k).nonzero()[0].tolist() if i in numbers]):
            return [columns]
        cuts = [cut for cut in wide.tolist() if cut in numbers or cut + 1 in numbers]
        parts = _parts(flat, sides, cuts)
        places = {int(piece): number for piece, number in zip(flat[list(numbers)], numbers.values(), strict=True)}
        if _counts_up([places[i] for part in parts for column in part for i in column.tolist() if i in places]):
            return parts
    tried = wide[np.argsort(-white[wide - 1])[:_MAX_CUTS]].tolist()
    rows = _between_rows((sheet.last - sheet.first)[flat], flat, sides, tried)
    if not rows:
        return [columns]
    parts = _parts(flat, sides, rows)
    return [columns] if any(_is_interleaved(part) for part in parts) else parts


def _parts(flat: NDArray[np.intp], sides: NDArray[np.intp], cuts: list[int]) -> list[tuple[NDArray[np.intp], ...]]:
    """Left and right columns of what stands between `cuts`, each in the order of the file."""
    bounds = zip([0, *cuts], [*cuts, len(flat)], strict=True)
    return [tuple(np.sort(flat[a:b][sides[a:b] == k]) for k in (0, 1)) for a, b in bounds]


def _numbers(sheet: Sheet, flat: NDArray[np.intp], text: str) -> dict[int, int]:
    """The number that pieces start with, by their place in `flat`."""
    starts = sheet.first[flat].tolist()
    signs = ((i, start, text[start : start + 1]) for i, start in enumerate(starts))
    opens = ((i, start) for i, start, sign in signs if sign == "(" or sign.isdecimal())
    found = ((i, _NUMBER.match(text, start, start + 6)) for i, start in opens)
    return {i: int(match.group(1)) for i, match in found if match}


def _counts_up(numbers: list[int]) -> bool:
    return len(numbers) > 2 and all(b == a + 1 for a, b in pairwise(numbers))


def _between_rows(
    weight: NDArray[np.intp], flat: NDArray[np.intp], sides: NDArray[np.intp], tried: list[int]
) -> list[int]:
    """Those of the cuts `tried`, in order, where the file writes both sides of what stands above before what stands
    below.

    Counted in pairs of characters: column after column, the lower left would come before the upper right.
    """
    left, right = ((weight * (sides == side)).cumsum().tolist() for side in (0, 1))
    rank = flat.argsort()
    ranked = weight[rank].astype(np.float64)
    found = []
    for cut in sorted(tried):
        pairs = float(right[cut - 1]) * float(left[-1] - left[cut - 1])
        if not (left[cut - 1] > 0 and pairs > 0):
            continue
        above = ranked * (rank < cut)
        if float((above * (ranked - above).cumsum()).sum()) < 0.5 * pairs:
            found.append(cut)
    return found


def _is_interleaved(part: tuple[NDArray[np.intp], ...]) -> bool:
    """Whether the file goes from side to side, line by line."""
    both = np.concatenate(part)
    is_left = both.argsort() < len(part[0])
    switches = int(np.count_nonzero(is_left[1:] != is_left[:-1]))
    return switches > max(1, 0.4 * len(both))


def to_column(pieces: Pieces, region: NDArray[np.intp], rtl: bool) -> Column:
    """The rows of `region`; within a row pieces stand in reading direction."""
    return _column(Sheet(pieces), region, rtl)


def _column(sheet: Sheet, region: NDArray[np.intp], rtl: bool) -> Column:
    if len(region) == 1:
        return Column(region, np.zeros(1, np.intp))
    size = sheet.size[region]
    base = _hung(sheet, region, size)
    order = base.argsort(kind="stable")
    size, ordered = size[order], base[order]
    step = ordered[1:] - ordered[:-1] > 0.3 * np.minimum(size[1:], size[:-1])
    if np.count_nonzero(step) == len(step):
        return Column(region[order], np.arange(len(region)))
    starts = np.concatenate((_ZERO, step.nonzero()[0] + 1))
    row = np.concatenate((_ZERO, step.cumsum()))
    across = -sheet.right[region] if rtl else sheet.left[region]
    inner = np.lexsort((across[order], row))
    return Column(region[order][inner], starts)


def _hung(sheet: Sheet, region: NDArray[np.intp], size: NDArray[np.float32]) -> NDArray[np.float32]:
    """Baselines, raised and lowered small pieces on that of the piece that they stand beside."""
    base = sheet.base[region]
    small = (size < 0.8 * median(size)).nonzero()[0]
    if len(small):
        small = small[(sheet.last - sheet.first)[region[small]] < 4]
    if not len(small) or len(small) > _MAX_HUNG:
        return base
    left, right, top, bottom = sheet.left[region], sheet.right[region], sheet.top[region], sheet.bottom[region]
    for i in small.tolist():
        near = np.maximum(left - right[i], left[i] - right) < 0.3 * size[i]
        over = np.minimum(bottom, bottom[i]) - np.maximum(top, top[i])
        found = near & (over > 0.4 * (bottom[i] - top[i])) & (size > 1.2 * size[i])
        if np.count_nonzero(found):
            base[i] = base[np.where(found, over, -np.inf).argmax()]
    return base
