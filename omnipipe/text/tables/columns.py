"""The columns of one table: from the lines that are drawn down, and from corridors between words."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.extreme import largest, smallest
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.corridors import corridors, cover

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.tables.regions import Region

    Floats = NDArray[np.float32]

JOIN = 0.5
"""Words closer than this many font sizes are one run."""
SNAP = 3.0
"""Points; lines closer than this are one edge of the grid."""
_STRIP = 1.2
"""Font sizes; narrower spaces between lines are no columns where they are empty."""
_SAME = 0.8
"""Font sizes between where a title starts and its table, at most."""
_LEAST_DRAWN, _MAX_DRAWN = 0.2, 150.0
"""Of the height of a table, and in points: lines down that are shorter part no columns."""
_NOWHERE = float("-inf")
_MIN_ROWS = 3
_SPANNERS = 0.6
"""Of the texts of a line: headings over several columns are so many at most."""
_MIN_RUNS = 4
_MAX_COLUMNS = 200
_LEAST_LABELS = 2
"""Names of groups of rows that show that they have a column."""
_ZERO = np.zeros(1, np.intp)
_WORDS = re.compile(r"[^\W_]")
_AFTER = frozenset({")", "%", "*", "**", "†", "‡", "?", "°"})
"""Signs that belong to what stands before them."""


def column_edges(runs: Pieces, region: Region, head: float) -> tuple[list[float], list[bool]]:
    """Bounds of the columns from left to right, and for each whether it is drawn; `head` is that of `head_end`."""
    drawn = _drawn_edges(region)
    edges, is_line = [region.left], [True]
    middle: Floats = np.divide(runs.left + runs.right, 2)
    em = median(runs.size)
    # Shaded cells leave strips at their sides, which are no columns.
    bounds = [region.left, *drawn, region.right]
    strips = [b - a < _STRIP * em and not np.count_nonzero((middle > a) & (middle < b)) for a, b in pairwise(bounds)]
    drawn = [x for k, x in enumerate(drawn) if not strips[k]]
    if drawn and strips[-1]:
        drawn = drawn[:-1]
    bounds = [region.left, *drawn, region.right]
    body = _body(runs, middle, bounds, head)
    for k, (start, end) in enumerate(pairwise(bounds), 1):
        found = _gaps(runs, body, k, (start, end), bool(drawn)) if body.num_runs[k] >= _MIN_RUNS else []
        edges += [*found, end]
        is_line += [False] * len(found) + [True]
    return edges[: _MAX_COLUMNS + 1], is_line[: _MAX_COLUMNS + 1]


def head_end(runs: Pieces, region: Region) -> float:
    """Where the rows below the head start: headings over several columns do not show where columns are."""
    flat = region.lines.horizontal
    if len(flat):
        flat = flat[flat[:, 2] - flat[:, 1] > 0.85 * (region.right - region.left), 0]
        flat = flat[flat < (region.top + region.bottom) / 2]
    base = base_of(runs)
    flat = flat[flat > smallest(base)] if len(flat) else flat
    if not len(flat):
        return _spanner_end(runs, base)
    rest = base[base > flat[0]]
    rest.sort()
    num_rows = np.count_nonzero(rest[1:] - rest[:-1] > 0.35 * median(runs.size))
    return float(flat[0]) if num_rows >= _MIN_ROWS else _NOWHERE


def _spanner_end(runs: Pieces, base: Floats) -> float:
    """Where the first line ends, if it has headings over several columns each of all lines below it."""
    lines = np.bincount(band_numbers(runs))
    if len(lines) < _MIN_ROWS + 2 or not 2 <= lines[0] <= _SPANNERS * median(lines[1:]):
        return _NOWHERE
    order = base.argsort(kind="stable")
    first, rest = order[: lines[0]], order[lines[0] :]
    # Titles of tables beside each other start where these do, the first one at the left end.
    near = np.abs(runs.left[first, None] - runs.left[rest]) < _SAME * runs.size[first, None]
    if near[:, runs.left[rest].argmin()].any() and near.any(axis=1).all():
        return _NOWHERE
    return float(base[first[-1]] + base[rest[0]]) / 2


def _drawn_edges(region: Region) -> list[float]:
    """Places of the lines down inside that go over a part of the height, each once."""
    least = min(_LEAST_DRAWN * (region.bottom - region.top), _MAX_DRAWN)
    down = region.lines.vertical
    down = down[(down[:, 0] - region.left >= SNAP) & (region.right - down[:, 0] >= SNAP)]
    if not len(down):
        return []
    place, start, end = down.T
    first = np.concatenate((_ZERO, (place[1:] - place[:-1] > SNAP).nonzero()[0] + 1))
    count = np.concatenate((first[1:], [len(down)])) - first
    reach = np.maximum.reduceat(end, first) - np.minimum.reduceat(start, first)
    drawn = np.minimum(np.add.reduceat(end - start, first), reach)
    places: list[float] = (np.add.reduceat(place, first) / count.astype(np.float32))[drawn >= least].tolist()
    return places


class _Body(NamedTuple):
    """Runs below the head, sorted by the part of the region that they stand in (from 1) and by their baselines.

    `lone` says which are alone on their line, `wide` which of these go over much of their part. By part: how many runs
    there are up to its end, how many in it, how many lines, and how many runs that are lone, and wide. `heads` are the
    parts of the runs of the head, 0 for the others.
    """

    order: NDArray[np.intp]
    lone: NDArray[np.bool_]
    wide: NDArray[np.bool_]
    heads: NDArray[np.intp]
    ends: list[int]
    num_runs: list[int]
    num_bands: list[int]
    num_lone: list[int]
    num_wide: list[int]


def _body(runs: Pieces, middle: Floats, bounds: Sequence[float], head: float) -> _Body:
    """The runs below `head` in the parts between `bounds`."""
    places = np.array(bounds, np.float32)
    part = places.searchsorted(middle)
    # What is in the middle of a line belongs to neither side.
    part[part != places.searchsorted(middle, side="right")] = 0
    base = base_of(runs)
    below = base > head
    order = np.lexsort((base, part))
    order = order[below[order]]
    in_order, base = part[order], base[order]
    opens = np.ones(len(order), bool)
    opens[1:] = _are_apart(base, runs.size[order]) | (in_order[1:] != in_order[:-1])
    lone = opens.copy()
    lone[:-1] &= opens[1:]
    width = np.zeros(len(bounds) + 1, np.float32)
    width[1:-1] = 0.4 * np.diff(bounds)
    wide = lone & (runs.right[order] - runs.left[order] > width[in_order])
    num_runs = np.bincount(in_order, minlength=len(width))
    counts = (np.bincount(in_order[which], minlength=len(width)).tolist() for which in (opens, lone, wide))
    return _Body(order, lone, wide, part * ~below, num_runs.cumsum().tolist(), num_runs.tolist(), *counts)


def _gaps(runs: Pieces, body: _Body, part: int, bounds: tuple[float, float], between_lines: bool) -> list[float]:
    """Where columns meet between `bounds`: corridors that no row of `runs` crosses, and the head where it can."""
    num_bands = body.num_bands[part]
    # A row of one run is a heading over some rows, or goes on with a cell: neither says where columns are.
    num_left_out = body.num_lone[part]
    is_poor = num_bands - num_left_out < 3
    if is_poor:
        num_left_out = body.num_wide[part]
    num_runs, num_used = body.num_runs[part] - num_left_out, num_bands - num_left_out
    if num_runs < 4:
        return []
    least = 0.5 if num_used >= 4 else 0.8
    needed = max(2, int(0.12 * num_used))
    if between_lines:
        # Lines that were left out between two columns are rarer than cells of several lines.
        is_long = num_used >= 6 and num_used >= 0.8 * num_bands
        least, needed = (0.5, int(0.8 * num_bands)) if is_long else (1.2, int(0.6 * num_used))
        if num_used < 4:
            return []
    allowed = int(0.1 * num_used)
    # Runs on both sides of a corridor, and those across it.
    if num_runs < 2 * needed - allowed:
        return []
    here = slice(body.ends[part - 1], body.ends[part])
    order = body.order[here]
    em = median(runs.size[order])
    left_out = (body.wide if is_poor else body.lone)[here]
    alone, order = order[left_out], order[~left_out]
    found, crossing, x0, grain = corridors(runs, order, em, allowed, least * em)
    found = _supported(found, crossing, needed) if found else []
    if not found:
        return []
    labels = [x for x in _label_edge(runs, alone, order, em) if x < x0 + found[0][0] * grain]
    heads = (body.heads == part).nonzero()[0]
    if len(heads):
        crossing = crossing + cover(runs.left[heads], runs.right[heads], x0, grain, len(crossing))
    everyone = np.concatenate((order, heads))
    left, right = runs.left[everyone], runs.right[everyone]
    places = [x0 + _clearest(crossing, a, b) * grain for a, b in found]
    sides = [(x0 + (a - 1) * grain, x0 + (b + 1) * grain) for a, b in found]
    return [*labels, *(_beside(left, right, x, side) for x, side in zip(places, sides, strict=True))]


def _beside(left: Floats, right: Floats, place: float, corridor: tuple[float, float]) -> float:
    """`place`, or, where runs cross the `corridor` there that leave some white at one side of it, the middle of that: a
    name over the left end of its numbers reaches into the white before them."""
    across = (left < place) & (right > place)
    if not np.count_nonzero(across):
        return place
    start, end = corridor
    is_before, is_after = ~across & (right <= place) & (right > start), ~across & (left >= place) & (left < end)
    if np.count_nonzero(is_before):
        start = float(largest(right[is_before]))
    if np.count_nonzero(is_after):
        end = float(smallest(left[is_after]))
    first, last = float(smallest(left[across])), float(largest(right[across]))
    if start < first < place and last > end:
        return (start + first) / 2
    if place < last < end and first < start:
        return (last + end) / 2
    return place


def _label_edge(runs: Pieces, alone: NDArray[np.intp], rows: NDArray[np.intp], em: float) -> list[float]:
    """Where the names of groups of rows end, if the runs that stand `alone` on their lines are that: in the middle of
    their group, between two of its rows, and left of all of `rows`; the names of odd groups stand beside a row."""
    if not len(alone):
        return []
    is_name = runs.left[rows] < largest(runs.right[alone])
    num_beside = int(np.count_nonzero(is_name))
    if len(alone) + num_beside < _LEAST_LABELS or num_beside > len(alone) or num_beside == len(rows):
        return []
    names = np.concatenate((alone, rows[is_name]))
    start, end = float(smallest(runs.left[rows[~is_name]])), float(largest(runs.right[names]))
    return [(start + end) / 2] if start - end > JOIN * em else []


def walls_between(frame: tuple[NDArray[np.float32], ...], region: Region) -> NDArray[np.bool_]:
    """For each word but the first: whether a line is drawn between it and the word before."""
    left, top, right, bottom = frame
    apart = np.zeros(len(left) - 1, bool)
    down = region.lines.vertical
    if not len(down):
        return apart
    number = down[:, 0].searchsorted((left + right) / 2, side="right")
    pairs = (number[1:] != number[:-1]).nonzero()[0]
    after = pairs + 1
    low, high = np.minimum(number[pairs], number[after]), np.maximum(number[pairs], number[after])
    height = (top[after] + bottom[after]) / 2
    start, end = down[:, 1], down[:, 2]
    # Between most words no line stands, between the others mostly one.
    while len(pairs):
        crossed = (height > start[low]) & (height < end[low])
        apart[pairs[crossed]] = True
        low += 1
        left_over = (~crossed & (low < high)).nonzero()[0]
        pairs, low, high, height = pairs[left_over], low[left_over], high[left_over], height[left_over]
    return apart


def _clearest(cover: NDArray[np.intp], start: int, end: int) -> float:
    """The middle of the widest part from `start` to `end` that fewest lie over."""
    here = cover[start:end]
    low = (here == here.min()).nonzero()[0].tolist()
    best = (0, 0)
    first = low[0]
    for one, after in pairwise([*low, low[-1] + 2]):
        if after - one > 1:
            if one + 1 - first > best[1] - best[0]:
                best = (first, one + 1)
            first = after
    return start + sum(best) / 2


def _supported(found: list[tuple[int, int]], cover: NDArray[np.intp], needed: int) -> list[tuple[int, int]]:
    """The corridors with columns on both sides that enough rows fill; a thin column goes to its nearer neighbour."""
    while found:
        bounds = [0, *(edge for corridor in found for edge in corridor), len(cover)]
        peaks = [int(cover[bounds[i] : bounds[i + 1]].max(initial=0)) for i in range(0, len(bounds), 2)]
        weakest = min(range(len(peaks)), key=lambda i: peaks[i])
        if peaks[weakest] >= needed:
            break
        before = found[weakest - 1] if weakest else None
        after = found[weakest] if weakest < len(found) else None
        if before is None or (after is not None and after[1] - after[0] < before[1] - before[0]):
            found.pop(weakest)
        else:
            found.pop(weakest - 1)
    return found


def band_numbers(runs: Pieces) -> NDArray[np.intp]:
    """For runs sorted by baseline: the number of the line of text that each stands on."""
    base = base_of(runs)
    order = base.argsort(kind="stable")
    return _bands(base[order], runs.size[order])


def lines_of(runs: Pieces) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order of runs by baseline, and where in it each line of text starts."""
    base = base_of(runs)
    order = base.argsort(kind="stable")
    return order, np.concatenate((_ZERO, _are_apart(base[order], runs.size[order]).nonzero()[0] + 1))


def _bands(base: Floats, size: Floats) -> NDArray[np.intp]:
    """For sorted baselines: the number of the line of each."""
    return np.concatenate((_ZERO, _are_apart(base, size).cumsum()))


def _are_apart(base: Floats, size: Floats) -> NDArray[np.bool_]:
    """For sorted baselines but the first: whether each starts a line."""
    apart: NDArray[np.bool_] = base[1:] - base[:-1] > 0.35 * np.minimum(size[1:], size[:-1])
    return apart


def num_strays(region: Region, edges: Sequence[float]) -> int:
    """How many of the lines down are no bounds of columns."""
    down = region.lines.vertical[:, :1]
    return int(np.count_nonzero(np.abs(down - np.array(edges)).min(axis=1) > SNAP)) if len(down) else 0


def drop_mark_columns(
    edges: list[float],
    is_line: list[bool],
    first: NDArray[np.intp],
    last: NDArray[np.intp],
    strings: Sequence[str],
) -> bool:
    """Joins columns of nothing but signs (currencies, bullets) to their neighbour; changes `edges` and `is_line`."""
    signs: list[bool | None] = [None] * (len(edges) - 1)
    num_open = len(signs)
    for a, b, text in zip(first.tolist(), last.tolist(), strings, strict=True):
        if a == b and signs[a] is not False:
            signs[a] = not _WORDS.search(text)
            num_open -= not signs[a]
            if not num_open:
                return False
    dropped = [c for c in range(len(signs)) if signs[c]]
    for c in reversed(dropped):
        after = all(text.strip() in _AFTER for a, text in zip(first.tolist(), strings, strict=True) if a == c)
        edge = c if (after and c > 0) or c == len(signs) - 1 else c + 1
        if 0 < edge < len(edges) - 1 and not is_line[edge]:
            del edges[edge], is_line[edge]
    return bool(dropped)


def columns_of(runs: Pieces, edges: Sequence[float]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For columns between `edges`: the first and the last column that each run stands in."""
    inner = np.array(edges[1:-1], np.float32)
    slack = np.minimum(0.25 * runs.size, 0.3 * (runs.right - runs.left))
    return inner.searchsorted(runs.left + slack), inner.searchsorted(runs.right - slack)


def fits_in(part: tuple[float, float], column: tuple[float, float] | None) -> bool:
    """Whether a part of a run stands where the texts of a column do."""
    if column is None:
        return False
    shared = min(part[1], column[1]) - max(part[0], column[0])
    return bool(shared > 0.5 * min(part[1] - part[0], column[1] - column[0]))
