"""The grid of one table: columns and rows from the lines that are drawn and from the gaps between words.

All coordinates are points in the reading frame. A run is a piece of text that no gap of a table divides.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.table_rows import Band, find_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines import Pieces
    from omnipipe.text.regions import Region
    from omnipipe.text.rulings import Rulings

    Floats = NDArray[np.float32]

JOIN = 0.5
"""Words closer than this many font sizes are one run."""
_BIN = 0.2
"""Font sizes; the grain at which gaps are looked for."""
_SNAP = 3.0
"""Points; lines closer than this are one edge of the grid."""
_STRIP = 1.2
"""Font sizes; narrower spaces between lines are no columns where they are empty."""
_LEAST_DRAWN, _MAX_DRAWN = 0.2, 150.0
"""Of the height of a table, and in points: lines down that are shorter part no columns."""
_MAX_COLUMNS = 200
_MAX_HEADS = 6
_NUMBER = re.compile(r"^[^A-Za-z]*\d[^A-Za-z]*[a-zA-Z%]{0,2}$|^[-–—―−]$")
_WORDS = re.compile(r"[^\W_]")
_AFTER = frozenset({")", "%", "*", "**", "†", "‡", "?", "°"})
"""Signs that belong to what stands before them."""


class Cell(NamedTuple):
    """A cell: first row and column, rows and columns that it spans, and its runs line by line."""

    row: int
    column: int
    rows: int
    columns: int
    lines: list[list[int]]


class Grid(NamedTuple):
    """A table's cells in reading order; `heads` counts its header rows. `edges` are the columns' bounds, `crossed` is
    the share of runs (0 to 1) that lie across a gap between columns, `ruled` the share of bounds between cells that
    are drawn, `walls` that of the lines down that are drawn beside each row, `multi` the share of rows with text in
    several columns, `aligned` that of columns whose texts start, end or have their middles at one place, `used` that of
    columns with text in two rows, `parted` the number of lines over the full width between rows,
    `stray` that of lines down that part no columns."""

    cells: list[Cell]
    num_rows: int
    num_columns: int
    heads: int
    edges: list[float]
    crossed: float
    ruled: float
    walls: float
    multi: float
    aligned: float
    used: float
    parted: int
    stray: int


def column_edges(runs: Pieces, region: Region) -> tuple[list[float], list[bool]]:
    """Bounds of the columns from left to right, and for each whether it is drawn."""
    drawn = _drawn_edges(region)
    edges, is_line = [region.left], [True]
    middle = (runs.left + runs.right) / 2
    em = float(np.median(runs.size))
    # Shaded cells leave strips at their sides, which are no columns.
    bounds = [region.left, *drawn, region.right]
    strips = [b - a < _STRIP * em and not ((middle > a) & (middle < b)).any() for a, b in pairwise(bounds)]
    drawn = [x for k, x in enumerate(drawn) if not strips[k]]
    if drawn and strips[-1]:
        drawn = drawn[:-1]
    for start, end in zip([region.left, *drawn], [*drawn, region.right], strict=True):
        inside = (middle > start) & (middle < end)
        found = _gaps(runs.take(inside), start, end, bool(drawn))
        edges += [*found, end]
        is_line += [False] * len(found) + [True]
    return edges[: _MAX_COLUMNS + 1], is_line[: _MAX_COLUMNS + 1]


def _drawn_edges(region: Region) -> list[float]:
    """Places of the lines down inside that go over a part of the height, each once."""
    least = min(_LEAST_DRAWN * (region.bottom - region.top), _MAX_DRAWN)
    down = region.lines.vertical
    down = down[(down[:, 0] - region.left >= _SNAP) & (region.right - down[:, 0] >= _SNAP)]
    places = []
    for group in np.split(down, np.flatnonzero(np.diff(down[:, 0]) > _SNAP) + 1):
        drawn = min(float((group[:, 2] - group[:, 1]).sum()), float(np.ptp(group[:, 1:]))) if len(group) else 0.0
        if drawn >= least:
            places.append(float(group[:, 0].mean()))
    return places


def _gaps(runs: Pieces, start: float, end: float, between_lines: bool) -> list[float]:
    """Where columns meet between `start` and `end`: corridors that no row crosses."""
    if len(runs.left) < 4:
        return []
    em = float(np.median(runs.size))
    bands = band_numbers(runs)
    num_bands = int(bands[-1]) + 1 if len(bands) else 0
    order = np.argsort(base_of(runs), kind="stable")
    lone = np.bincount(bands, minlength=num_bands)[bands] == 1
    left, right = runs.left[order], runs.right[order]
    # A row of one run is a heading over some rows, or goes on with a cell: neither says where columns are.
    used = ~lone
    if len(np.unique(bands[used])) < 3:
        used = ~(lone & (right - left > 0.4 * (end - start)))
    if np.count_nonzero(used) < 4:
        return []
    left, right, bands = left[used], right[used], bands[used]
    num_used = len(np.unique(bands))
    least = (0.5 if num_used >= 4 else 0.8) * em
    needed = max(2, int(0.12 * num_used))
    if between_lines:
        # Lines that were left out between two columns are rarer than cells of several lines.
        is_long = num_used >= 6 and num_used >= 0.8 * num_bands
        least, needed = (0.5 * em, int(0.8 * num_bands)) if is_long else (1.2 * em, int(0.6 * num_used))
        if num_used < 4:
            return []
    grain = _BIN * em
    x0 = float(left.min())
    num_bins = int(min((float(right.max()) - x0) / grain, 4000)) + 2
    opens = np.bincount(((left - x0) / grain).astype(np.intp).clip(0, num_bins - 1), minlength=num_bins)
    closes = np.bincount(np.ceil((right - x0) / grain).astype(np.intp).clip(0, num_bins - 1), minlength=num_bins)
    cover = (opens - closes).cumsum()
    allowed = int(0.1 * num_used)
    free = np.flatnonzero(cover <= allowed)
    corridors = np.split(free, np.flatnonzero(np.diff(free) > 1) + 1)
    found = [(int(c[0]), int(c[-1]) + 1) for c in corridors if len(c) and (c[-1] + 1 - c[0]) * grain >= least]
    found = [c for c in found if c[0] > 0 and c[1] < num_bins - 1]
    return [x0 + (a + b) / 2 * grain for a, b in _supported(found, cover, needed)]


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


def base_of(runs: Pieces) -> Floats:
    """The baselines of pieces."""
    return runs.bottom - 0.22 * (runs.bottom - runs.top)


def band_numbers(runs: Pieces) -> NDArray[np.intp]:
    """For runs sorted by baseline: the number of the line of text that each stands on."""
    base = base_of(runs)
    order = np.argsort(base, kind="stable")
    base, size = base[order], runs.size[order]
    step = np.diff(base) > 0.35 * np.minimum(size[1:], size[:-1])
    return np.concatenate((np.zeros(1, np.intp), np.cumsum(step)))


def build_grid(runs: Pieces, region: Region, strings: Sequence[str]) -> Grid | None:
    """The grid of `region`, which holds `runs`, whose texts are `strings`; None where there is no table."""
    edges, is_line = column_edges(runs, region)
    first, last = columns_of(runs, edges)
    if _drop_mark_columns(edges, is_line, first, last, strings):
        first, last = columns_of(runs, edges)
    num_columns = len(edges) - 1
    if num_columns < 2 or len(runs.left) < 2:
        return None
    bands = find_rows(runs, first, last, region, edges, strings)
    if len(bands) < 2:
        return None
    owner = _merge(runs, bands, edges, is_line, region.lines)
    cells = _cells(runs, bands, owner, first)
    crossed = float(np.mean(last > first))
    walls = _walls(bands, edges, region.lines).mean(axis=0)
    is_drawn = np.array(is_line[1:-1], bool)
    drawn = float(walls[is_drawn].mean()) if is_drawn.any() else 0.0
    multi = sum(len(band.columns) > 1 for band in bands) / len(bands)
    ruled = _ruled(region, edges, bands)
    return Grid(
        cells,
        len(bands),
        num_columns,
        _num_heads(bands, cells, strings),
        edges,
        crossed,
        ruled,
        drawn,
        multi,
        _aligned(runs, first, last),
        *_use(bands, num_columns),
        sum(all(abs(x - edge) > _SNAP for edge in edges) for x in region.lines.vertical[:, 0].tolist()),
    )


def _use(bands: Sequence[Band], num_columns: int) -> tuple[float, int]:
    columns = [c for band in bands for c in band.columns]
    used = sum(columns.count(c) > 1 for c in range(num_columns)) / num_columns if len(bands) > 2 else 1.0
    return used, sum(band.full_below for band in bands[:-1])


def _aligned(runs: Pieces, first: NDArray[np.intp], last: NDArray[np.intp]) -> float:
    inner = first == last
    left, right, column = runs.left[inner], runs.right[inner], first[inner]
    limit = 0.4 * float(np.median(runs.size))
    good = []
    for c in np.unique(column).tolist():
        x0, x1 = left[column == c], right[column == c]
        spread = [float(np.mean(np.abs(x - np.median(x)))) for x in (x0, x1, (x0 + x1) / 2)]
        if len(x0) > 1:
            good.append(min(spread) <= limit)
    return sum(good) / max(len(good), 1)


def _drop_mark_columns(
    edges: list[float],
    is_line: list[bool],
    first: NDArray[np.intp],
    last: NDArray[np.intp],
    strings: Sequence[str],
) -> bool:
    """Joins columns of nothing but signs (currencies, bullets) to their neighbour; changes `edges` and `is_line`."""
    signs: list[bool | None] = [None] * (len(edges) - 1)
    for a, b, text in zip(first.tolist(), last.tolist(), strings, strict=True):
        if a == b and signs[a] is not False:
            signs[a] = not _WORDS.search(text)
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
    return np.searchsorted(inner, runs.left + slack), np.searchsorted(inner, runs.right - slack)


def _merge(
    runs: Pieces, bands: Sequence[Band], edges: Sequence[float], is_line: Sequence[bool], lines: Rulings
) -> NDArray[np.intp]:
    """For each place of the grid (rows x columns) the number of its cell."""
    num_rows, num_columns = len(bands), len(edges) - 1
    filled = np.zeros((num_rows, num_columns), bool)
    across = np.zeros((num_rows, max(num_columns - 1, 1)), bool)
    for r, band in enumerate(bands):
        for c0, c1 in band.spans.values():
            filled[r, c0 : c1 + 1] = True
            across[r, c0:c1] = True
    wall = _walls(bands, edges, lines)
    _stretch_lone(runs, bands, edges, wall, across)
    is_ruled_row = wall.any(axis=1)
    for c in range(num_columns - 1):
        if is_line[c + 1]:
            both = filled[:, c] & filled[:, c + 1]
            across[:, c] |= ~wall[:, c] & is_ruled_row & ~both
            across[:, c] &= ~wall[:, c]
    down = _joined_rows(bands, edges, filled, wall, lines)
    return _components(across, down)


def _stretch_lone(
    runs: Pieces, bands: Sequence[Band], edges: Sequence[float], wall: NDArray[np.bool_], across: NDArray[np.bool_]
) -> None:
    """Rows of one run that lies over several columns, or stands in the middle, span the table; changes `across`."""
    middle = (edges[0] + edges[-1]) / 2
    for r, band in enumerate(bands):
        if len(band.spans) != 1 or wall[r].any():
            continue
        ((run, (first, last)),) = band.spans.items()
        off = abs(float(runs.left[run] + runs.right[run]) / 2 - middle)
        if first < last or (first > 0 and off < 1.5 * float(runs.size[run])):
            across[r] = True


def _walls(bands: Sequence[Band], edges: Sequence[float], lines: Rulings) -> NDArray[np.bool_]:
    """Whether a line is drawn right of each place (rows x inner edges)."""
    wall = np.zeros((len(bands), len(edges) - 2), bool)
    top = np.array([band.top for band in bands], np.float32)
    bottom = np.array([band.bottom for band in bands], np.float32)
    for x, y0, y1 in lines.vertical.tolist():
        at = int(np.argmin([abs(x - edge) for edge in edges[1:-1]]))
        if abs(x - edges[at + 1]) <= _SNAP:
            wall[:, at] |= np.minimum(bottom, y1) - np.maximum(top, y0) > 0.5 * (bottom - top)
    return wall


def _joined_rows(
    bands: Sequence[Band],
    edges: Sequence[float],
    filled: NDArray[np.bool_],
    wall: NDArray[np.bool_],
    lines: Rulings,
) -> NDArray[np.bool_]:
    """Whether each place is one with that below it (rows - 1 x columns)."""
    num_rows, num_columns = filled.shape
    down = np.zeros((max(num_rows - 1, 1), num_columns), bool)
    left, right = np.array(edges[:-1]), np.array(edges[1:])
    first_full: int | None = None
    for r in range(num_rows - 1):
        if not bands[r].ruled_below:
            continue
        ruled = np.zeros(num_columns, bool)
        y = bands[r].bottom
        for place, x0, x1 in lines.horizontal.tolist():
            if abs(place - y) <= _SNAP:
                ruled |= np.minimum(right, x1) - np.maximum(left, x0) > 0.5 * (right - left)
        if ruled.all() or not ruled.any():
            first_full = r if first_full is None else first_full
            continue
        for c in np.flatnonzero(~ruled).tolist():
            both = filled[r, c] and filled[r + 1, c]
            boxed = bool(wall[r : r + 2, max(c - 1, 0) : c + 1].all()) if wall.size else False
            one = bool(filled[r, c] or filled[r + 1, c])
            down[r, c] = boxed or (one and (first_full is None or (not both and 2 * ruled.sum() >= num_columns)))
    for r, band in enumerate(bands):
        for c, more in band.tall.items():
            down[r : r + more, c] = True
    return down


def _components(across: NDArray[np.bool_], down: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rectangles of places that are one, as numbers; where joins leave no rectangle the rectangle around it counts."""
    num_rows = len(across)
    num_columns = down.shape[1]
    owner = np.full((num_rows, num_columns), -1, np.intp)
    number = 0
    for r in range(num_rows):
        for c in range(num_columns):
            if owner[r, c] >= 0:
                continue
            c1, r1 = c, r
            while c1 + 1 < num_columns and across[r, c1] and owner[r, c1 + 1] < 0:
                c1 += 1
            while r1 + 1 < num_rows and down[r1, c : c1 + 1].all() and (owner[r1 + 1, c : c1 + 1] < 0).all():
                r1 += 1
            owner[r : r1 + 1, c : c1 + 1] = number
            number += 1
    return owner


def _cells(runs: Pieces, bands: Sequence[Band], owner: NDArray[np.intp], first: NDArray[np.intp]) -> list[Cell]:
    """The cells with their runs, in the order of rows."""
    num_rows, num_columns = owner.shape
    texts: list[list[list[int]]] = [[] for _ in range(int(owner.max()) + 1)]
    for r, band in enumerate(bands):
        for line in band.lines:
            by_cell: dict[int, list[int]] = {}
            for run in line:
                by_cell.setdefault(int(owner[r, min(int(first[run]), num_columns - 1)]), []).append(run)
            for number, found in by_cell.items():
                texts[number].append(sorted(found, key=lambda run: float(runs.left[run])))
    cells = []
    seen: set[int] = set()
    for r in range(num_rows):
        for c in range(num_columns):
            number = int(owner[r, c])
            if number not in seen:
                seen.add(number)
                at = owner == number
                cells.append(Cell(r, c, int(at[:, c].sum()), int(at[r].sum()), texts[number]))
    return cells


def _num_heads(bands: Sequence[Band], cells: Sequence[Cell], strings: Sequence[str]) -> int:
    """How many rows at the top are headings."""
    limit = max(1, min(_MAX_HEADS, len(bands) // 2))
    heads = next((r + 1 for r in range(limit) if bands[r].full_below), 1)
    numeric = [_is_numeric(band, strings) for band in bands]
    if any(numeric[:heads]):
        heads = 1
    elif 2 * sum(numeric) > len(bands):
        # What stands above the numbers is their heading, but for a line that opens the first group of them.
        first = numeric.index(True)
        while first > 1 and len(bands[first - 1].columns) == 1 and not bands[first - 1].ruled_below:
            first -= 1
        heads = max(heads, first) if first <= limit else heads
    reach = max((cell.row + cell.rows for cell in cells if cell.row < heads), default=1)
    if heads == 1 and reach == 1:
        top = [cell for cell in cells if cell.row == 0]
        # Headings over several columns stand above those of the columns.
        if any(cell.columns > 1 for cell in top) and len(bands) > 2:
            reach = 2
    return min(max(heads, reach), len(bands) - 1)


def _is_numeric(band: Band, strings: Sequence[str]) -> bool:
    texts = [strings[run] for run, (first, _) in band.spans.items() if first > 0]
    return 2 * sum(bool(_NUMBER.match(text)) for text in texts) > len(texts)


def _ruled(region: Region, edges: Sequence[float], bands: Sequence[Band]) -> float:
    """Of the length that lines along all inner bounds would have: the share that is drawn."""
    width, height = region.right - region.left, region.bottom - region.top
    inner = len(edges) - 2
    wanted = inner * height + max(len(bands) - 1, 1) * width
    drawn = sum(min(y1 - y0, height) for x, y0, y1 in region.lines.vertical.tolist() if _is_inside(x, edges))
    drawn += sum(
        min(x1 - x0, width)
        for y, x0, x1 in region.lines.horizontal.tolist()
        if region.top + _SNAP < y < region.bottom - _SNAP
    )
    return min(1.0, drawn / max(wanted, 1e-6))


def _is_inside(x: float, edges: Sequence[float]) -> bool:
    return edges[0] + _SNAP < x < edges[-1] - _SNAP
