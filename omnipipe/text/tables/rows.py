"""The rows of one table: lines of text cut by the lines that are drawn, continuation lines joined to their row."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.details import with_details
from omnipipe.text.tables.stacked import are_stacked
from omnipipe.text.tables.tall import with_tall_cells
from omnipipe.text.tables.wrapped import with_wrapped
from omnipipe.text.tables.written import with_written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.tables.regions import Region

_NUMBER = re.compile(r"^[^A-Za-z]*\d[^A-Za-z]*$")
_YEAR = re.compile(r"^(?:19|20)\d\d$")
_SNAP = 3.0
_ZERO = np.zeros(1, np.intp)
_FEW_SLABS = 3
"""Spaces between lines of a table at most whose rows no lines part: above, within and below its head."""
_BOXED = 4
"""Spaces between lines over the full width from which on they are rows."""
_RECENT = 8
"""Lines of a row that are looked at to see whether the next one goes on with it."""
_EVEN = 5
"""Lines with text in most columns from which on the distance between them is that of rows."""
_TIGHT = 0.95
"""Font sizes of white at most above a line that goes on with the cell above it."""
_BELOW = 0.2
"""Font sizes of white at least between a line and the next one, where cells in the middle of a row have theirs between.
"""
_SINGLE = 0.6
"""Font sizes of white above a line set as lines of running text mostly are, at most."""
_X_HEIGHT = 0.65
"""Font sizes that a line of text counts as high, from its baseline: boxes of letters overlap where lines are tight."""


@dataclass(slots=True)
class Band:
    """A row: its bounds, its lines of text (numbers of runs), the columns (first, last) that each run covers.

    `columns` are those with text. `ruled_below` and `full_below` say whether a line is drawn below the row, and over
    the table's full width. `tall` are columns with a cell that reaches over so many rows more below.
    """

    top: float
    bottom: float
    lines: list[list[int]] = field(default_factory=list)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    ruled_below: bool = False
    full_below: bool = False
    tall: dict[int, int] = field(default_factory=dict)
    columns: set[int] = field(default_factory=set)

    def add(self, band: Band, keep: bool = False) -> None:
        """Take the lines of `band`, which stands below; the bounds stay with `keep`."""
        self.lines += band.lines
        self.spans |= band.spans
        self.columns |= band.columns
        if not keep:
            self.bottom = max(self.bottom, band.bottom)


class _Text:
    """What is asked of runs while rows are made."""

    def __init__(
        self,
        runs: Pieces,
        first: NDArray[np.intp],
        last: NDArray[np.intp],
        edges: Sequence[float],
        strings: Sequence[str],
    ) -> None:
        self.left, self.right = runs.left.tolist(), runs.right.tolist()
        self.sizes = runs.size.astype(np.float64)
        base = base_of(runs)
        self.bases, self.tops = base.astype(np.float64), (base - _X_HEIGHT * runs.size).astype(np.float64)
        self.base, self.top = self.bases.tolist(), self.tops.tolist()
        self.first, self.last = first.tolist(), last.tolist()
        self.begins = runs.first.tolist()
        self.is_wide = first != last
        self.em = median(runs.size)
        self.edges = edges
        self.strings = strings

    @cached_property
    def widest(self) -> list[float]:
        """How wide the text of each column can be."""
        widest = [max(b - a - 1.6 * self.em, 0.0) for a, b in pairwise(self.edges)]
        for a, b, x0, x1 in zip(self.first, self.last, self.left, self.right, strict=True):
            if a == b and x1 - x0 > widest[a]:
                widest[a] = x1 - x0
        return widest

    def runs_on(self, row: Band, below: Band) -> list[bool]:
        """For each run of `below` in a column that `row` above it has: whether its first word would not have fitted
        on the line above it in its column."""
        columns: dict[int, list[int]] = {}
        for line in row.lines[-_RECENT:]:
            for i in line:
                for column in range(self.first[i], self.last[i] + 1):
                    columns.setdefault(column, []).append(i)
        return [
            column in columns and self.is_full(columns[column], column, run)
            for run, (column, _) in below.spans.items()
            if column in row.columns
        ]

    def are_values(self, band: Band) -> bool:
        """Whether most cells of `band` right of the first are numbers, but no years as heads have."""
        cells = [self.strings[run] for run, (first, _) in band.spans.items() if first]
        return 2 * sum(bool(_NUMBER.match(cell)) and not _YEAR.match(cell) for cell in cells) > len(cells)

    def is_full(self, above: list[int], column: int, run: int) -> bool:
        """Whether the first word of `run` would not have fitted on the last line of the runs `above` it in `column`."""
        lowest = max([self.base[i] for i in above])
        line = [i for i in above if self.base[i] > lowest - 0.35 * self.em]
        here = self.strings[run]
        # The sign of a currency may stand apart from its number.
        if _NUMBER.match(here) and any(_NUMBER.match(self.strings[i]) for i in line):
            return False
        used = max([self.right[i] for i in line]) - min([self.left[i] for i in line])
        # A control character is white space to Python and a letter to PDFium.
        opening = (here.split(None, 1) or [here])[0]
        word = (self.right[run] - self.left[run]) * len(opening) / max(len(here), 1)
        return bool(used + 0.2 * self.em + word > 0.98 * self.widest[column])


def find_rows(
    runs: Pieces,
    first: NDArray[np.intp],
    last: NDArray[np.intp],
    region: Region,
    edges: Sequence[float],
    strings: Sequence[str],
    is_line: Sequence[bool],
) -> list[Band]:
    """The rows of a table from top to bottom; `first` and `last` are the columns that each run covers, `is_line` says
    which of `edges` are drawn."""
    text = _Text(runs, first, last, edges, strings)
    places = _line_places(runs, region, edges)
    middle = text.bases - 0.3 * runs.size
    slab = np.array([y for y, _ in places], np.float32).searchsorted(middle)
    bounds = [region.top, *(y for y, _ in places), region.bottom]
    bands: list[Band] = []
    num_slabs = len(places) + 1
    is_boxed = num_slabs >= _BOXED and all(is_line) and 2 * sum(is_full for _, is_full in places) >= len(places)
    slabs = _lines(text, runs.left, slab, num_slabs)
    is_stacked = num_slabs > 2 and are_stacked([lines for lines in slabs if lines][1:], strings)
    for k, lines in enumerate(slabs):
        if not lines:
            continue
        found = lines if is_stacked and bands else _slab_rows(text, lines, num_slabs, is_boxed)
        found[0].top, found[-1].bottom = bounds[k], bounds[k + 1]
        if len(found) > 1:
            for band, after in pairwise(found):
                band.bottom = after.top = (band.bottom + after.top) / 2
        if k < len(places):
            found[-1].ruled_below, found[-1].full_below = True, places[k][1]
        bands += found
    return bands


def _line_places(runs: Pieces, region: Region, edges: Sequence[float]) -> list[tuple[float, bool]]:
    """Heights where rows are parted, each with whether a line goes over the full width there.

    Lines across count, but not those under words only, and heights where several lines down end.
    """
    places: list[tuple[float, list[int]]] = []
    em, half = runs.size, 0.5 * runs.size
    flat = region.lines.horizontal
    flat = flat[(flat[:, 0] - region.top >= _SNAP) & (region.bottom - flat[:, 0] >= _SNAP)]
    left, right = np.array(edges[:-1]), np.array(edges[1:])
    cover = np.minimum(right, flat[:, 2, None]) - np.maximum(left, flat[:, 1, None])
    width = right - left
    parts = (cover > 0.6 * width).any(axis=1)
    columns = cover > 0.35 * width
    # Most lines have the ends of others.
    spaces: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for k, (y, x0, x1) in zip(parts.nonzero()[0].tolist(), flat[parts].tolist(), strict=True):
        if (x0, x1) not in spaces:
            of = ((np.abs(runs.left - x0) < half) & (np.abs(runs.right - x1) < half)).nonzero()[0]
            high, low = runs.top[of] + half[of], runs.bottom[of] + 0.3 * em[of]
            spaces[x0, x1] = list(zip(high.tolist(), low.tolist(), strict=True)) if len(of) else []
        if spaces[x0, x1] and any(high < y < low for high, low in spaces[x0, x1]):
            continue
        if places and y - places[-1][0] <= _SNAP:
            places[-1][1].append(k)
        else:
            places.append((y, [k]))
    is_full = columns.all(axis=1).tolist()
    found = [(y, is_full[ks[0]] if len(ks) == 1 else bool(columns[ks].any(axis=0).all())) for y, ks in places]
    known = sorted([region.top, region.bottom, *(place for place, _ in places)])
    ends = sorted(region.lines.vertical[:, 1:].ravel().tolist())
    starts = [0, *(k + 1 for k, (a, b) in enumerate(pairwise(ends)) if b - a > _SNAP), len(ends)]
    for a, b in pairwise(starts):
        if b - a < 2:
            continue
        y = sum(ends[a:b]) / (b - a)
        k = bisect_left(known, y)
        if all(abs(y - place) > 2 * _SNAP for place in known[max(k - 1, 0) : k + 1]):
            known.insert(k, y)
            found.append((y, False))
    return sorted(found)


def _slab_rows(text: _Text, bands: list[Band], num_slabs: int, is_boxed: bool) -> list[Band]:
    """The rows of the lines of text between two lines; `is_boxed` says that lines go around all cells."""
    if len(bands) == 1:
        return bands
    rows = with_written(bands, text, num_slabs)
    if rows is None and num_slabs <= _FEW_SLABS:
        rows = with_wrapped(bands, text.strings, text.left)
    if rows is not None:
        return rows
    most = max(len(band.columns) for band in bands)
    full = [band for band in bands if len(band.columns) >= max(2, 0.6 * most)]
    pitches = sorted(b.bottom - a.bottom for a, b in pairwise(full))
    usual = pitches[len(pitches) // 4] if pitches else 0.0
    if len(full) > 1:
        bands = with_tall_cells(bands, full, usual)
    if len(full) < len(bands):
        bands = with_details(bands, text.strings, text.em)
    if full:
        bands = _attached(text, bands, full, usual)
    if is_boxed and len(bands) > 1 and _is_one_row(text, bands):
        for band in bands[1:]:
            bands[0].add(band)
        return bands[:1]
    small = len(bands) <= (8 if num_slabs > 3 else 3 if num_slabs == 3 else 0)
    rows = [bands[0]]
    is_even = len(full) >= _EVEN
    for band in bands[1:]:
        if is_even and len(band.columns) >= max(2, 0.6 * most) and band.bottom - rows[-1].bottom > 0.9 * usual:
            # As far from the line above as rows of one line are from each other.
            rows.append(band)
        elif _goes_on(text, rows[-1], band, small):
            rows[-1].add(band)
        else:
            rows.append(band)
    return rows


def _is_one_row(text: _Text, bands: list[Band]) -> bool:
    """Whether lines of a box are the lines of its cells: columns have different numbers of lines, few are numbers."""
    counts: dict[int, int] = {}
    numbers = runs = 0
    for band in bands:
        for run, (first, _) in band.spans.items():
            counts[first] = counts.get(first, 0) + 1
            runs += 1
            numbers += bool(_NUMBER.match(text.strings[run]))
    return 3 * numbers < runs and min(counts.values()) < max(counts.values())


def _lines(text: _Text, left: NDArray[np.float32], slab: NDArray[np.intp], num_slabs: int) -> list[list[Band]]:
    """Lines of text by their baselines, for each slab; `slab` is that of each run, `left` where it starts."""
    order = np.lexsort((left, text.bases, slab))
    base, size, slab = text.bases[order], text.sizes[order], slab[order]
    apart = (base[1:] - base[:-1] > 0.35 * size[1:]) | (slab[1:] != slab[:-1])
    starts = np.concatenate((_ZERO, apart.nonzero()[0] + 1))
    ends = np.concatenate((starts[1:], [len(order)]))
    tops = np.minimum.reduceat(text.tops[order], starts).tolist()
    is_wide = np.logical_or.reduceat(text.is_wide[order], starts).tolist()
    places = zip(
        slab[starts].tolist(), starts.tolist(), ends.tolist(), tops, base[ends - 1].tolist(), is_wide, strict=True
    )
    runs, covered = order.tolist(), list(zip(text.first, text.last, strict=True))
    found: list[list[Band]] = [[] for _ in range(num_slabs)]
    for k, start, end, top, bottom, wide in places:
        line = runs[start:end]
        spans = dict(zip(line, map(covered.__getitem__, line), strict=True))
        columns = set(map(text.first.__getitem__, line))
        if wide:
            for one, other in spans.values():
                columns.update(range(one, other + 1))
        found[k].append(Band(top, bottom, [line], spans, columns=columns))
    return found


def _attached(text: _Text, bands: list[Band], full: list[Band], usual: float) -> list[Band]:
    """Lines that stand much nearer to a row than rows stand to each other made part of it."""
    white = max(usual - _X_HEIGHT * text.em, 0.0) if usual else 0.9 * text.em
    near, single = min(0.6 * white, 0.5 * text.em), min(0.6 * white, _SINGLE * text.em)
    is_full = {id(band) for band in full}
    out: list[Band] = []
    for i, band in enumerate(bands):
        above = band.top - out[-1].bottom if out else 1e9
        below = bands[i + 1].top - band.bottom if i + 1 < len(bands) else 1e9
        spans = len(band.columns) > len(band.spans)
        if id(band) in is_full:
            shared = bool(out) and bool(out[-1].columns & band.columns)
            limit = 0.15 * text.em if shared else near
            if out and id(out[-1]) not in is_full and above < limit and not out[-1].tall:
                part = out.pop()
                band.lines = part.lines + band.lines
                band.spans = part.spans | band.spans
                band.columns |= part.columns
                band.top = min(part.top, band.top)
            out.append(band)
        elif out and above < (near if 0 in band.columns or spans else single) and above <= below and not out[-1].tall:
            out[-1].add(band)
        else:
            out.append(band)
    return out


def are_numbered(band: Band, strings: Sequence[str]) -> bool:
    """Whether a row holds the numbers of the columns below it, "(1)", "(2)" and so on."""
    texts = [strings[run] for run, (first, _) in sorted(band.spans.items(), key=itemgetter(1)) if first > 0]
    return len(texts) > 1 and texts == [f"({k})" for k in range(1, len(texts) + 1)]


def _is_named(text: _Text, band: Band) -> bool:
    """Whether `band` has several cells, and the first begins as a name does: what goes on with a line may not."""
    names = [text.strings[run] for run, (first, _) in band.spans.items() if first == 0]
    return len(band.spans) > 1 and bool(names) and not names[0][:1].islower()


def _goes_on(text: _Text, row: Band, band: Band, small: bool) -> bool:
    """Whether `band` goes on with the cells of `row` above it; `small` says that lines part the rows of the table."""
    if band.top - row.bottom > (2 * _TIGHT if small else _TIGHT) * text.em or band.tall or row.tall:
        return False
    if are_numbered(row, text.strings):
        return False
    known = row.columns
    here = band.columns
    if len(row.spans) == 1 and (len(band.spans) == 1 < len(here) or (len(known) > 1 and _is_named(text, band))):
        # A heading over several columns, and the first row below it.
        return False
    if small:
        if here - known and known - here and band.top - row.bottom > _BELOW * text.em:
            # Cells of one row start at its top or end at its foot; they do not take turns.
            return False
        if 0 in here and 0 not in known and text.are_values(band) and not text.are_values(row):
            # Its first cell is the name of a row of values, above which stand marks or heads.
            return False
        votes = text.runs_on(row, band)
        if here == known and len(here) > 1:
            # Each cell breaks at once in few rows: one that need not break is a cell of another row.
            return all(votes)
        return not votes or 2 * sum(votes) >= len(votes) or (0 not in here and here < known and len(here) == 1)
    if here - known or (len(here) == len(known) != 2):
        return False
    if 0 in here and len(known) != 2 and here != {0}:
        return False
    votes = text.runs_on(row, band)
    return sum(votes) > 0.6 * len(votes)
