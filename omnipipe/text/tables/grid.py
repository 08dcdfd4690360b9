"""The grid of one table: columns and rows from the lines that are drawn and from the gaps between words.

All coordinates are points in the reading frame. A run is a piece of text that no gap of a table divides.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import chain, repeat, takewhile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.tables.aligned import aligned_share
from omnipipe.text.tables.columns import SNAP, columns_of, drop_mark_columns, lines_of, num_strays
from omnipipe.text.tables.heads import MAX_HEADS, stretch_heads, with_joined_heads
from omnipipe.text.tables.regions import has_drawn_rows
from omnipipe.text.tables.rows import Band, find_rows
from omnipipe.text.tables.verdict import may_be_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.lines.rulings import Rulings
    from omnipipe.text.tables.regions import Region
    from omnipipe.text.tables.verdict import Kind

    Floats = NDArray[np.float32]

MAX_CELLS = 20_000
_MAX_CROSSED = 0.35
"""Where more of the runs lie across gaps there is no grid, and no need to look further."""
_LEAST_LINES = 0.25
"""Of the lines of text: those with text in several columns, in any table."""
_ZERO = np.zeros(1, np.intp)
_is_number = re.compile(r"^[^A-Za-z]*\d[^A-Za-z]*[a-zA-Z%]{0,2}$|^[-–—―−]$").match
_is_currency = re.compile(r"[€$£¥₹] ?").fullmatch
_AMOUNT = re.compile(r"^[^A-Za-z\d]*\d[\d ]*[.,]\d[^A-Za-z]*$")


class Cell(NamedTuple):
    """A cell: first row and column, rows and columns that it spans, and its runs line by line."""

    row: int
    column: int
    rows: int
    columns: int
    lines: list[list[int]]


_new_cell = partial(tuple.__new__, Cell)
"""As `Cell`, in half of its time."""

Rect = tuple[int, int, int, int]
"""Places of a grid: the first row and column, and the last ones."""


class Grid(NamedTuple):
    """A table's cells in reading order; `heads` counts its header rows. `edges` are the columns' bounds, `crossed` is
    the share of runs (0 to 1) that lie across a gap between columns, `ruled` the share of bounds between cells that
    are drawn, `walls` that of the lines down that are drawn beside each row, `multi` the share of rows with text in
    several columns, `aligned` that of columns whose texts or numbers stand below each other at one place, `used` that
    of columns with text in two rows, `parted` the number of lines over the full width between rows, `stray` that of
    lines down that part no columns."""

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


def build_grid(
    runs: Pieces, region: Region, strings: Sequence[str], columns: tuple[list[float], list[bool]], kind: Kind
) -> Grid | None:
    """The grid of `region`, which holds `runs`, whose texts are `strings`; None where there is no table.

    A grid of more than `MAX_CELLS` places comes without its cells.
    `columns` are those of `column_edges`, `kind` says what is known of the region.
    """
    edges, is_line = columns
    first, last = columns_of(runs, edges)
    if drop_mark_columns(edges, is_line, first, last, strings):
        first, last = columns_of(runs, edges)
    num_columns = len(edges) - 1
    if num_columns < 2 or len(runs.left) < max(2, 0.4 * num_columns):
        return None
    crossed = int(np.count_nonzero(last > first)) / len(first)
    if crossed > _MAX_CROSSED:
        return None
    # Texts in the middle of their cells have no lines in common.
    is_drawn = kind == "grid" and all(is_line) and has_drawn_rows(region)
    if not is_drawn and _line_share(runs, first, last) < _LEAST_LINES:
        return None
    bands = find_rows(runs, first, last, region, edges, strings, is_line)
    if len(bands) < 2:
        return None
    if len(bands) * num_columns > MAX_CELLS:
        return Grid([], len(bands), num_columns, 1, edges, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0)
    bands = with_joined_heads(runs, bands, edges, region.lines, strings)
    multi = sum(len(band.columns) > 1 for band in bands) / len(bands)
    used, parted = _use(bands, num_columns)
    if not may_be_table(kind, (len(bands), num_columns), crossed=crossed, multi=multi, used=used, parted=parted):
        return None
    walls = _walls(bands, edges, region.lines)
    rects = _merge(runs, bands, edges, is_line, region.lines, walls, strings)
    cells = _cells(runs, bands, rects, num_columns, first)
    lined = np.array(is_line[1:-1], bool)
    drawn = float(walls[:, lined].mean()) if lined.any() else 0.0
    ruled = _ruled(region, edges, bands)
    return Grid(
        cells,
        len(bands),
        num_columns,
        _num_heads(bands, cells, strings, num_columns),
        edges,
        crossed,
        ruled,
        drawn,
        multi,
        # Nobody asks where lines say more.
        aligned_share(runs, strings, (first, last)) if kind == "gaps" or (kind == "grid" and not drawn) else 0.0,
        used,
        parted,
        num_strays(region, edges),
    )


def _line_share(runs: Pieces, first: NDArray[np.intp], last: NDArray[np.intp]) -> float:
    """Of the lines of text: those with text in several columns."""
    order, starts = lines_of(runs)
    lowest, highest = np.minimum.reduceat(first[order], starts), np.maximum.reduceat(last[order], starts)
    return int(np.count_nonzero(highest > lowest)) / len(starts)


def _use(bands: Sequence[Band], num_columns: int) -> tuple[float, int]:
    columns = list(chain.from_iterable([band.columns for band in bands]))
    used = sum(columns.count(c) > 1 for c in range(num_columns)) / num_columns if len(bands) > 2 else 1.0
    return used, sum(band.full_below for band in bands[:-1])


def _merge(
    runs: Pieces,
    bands: Sequence[Band],
    edges: Sequence[float],
    is_line: Sequence[bool],
    lines: Rulings,
    wall: NDArray[np.bool_],
    strings: Sequence[str],
) -> list[Rect]:
    """The places of the grid that each cell takes; `wall` is that of `_walls`."""
    num_rows, num_columns = len(bands), len(edges) - 1
    filled = np.zeros((num_rows, num_columns), bool)
    across = np.zeros((num_rows, max(num_columns - 1, 1)), bool)
    by_row = [band.columns for band in bands]
    rows = list(chain.from_iterable(map(repeat, range(num_rows), map(len, by_row))))
    filled[rows, list(chain.from_iterable(by_row))] = True
    for r, band in enumerate(bands):
        for c0, c1 in band.spans.values():
            if c1 > c0:
                across[r, c0:c1] = True
    _stretch_lone(runs, bands, edges, wall, across)
    stretch_heads(runs, bands, edges, filled, lines, across)
    is_ruled_row = wall.any(axis=1, keepdims=True)
    both = filled[:, :-1] & filled[:, 1:]
    drawn = (across | (is_ruled_row & ~both)) & ~wall
    across = np.where(np.array(is_line[1:-1], bool), drawn, across)
    down = _joined_rows(bands, edges, filled, wall, lines, strings)
    return _components(across, down)


def _stretch_lone(
    runs: Pieces, bands: Sequence[Band], edges: Sequence[float], wall: NDArray[np.bool_], across: NDArray[np.bool_]
) -> None:
    """Rows of one run that starts at the left and lies over several columns, or stands in the middle, span the table;
    changes `across`."""
    middle = (edges[0] + edges[-1]) / 2
    for r, band in enumerate(bands):
        if len(band.spans) != 1 or np.count_nonzero(wall[r]):
            continue
        ((run, (first, last)),) = band.spans.items()
        off = abs(float(runs.left[run] + runs.right[run]) / 2 - middle)
        if (first == 0 and last > 0) or (first > 0 and off < 1.5 * float(runs.size[run])):
            across[r] = True


def _walls(bands: Sequence[Band], edges: Sequence[float], lines: Rulings) -> NDArray[np.bool_]:
    """Whether a line is drawn right of each place (rows x inner edges)."""
    wall = np.zeros((len(bands), len(edges) - 2), bool)
    down = lines.vertical
    off = np.abs(down[:, :1] - np.array(edges[1:-1]))
    at = off.argmin(axis=1)
    near = (off.min(axis=1) <= SNAP).nonzero()[0]
    if not len(near):
        return wall
    at, down = at[near], down[near]
    top = np.array([band.top for band in bands], np.float32)
    bottom = np.array([band.bottom for band in bands], np.float32)
    starts = np.concatenate((_ZERO, (at[1:] != at[:-1]).nonzero()[0] + 1))
    beside = np.minimum(bottom, down[:, 2:]) - np.maximum(top, down[:, 1:2]) > 0.5 * (bottom - top)
    wall[:, at[starts]] = np.logical_or.reduceat(beside, starts).T
    return wall


def _joined_rows(
    bands: Sequence[Band],
    edges: Sequence[float],
    filled: NDArray[np.bool_],
    wall: NDArray[np.bool_],
    lines: Rulings,
    strings: Sequence[str],
) -> NDArray[np.bool_]:
    """Whether each place is one with that below it (rows - 1 x columns)."""
    num_rows, num_columns = filled.shape
    down = np.zeros((max(num_rows - 1, 1), num_columns), bool)
    left, right = np.array(edges[:-1]), np.array(edges[1:])
    flat = lines.horizontal
    bottom = np.array([band.bottom for band in bands])
    starts = flat[:, 0].searchsorted(bottom - SNAP).tolist()
    ends = flat[:, 0].searchsorted(bottom + SNAP).tolist()
    overlap = np.minimum(right, flat[:, 2, None]) - np.maximum(left, flat[:, 1, None])
    covers = overlap > 0.35 * (right - left)
    is_over = covers.all(axis=1).tolist()
    first_full: int | None = None
    for r in range(num_rows - 1):
        if not bands[r].ruled_below:
            continue
        if any(is_over[starts[r] : ends[r]]):
            first_full = r if first_full is None else first_full
            continue
        ruled = covers[starts[r] : ends[r]].any(axis=0)
        if np.count_nonzero(ruled) in (0, len(ruled)):
            first_full = r if first_full is None else first_full
            continue
        # Lines below sums, and below the headings of numbers, part them from labels that have none.
        is_below = _is_numeric(bands[r + 1], strings)
        for c in np.flatnonzero(~ruled).tolist():
            both = filled[r, c] and filled[r + 1, c]
            boxed = bool(wall[r : r + 2, max(c - 1, 0) : c + 1].all()) if wall.size else False
            one = bool(filled[r, c] or filled[r + 1, c]) and not (is_below and filled[r + 1, c])
            down[r, c] = boxed or (one and (first_full is None or (not both and 2 * ruled.sum() >= num_columns)))
    for r, band in enumerate(bands):
        for c, more in band.tall.items():
            down[r : r + more, c] = True
    return down


def _components(across: NDArray[np.bool_], down: NDArray[np.bool_]) -> list[Rect]:
    """Places of the grid that are one, as rectangles in the order of rows."""
    num_rows, num_columns = len(across), down.shape[1]
    if not across.any() and not down.any():
        rows = list(chain.from_iterable(map(repeat, range(num_rows), repeat(num_columns))))
        columns = list(range(num_columns)) * num_rows
        return list(zip(rows, columns, rows, columns, strict=True))
    right, below = across.tolist(), down.tolist()
    taken = [[False] * num_columns for _ in range(num_rows)]
    found: list[Rect] = []
    for r in range(num_rows):
        if not any(right[r]) and not (r + 1 < num_rows and any(below[r])):
            found += [(r, c, r, c) for c, is_taken in enumerate(taken[r]) if not is_taken]
            continue
        for c in range(num_columns):
            if taken[r][c]:
                continue
            c1, r1 = c, r
            while c1 + 1 < num_columns and right[r][c1] and not taken[r][c1 + 1]:
                c1 += 1
            while r1 + 1 < num_rows and all(below[r1][c : c1 + 1]) and not any(taken[r1 + 1][c : c1 + 1]):
                r1 += 1
            for k in range(r, r1 + 1):
                taken[k][c : c1 + 1] = [True] * (c1 + 1 - c)
            found.append((r, c, r1, c1))
    return found


def _cells(
    runs: Pieces, bands: Sequence[Band], rects: Sequence[Rect], num_columns: int, first: NDArray[np.intp]
) -> list[Cell]:
    """The cells with their runs."""
    if len(rects) == len(bands) * num_columns:
        at = [list(range(k, k + num_columns)) for k in range(0, len(rects), num_columns)]
    else:
        at = [[0] * num_columns for _ in bands]
        for k, (r0, c0, r1, c1) in enumerate(rects):
            for row in at[r0 : r1 + 1]:
                row[c0 : c1 + 1] = [k] * (c1 + 1 - c0)
    texts: list[list[list[int]]] = [[] for _ in rects]
    left, column = runs.left.tolist(), first.tolist()
    for band, here in zip(bands, at, strict=True):
        for line in band.lines:
            numbers = [here[column[run]] for run in line]
            if len(set(numbers)) == len(line):
                # As nearly all lines.
                for number, run in zip(numbers, line, strict=True):
                    texts[number].append([run])
                continue
            by_cell: dict[int, list[int]] = {}
            for number, run in zip(numbers, line, strict=True):
                if number in by_cell:
                    by_cell[number].append(run)
                else:
                    by_cell[number] = [run]
                    texts[number].append(by_cell[number])
            for found in by_cell.values():
                found.sort(key=left.__getitem__)
    rows, columns, last_rows, last_columns = zip(*rects, strict=True)
    if len(rects) == len(bands) * num_columns:
        return list(map(_new_cell, zip(rows, columns, repeat(1), repeat(1), texts, strict=False)))
    heights = [last - first + 1 for first, last in zip(rows, last_rows, strict=True)]
    widths = [last - first + 1 for first, last in zip(columns, last_columns, strict=True)]
    return list(map(_new_cell, zip(rows, columns, heights, widths, texts, strict=True)))


def _num_heads(bands: Sequence[Band], cells: Sequence[Cell], strings: Sequence[str], num_columns: int) -> int:
    """How many rows at the top are headings."""
    is_even = len(cells) == len(bands) * num_columns
    wide = {cell.row for cell in (() if is_even else cells) if cell.columns == num_columns and cell.lines}
    # A title within the lines stands above the head.
    titles = next((r for r in range(len(bands)) if r not in wide), 0)
    if titles >= min(MAX_HEADS, len(bands) - 2):
        titles = 0
    bands = bands[titles:]
    limit = max(1, min(MAX_HEADS, len(bands) // 2))
    heads = next((r + 1 for r in range(limit) if bands[r].full_below), 1)
    if any(_is_numeric(band, strings) for band in bands[:heads]):
        heads = 1
    elif (first := _first_numeric(bands, strings)) is not None:
        # What stands above the numbers is their heading, but for a line that opens the first group of them.
        while first > 1 and (_opens_group(*bands[first - 2 : first]) or _has_amount(bands[first - 1], strings)):
            first -= 1
        heads = max(heads, first) if first <= limit else heads
    within = [cell for cell in takewhile(lambda cell: cell.row < titles + heads, cells) if cell.row >= titles]
    reach = max((cell.row - titles + cell.rows for cell in within), default=1)
    # Headings over several columns stand above those of the columns.
    if heads == 1 and reach == 1 and len(bands) > 2 and not _has_amount(bands[1], strings):
        reach = 2 if any(cell.columns > 1 for cell in within) else 1
    return titles + min(max(heads, reach), len(bands) - 1)


def _opens_group(above: Band, band: Band) -> bool:
    is_lone = len(band.spans) == 1 and (0 in band.columns or above.full_below)
    return (is_lone or len(band.columns) == 1) and not band.ruled_below


def _has_amount(band: Band, strings: Sequence[str]) -> bool:
    """Whether a cell right of the first one is an amount, as no heading is: a year is none."""
    return any(_AMOUNT.match(strings[run]) for run, (first, _) in band.spans.items() if first > 0)


def _first_numeric(bands: Sequence[Band], strings: Sequence[str]) -> int | None:
    """The first row of numbers; None unless most rows are."""
    first, found = None, 0
    for r, band in enumerate(bands):
        if _is_numeric(band, strings):
            first, found = r if first is None else first, found + 1
            if 2 * found > len(bands):
                return first
        elif 2 * (r + 1 - found) >= len(bands):
            break
    return None


def _is_numeric(band: Band, strings: Sequence[str]) -> bool:
    """Whether most texts right of the first column are numbers; the signs of currencies stand alone."""
    texts = [strings[run] for run, (first, _) in band.spans.items() if first > 0]
    found = [_is_number(text) for text in texts if not _is_currency(text)]
    return 2 * found.count(None) < len(found)


def _ruled(region: Region, edges: Sequence[float], bands: Sequence[Band]) -> float:
    """Of the length that lines along all inner bounds would have: the share that is drawn."""
    width, height = region.right - region.left, region.bottom - region.top
    inner = len(edges) - 2
    wanted = inner * height + max(len(bands) - 1, 1) * width
    drawn = sum(min(y1 - y0, height) for x, y0, y1 in region.lines.vertical.tolist() if _is_inside(x, edges))
    drawn += sum(
        min(x1 - x0, width)
        for y, x0, x1 in region.lines.horizontal.tolist()
        if region.top + SNAP < y < region.bottom - SNAP
    )
    return float(min(1.0, drawn / max(wanted, 1e-6)))


def _is_inside(x: float, edges: Sequence[float]) -> bool:
    return edges[0] + SNAP < x < edges[-1] - SNAP
