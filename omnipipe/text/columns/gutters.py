"""Gutters: corridors of white between columns, and what they cut a region of a page into."""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.beside import is_paragraph_beside
from omnipipe.text.columns.bullets import without_bullets
from omnipipe.text.columns.contacts import are_blocks
from omnipipe.text.columns.prose import are_mixed_strips, are_strips, is_prose
from omnipipe.text.columns.sheet import Sheet
from omnipipe.text.extreme import largest, smallest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces

_BINS = 200
_FIRST_BIN, _LAST_BIN = 16, 184
"""Between these gutters are looked for: not in a twelfth of the width at either side."""

_MIN_ROWS = 3
_MAX_MARGIN = 8
"""Pieces that a running head or foot has at most."""

_MAX_WALLS = 40
"""More pieces than this across a gutter are no paragraphs over the full width."""

_WORDS = 2.2
"""Ems; lines of addresses and labels are wider than this in the middle, short numbers are not."""

_ALIGNED = 0.7
"""Of the lines of columns of prose that the file writes line by line: those beside another; cells have more."""

_OUT_OF_TURN = 0.05
"""Of the lines of two sides of columns: times that the file goes from side to side, at most."""

_MOST_TEXT = 0.6
"""Of the pieces of a region: those in columns of text from which on it is no table."""

_MAX_TRIED = 12
"""Bands of one gutter that are looked at."""


class Band(NamedTuple):
    """A part of a region, from top to bottom: one array of pieces that stand together, or columns, from left."""

    columns: tuple[NDArray[np.intp], ...]


class Area(NamedTuple):
    """The boxes and sizes of the pieces of a region, in its order; `em` is the usual size.

    `order` is that from the top, `reach` how far down the pieces before each (but the first) reach, `is_beside` whether
    it starts above that.
    """

    which: NDArray[np.intp]
    slack: NDArray[np.float32]
    left: NDArray[np.float32]
    top: NDArray[np.float32]
    right: NDArray[np.float32]
    bottom: NDArray[np.float32]
    size: NDArray[np.float32]
    em: float
    order: NDArray[np.intp]
    reach: NDArray[np.float32]
    is_beside: NDArray[np.bool_]


def area_of(sheet: Sheet, region: NDArray[np.intp]) -> Area | None:
    """What is known of the pieces of `region`; None where none stand beside others, and so no gutter is."""
    top, bottom = sheet.top[region], sheet.bottom[region]
    order = top.argsort(kind="stable")
    ends = bottom[order]
    reach = np.maximum.accumulate(ends)[:-1]
    is_beside = top[order][1:] + ends[1:] < 2 * reach
    if np.count_nonzero(is_beside) < 2:
        return None
    left, right, size, slack = sheet.left[region], sheet.right[region], sheet.size[region], sheet.slack[region]
    return Area(region, slack, left, top, right, bottom, size, median(size), order, reach, is_beside)


def find_bands(sheet: Sheet, region: NDArray[np.intp]) -> list[Band] | None:
    """`region` cut at its best gutter in bands, at least one of them in columns; None where there is no gutter."""
    area = area_of(sheet, region)
    return None if area is None else bands_of(sheet, area)


def bands_of(sheet: Sheet, area: Area) -> list[Band] | None:
    """As `find_bands`, for a region that is known already."""
    outer: list[NDArray[np.intp]] | None = None
    for gutter in _corridors(area):
        outer = _outer(area) if outer is None else outer
        bands = _cut(sheet, area, gutter, outer)
        if bands is not None:
            return bands
    return None


def are_text_columns(pieces: Pieces, region: NDArray[np.intp], text: str) -> bool:
    """Whether most of `region` is columns of text that the file writes one after the other, or addresses: no table
    without lines."""
    sheet = Sheet(pieces, text)
    num_found = 0
    for (columns,) in find_bands(sheet, np.sort(region)) or ():
        both = np.sort(np.concatenate(columns))
        if len(columns) != 2:
            continue
        is_left = np.concatenate(columns).argsort() < len(columns[0])
        switches = int(np.count_nonzero(is_left[1:] != is_left[:-1]))
        # Where one side is few names of groups of rows, they are few beside the other side's lines.
        most = min(0.2 * len(both), max(_MIN_ROWS, 0.4 * min(map(len, columns))))
        # Several stories may stand below each other, each in columns.
        if (len(both) >= _MOST_TEXT * len(region) and are_blocks(sheet, *columns)) or switches <= most:
            num_found += len(both)
    return num_found >= _MOST_TEXT * len(region) and num_found > 0


def _corridors(area: Area) -> list[float]:
    """Where few pieces cross, the most promising places first."""
    left, right, em = area.left, area.right, area.em
    x0 = float(smallest(left))
    width = float(largest(right)) - x0
    if width < 12 * em or em <= 0:
        return []
    scale = _BINS / width
    bounds, heights = _profile(left, right, x0, scale)
    # Only local minima: corridors with more pieces on both sides.
    around = zip([inf, *heights], heights, [*heights[1:], inf], strict=False)
    found: list[tuple[int, float, int]] = []
    least, most = 0.4 * em, 0.6 * max(heights)
    for i in [i for i, (before, low, after) in enumerate(around) if before > low < after and low <= most]:
        wide, low = (bounds[i + 1] - bounds[i]) / scale, heights[i]
        if not low and wide <= least:
            place = x0 + (bounds[i] + bounds[i + 1]) / 2 / scale
            wide = float(smallest(left[left > place]) - largest(right[right < place]))
        if wide > least and (not low or low <= 0.6 * min(max(heights[: i + 1]), max(heights[i:]))):
            found.append((low, -wide, bounds[i] + bounds[i + 1]))
    best = sorted(found)[:4]
    return [x0 + twice / 2 / scale for _, _, twice in best]


def _profile(
    left: NDArray[np.float32], right: NDArray[np.float32], x0: float, scale: float
) -> tuple[list[int], list[int]]:
    """Where the number of pieces that cross changes, with both ends, and that number between two such places."""
    spans = np.array((left, right))
    spans -= x0
    spans *= scale
    np.ceil(spans[1], out=spans[1])
    opens, closes = spans.astype(np.intp)
    change = np.bincount(opens, minlength=_LAST_BIN)[:_LAST_BIN] - np.bincount(closes, minlength=_LAST_BIN)[:_LAST_BIN]
    places = change.nonzero()[0]
    heights = [0, *np.add.accumulate(change[places]).tolist()]
    starts = places.tolist()
    first = bisect_right(starts, _FIRST_BIN)
    return [_FIRST_BIN, *starts[first:], _LAST_BIN], heights[first:]


def _cut(sheet: Sheet, area: Area, gutter: float, outer: list[NDArray[np.intp]]) -> list[Band] | None:
    """The bands of a region at `gutter`; None where none of them stands in columns."""
    region, slack, left, top, right, bottom = area[:6]
    # A line that juts out a little over the gutter still belongs to its column.
    before, after = right - gutter <= slack, gutter - left <= slack
    np.greater(after, before, out=after)
    if min(np.count_nonzero(before), np.count_nonzero(after)) < 2:
        return None
    across = ~(before | after)
    if outer:
        across |= _margins(left, right, outer, gutter, area.em)
    walls = across.nonzero()[0]
    if not len(walls):
        sides = region[before], region[after]
        return [Band(sides)] if _are_columns(sheet, *sides) else None
    last = _last_lines(area, across, walls)
    if last:
        across[last] = True
        walls = across.nonzero()[0]
    walls = walls[top[walls].argsort()]
    tops, ends, middle = top[walls], np.maximum.accumulate(bottom[walls]), (top + bottom) / 2
    place = tops.searchsorted(middle, side="right")
    # What stands beside a piece that crosses is read with it.
    across |= (place > 0) & (middle < ends[np.maximum(place, 1) - 1])
    band = np.sort(middle[across]).searchsorted(middle)
    num = int(largest(band)) + 1
    np.greater(before, across, out=before)
    np.greater(after, across, out=after)
    wanted = np.bincount(band[before], minlength=num), np.bincount(band[after], minlength=num)
    both = (np.minimum(*wanted) >= 2).nonzero()[0]
    if not len(both) or len(both) > _MAX_TRIED:
        return None
    return _parted(sheet, region, (before, across, after), band, both.tolist())


def _parted(
    sheet: Sheet,
    region: NDArray[np.intp],
    places: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]],
    band: NDArray[np.intp],
    tried: list[int],
) -> list[Band] | None:
    """The bands of a region, those of the numbers `tried` in columns; None where none of them are.

    `places` say which pieces stand before a gutter, across and after it, `band` is the number of each.
    """
    before, across, after = places
    bands: list[Band] = []
    done = -1
    for k in tried:
        here = band == k
        sides = region[before & here], region[after & here]
        if not _are_columns(sheet, *sides):
            continue
        # The piece that closes a band has the band's number, and stands below it.
        above = (band > done) & (band < k) | (across & (band == done))
        if np.count_nonzero(above):
            bands.append(Band((region[above],)))
        bands.append(Band(sides))
        done = k
    if done < 0:
        return None
    below = (band > done) | (across & (band == done))
    if np.count_nonzero(below):
        bands.append(Band((region[below],)))
    return bands


def _last_lines(area: Area, across: NDArray[np.bool_], walls: NDArray[np.intp]) -> list[int]:
    """Short lines that close a paragraph over the full width: close under its last line, with white below.

    `walls` are the places that are true in `across`.
    """
    if len(walls) > _MAX_WALLS:
        return []
    order = area.order[~across[area.order]]
    tops, ends, em = area.top[order], area.bottom[walls], area.size[walls]
    starts = tops.searchsorted(ends - 0.5 * em, side="right")
    stops = tops.searchsorted(ends + 2.2 * em)
    found = []
    for i in (starts < stops).nonzero()[0].tolist():
        below, size = order[starts[i] : stops[i]], em[i]
        first = below[0]
        gap = area.top[first] - ends[i]
        if not gap < 0.6 * size or abs(area.left[first] - area.left[walls[i]]) >= size:
            continue
        num_beside = int(area.top[below].searchsorted(area.bottom[first] - 0.3 * size))
        if num_beside != 1 or abs(area.size[first] - size) >= 0.05 * size:
            continue
        if len(below) == 1 or area.top[below[1]] - area.bottom[first] > gap + 0.5 * size:
            found.append(int(first))
    return found


def _are_columns(sheet: Sheet, before: NDArray[np.intp], after: NDArray[np.intp]) -> bool:
    """Whether what stands left and right of a gutter is to be read one after the other."""
    before, after = without_bullets(sheet, before), without_bullets(sheet, after)
    both = np.concatenate((before, after))
    is_before = both.argsort() < len(before)
    switches = int(np.count_nonzero(is_before[1:] != is_before[:-1]))
    rows = min(len(before), len(after))
    if switches == 1 and rows >= _MIN_ROWS and _block_and_pairs(sheet, before, after):
        return True
    if (switches > 1 or rows < 8) and are_blocks(sheet, before, after):
        return True
    if rows < 8 and switches > max(3, 0.15 * len(both)) and switches >= 0.7 * rows:
        return False
    if rows < _MIN_ROWS and switches != 1:
        return False
    em = median(sheet.size[both])
    top = max(smallest(sheet.top[before]), smallest(sheet.top[after]))
    bottom = min(largest(sheet.bottom[before]), largest(sheet.bottom[after]))
    high = float(bottom - top)
    if high < 1.5 * em:
        return False
    bases = sheet.base[before], sheet.base[after]
    for base in bases:
        base.sort()
    if rows < _MIN_ROWS or high < _MIN_ROWS * em:
        return switches == 1 and (_aligned(*bases, em) < 0.5 or _line_length(sheet, before, after) > 6)
    if is_prose(sheet, before, bases[0], em) and is_prose(sheet, after, bases[1], em):
        return switches < 0.7 * rows or rows >= 8
    # Programs write headings and frames out of turn.
    is_in_turn = switches <= max(1, _OUT_OF_TURN * len(both))
    if is_in_turn and are_strips(sheet, before, em) and are_strips(sheet, after, em):
        return True
    if switches == 1 and is_paragraph_beside(sheet, before, after, em):
        return True
    aligned = _aligned(*bases, em)
    if switches > max(3, 0.15 * len(both)):
        is_mixed = aligned < _ALIGNED and rows >= 8
        return is_mixed and are_mixed_strips(sheet, before, em) and are_mixed_strips(sheet, after, em)
    if switches == 1 and (aligned < 0.8 or (rows < 8 and _line_length(sheet, before, after) > 6)):
        return True
    span = [float(largest(sheet.right[side]) - smallest(sheet.left[side])) for side in (before, after)]
    return min(span) > 5 * em and aligned < 0.6


def _block_and_pairs(sheet: Sheet, before: NDArray[np.intp], after: NDArray[np.intp]) -> bool:
    """Whether one side is lines below each other, the other pairs of a label and its value, as addresses and what
    stands beside them: a table of all would be written row by row."""
    for block, pairs in ((before, after), (after, before)):
        if len(pairs) % 2 or len(pairs) < 2 * _MIN_ROWS:
            continue
        labels, values = pairs[::2], pairs[1::2]
        em = float(sheet.size[pairs[0]])
        if any(median(sheet.right[part] - sheet.left[part]) < _WORDS * em for part in (block, labels)):
            continue
        is_level = np.abs(sheet.base[labels] - sheet.base[values]) < 0.12 * em
        is_after = sheet.left[values] > sheet.right[labels]
        if np.count_nonzero(is_level & is_after) == len(labels) and all(
            _is_block(sheet, part, em) for part in (block, labels, values)
        ):
            return True
    return False


def _is_block(sheet: Sheet, part: NDArray[np.intp], em: float) -> bool:
    """Whether lines that the file writes from top to bottom start, or end, at one place."""
    if not (np.diff(sheet.base[part]) > 0.5 * em).all():
        return False
    return any(float(side[part].max() - side[part].min()) < 0.2 * em for side in (sheet.left, sheet.right))


def _aligned(one: NDArray[np.float32], other: NDArray[np.float32], em: float) -> float:
    """Of the baselines (in order) of the side with fewer: the share that has one of the other beside it."""
    few, many = sorted((one, other), key=len)
    nearest = np.minimum(np.maximum(many.searchsorted(few), 1), len(many) - 1)
    off = np.minimum(np.abs(many[nearest] - few), np.abs(many[nearest - 1] - few))
    return float(np.count_nonzero(off < 0.12 * em) / len(off))


def _line_length(sheet: Sheet, before: NDArray[np.intp], after: NDArray[np.intp]) -> float:
    """The usual length of lines on the side where they are shorter, in ems."""
    return min(
        median((sheet.right[side] - sheet.left[side]) / np.maximum(sheet.size[side], 0.1)) for side in (before, after)
    )


def _outer(area: Area) -> list[NDArray[np.intp]]:
    """Groups of a few pieces at the top and bottom of a region, parted from the rest by white over the full width."""
    groups = []
    wanted = 1.4 * area.em
    upward = -area.bottom
    # White after the first few pieces is all that counts.
    for first, last, order in (
        (area.top, area.bottom, area.order[: _MAX_MARGIN + 1]),
        (upward, -area.top, upward.argsort()[: _MAX_MARGIN + 1]),
    ):
        starts, ends = first[order], np.maximum.accumulate(last[order])
        is_parted = starts[1:] - ends[:-1] > wanted
        if not np.count_nonzero(is_parted):
            continue
        reach = 0.2 * float(largest(area.bottom) - area.top[area.order[0]])
        for cut in is_parted.nonzero()[0].tolist():
            if ends[cut] - starts[0] <= reach:
                groups.append(order[: cut + 1])
    return groups


def _margins(
    left: NDArray[np.float32], right: NDArray[np.float32], outer: list[NDArray[np.intp]], gutter: float, em: float
) -> NDArray[np.bool_]:
    """Pieces of `outer` that are running heads and feet: headings of columns start at the left edges of both, or, below
    a title that crosses the gutter, stand in the middle of both."""
    margin = np.zeros(len(left), bool)
    is_after = left >= gutter
    columns = [(left[side], right[side]) for side in (right <= gutter, is_after) if np.count_nonzero(side)]
    edges = float(smallest(left)), float(smallest(columns[-1][0])) if np.count_nonzero(is_after) else np.inf
    middles = [float(smallest(lefts) + largest(rights)) / 2 for lefts, rights in columns]
    crosses = (left < gutter - em) & (right > gutter + em)
    for found in outer:
        starts = left[found].tolist()
        if all(any(abs(start - x) < 0.7 * em for start in starts) for x in edges):
            continue
        centres = ((left[found] + right[found]) / 2).tolist()
        has_title = len(middles) == 2 and np.count_nonzero(crosses[found])
        if not (has_title and all(any(abs(centre - x) < em for centre in centres) for x in middles)):
            margin[found] = True
    return margin


def median(values: NDArray[np.float32] | NDArray[np.float64] | NDArray[np.intp]) -> float:
    """As numpy's, for a few numbers and none that is not one: an eighth of its time."""
    ordered = values.copy()
    ordered.sort()
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[middle])
    return float((ordered[middle - 1] + ordered[middle]) / 2)
