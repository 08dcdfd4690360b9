"""One table from the words of its region: runs, columns, rows, cells, markup."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import Pieces, base_of, join_words, to_frame
from omnipipe.text.tables.above import with_heads
from omnipipe.text.tables.agreed import with_agreed_edges
from omnipipe.text.tables.cells import leader_dots, to_cells
from omnipipe.text.tables.columns import (
    JOIN,
    band_numbers,
    column_edges,
    columns_of,
    fits_in,
    head_end,
    num_strays,
    walls_between,
)
from omnipipe.text.tables.grid import Grid, build_grid
from omnipipe.text.tables.labels import with_labels
from omnipipe.text.tables.markup import TableCell, to_html, to_pipes
from omnipipe.text.tables.regions import Region, clipped
from omnipipe.text.tables.tail import without_tail
from omnipipe.text.tables.tight import find_tight, tight_edges
from omnipipe.text.tables.verdict import Kind, Verdict, judge_cells, judge_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines.rulings import Rulings
    from omnipipe.text.words.chars import Words

    Box = tuple[float, float, float, float]
    _Placed = tuple[NDArray[np.intp], tuple[NDArray[np.float32], ...]]
    _Known = tuple[Pieces, float, tuple[list[float], list[bool]]]

MAX_WORDS = 20_000
"""Regions with more words are not looked at."""
_CUT, _CUT_TIGHT = 0.34, 0.2
"""Font sizes; words of one cell are closer. Numbers and the words of three columns may stand closer."""
_JOIN_FIXED = 0.9
"""As `JOIN`, on a page in a font of fixed width."""
_MAX_ENDS = 3
"""Lines below the last row of a table that go on with one of its cells; more are a paragraph."""
_LEADING = 1.35
"""Font sizes between the lines of a cell at most."""
_MAX_STRAYS = 12
"""Forms and drawings have more lines down than this that part no columns."""


class Table(NamedTuple):
    """A table in the reading frame: its box in points, markdown (pipes, or HTML where cells span), and HTML."""

    box: Box
    text: str
    html: str


class TableStyle(NamedTuple):
    """How tables are written: words broken at the end of a line joined, columns from right to left."""

    dehyphenate: bool = True
    rtl: bool = False


class TableReader:
    """Reads tables among the words of one direction; `pieces` are the pieces of lines that the words stand in."""

    def __init__(
        self,
        words: Words,
        which: NDArray[np.intp],
        pieces: Pieces,
        turn: int,
        rulings: Rulings,
        style: TableStyle,
    ) -> None:
        self.style = style
        self.text = words.text
        self.num_pieces = len(pieces.left)
        self._words = words
        self._turn = turn
        self._pieces = pieces
        self._rulings = rulings
        self._middles = (pieces.left + pieces.right) / 2, (pieces.top + pieces.bottom) / 2
        self._which = which
        self._piece: NDArray[np.intp] | None = None
        self._dots: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None
        self._last: tuple[NDArray[np.bool_], NDArray[np.intp]] | None = None
        self._last_placed: _Placed | None = None

    def read(
        self,
        region: Region,
        inside: NDArray[np.bool_],
        free: NDArray[np.bool_],
        kind: Kind,
        *,
        labelled: bool = False,
        ended: bool = False,
    ) -> Read:
        """The table of the pieces `inside` `region`, with headings above it that are `free`; so with labels beside it,
        unless it is `labelled` already, and with the lines that go on with its last row, unless it is `ended`."""
        if kind == "between" and not labelled:
            wider = with_labels(region, self._pieces, self.within(region), free, self._rulings)
            if wider is not region:
                found = self.read(wider, inside | (self.within(wider) & free), free, kind, labelled=True)
                if found.table is not None:
                    return found
        if len(self._in(inside)) > MAX_WORDS:
            return Read(None, "seen", inside)
        runs = self.runs(region, inside)
        if runs is None:
            return Read(None, "none", inside)
        head = head_end(runs, region)
        columns = column_edges(runs, region, head)
        if kind != "grid":
            if num_strays(region, columns[0]) > _MAX_STRAYS:
                return Read(None, "none", inside)
            region, inside, (runs, head, columns) = self._grown(region, (runs, head, columns), inside, free, kind)
        num_edges = len(columns[0])
        runs = self._with_tight(runs, columns, region, inside, head)
        if kind != "grid" and num_edges == 3 < len(columns[0]):
            # Two columns that stand close show a head, which one of them does not.
            taller, more, known = self._grown(region, (runs, head, columns), inside, free, kind)
            if taller is not region:
                cut = self._with_tight(known[0], known[2], taller, more, known[1])
                if len(known[2][0]) == len(columns[0]):
                    region, inside, runs, columns = taller, more, cut, known[2]
        grid, cells, verdict = self._judged(runs, columns, region, inside, kind)
        if kind == "between" and not ended and grid is not None:
            shorter, num_lines = without_tail(region, runs, grid.edges)
            # Lines part the rows of what is no table with its tail.
            if num_lines and (verdict == "table" or 2 * grid.parted > grid.num_rows):
                rest = inside & self.within(shorter)
                found = self.read(clipped(shorter), rest, free, kind, labelled=True, ended=True)
                # Rows that were two may not become one.
                if found.table is not None and found.table.html.count("<tr>") >= grid.num_rows - num_lines:
                    return found
        if grid is None or verdict != "table":
            return Read(None, verdict, inside)
        if kind == "gaps" and not ended:
            taller, more = self._with_end(region, runs, grid.edges, inside, free)
            whole = self.read(taller, more, free, kind, ended=True) if taller is not region else None
            if whole is not None and whole.table is not None:
                return whole
        return Read(_written(cells, grid, region), verdict, inside)

    def _judged(
        self,
        runs: Pieces,
        columns: tuple[list[float], list[bool]],
        region: Region,
        inside: NDArray[np.bool_],
        kind: Kind,
        *,
        finer: bool = True,
    ) -> tuple[Grid | None, list[TableCell], Verdict]:
        """The grid of `runs` in `columns`, its cells, and whether it is a table; with `finer` columns where rows of it
        agree on them."""
        edges, is_line = list(columns[0]), list(columns[1])
        split = self._split(runs, edges, region, inside)
        text = self._words.text
        strings = [text[a:b] for a, b in zip(split.first.tolist(), split.last.tolist(), strict=True)]
        grid = build_grid(split, region, strings, (edges, is_line), kind)
        verdict: Verdict = judge_grid(grid, kind) if grid is not None else "none"
        if grid is None or verdict != "table":
            return grid, [], verdict
        cells = to_cells(grid, strings, dehyphenate=self.style.dehyphenate, rtl=self.style.rtl)
        verdict = judge_cells(cells, grid, kind)
        if finer and verdict == "table":
            found = with_agreed_edges(split, strings, (edges, is_line), region, grid)
            if found is not None:
                other = self._judged(runs, found, region, inside, kind, finer=False)
                return other if other[2] == "table" else (grid, cells, verdict)
        return grid, cells, verdict

    def within(self, region: Region) -> NDArray[np.bool_]:
        """Which pieces have their middle in `region`."""
        x, y = self._middles
        inside: NDArray[np.bool_] = (x > region.left) & (x < region.right) & (y > region.top) & (y < region.bottom)
        return inside

    def runs(
        self,
        region: Region,
        inside: NDArray[np.bool_],
        starts: NDArray[np.intp] | None = None,
        gap: float = JOIN,
    ) -> Pieces | None:
        """The words of the pieces `inside` as runs, cut at gaps of `gap` font sizes and before those at `starts`; None
        where they are too many."""
        if len(self._in(inside)) > MAX_WORDS:
            return None
        at, frame = self._placed(inside)
        if not len(at):
            return None
        walls = walls_between(frame, region)
        if starts is not None:
            walls |= np.isin(at[1:], starts)
        return join_words(self._words, at, self._turn, gap, walls)

    @cached_property
    def word_gap(self) -> float:
        """Font sizes; words of one cell are closer: those of fixed width stand further apart."""
        left, _, right, _ = to_frame(self._words.box[self._which], self._turn)
        gap = (left[1:] - right[:-1]) / np.maximum(self._words.size[self._which][1:], 0.1)
        gap = gap[(gap > 0.1) & (gap < 1.0)]
        return _JOIN_FIXED if len(gap) and median(gap) > JOIN else JOIN

    def _with_tight(
        self,
        runs: Pieces,
        columns: tuple[list[float], list[bool]],
        region: Region,
        inside: NDArray[np.bool_],
        head: float,
    ) -> Pieces:
        """`runs` cut between columns of numbers that stand close, which come into `columns`."""
        edges, is_line = columns
        at, frame = self._placed(inside)
        tight = find_tight(self._words, at, frame, edges, head)
        if not tight:
            return runs
        words = join_words(self._words, at, self._turn, -1.0)
        if len(words.left) != len(at):
            return runs
        below = base_of(words) > head
        body = words.take(below)
        found = [x for k in tight for x in tight_edges(body, self._words.text, edges[k], edges[k + 1])]
        if not found:
            return runs
        for x in found:
            k = int(np.searchsorted(edges, x))
            edges.insert(k, x)
            is_line.insert(k, False)
        column = np.searchsorted(np.array(edges), (words.left + words.right) / 2)
        return self.runs(region, inside, at[1:][np.diff(column) != 0]) or runs

    def _split(self, runs: Pieces, edges: list[float], region: Region, inside: NDArray[np.bool_]) -> Pieces:
        """`runs` with those cut that hold tight words of several columns."""
        first, last = columns_of(runs, edges)
        single = first == last
        if np.count_nonzero(single) == len(single):
            return runs

        @cache
        def extent(column: int) -> tuple[float, float] | None:
            here = (single & (first == column)).nonzero()[0]
            return (float(runs.left[here].min()), float(runs.right[here].max())) if len(here) else None

        at = self._in(inside)
        left, _, right, _ = to_frame(self._words.box[at], self._turn)
        across = (~single).nonzero()[0]
        starts = self._words.first[at]
        firsts, lasts = (
            starts.searchsorted(runs.first[across]).tolist(),
            starts.searchsorted(runs.last[across]).tolist(),
        )
        gap, middle = left[1:] - right[:-1], (left[1:] + right[:-1]) / 2
        cuts = np.zeros(len(at), bool)
        for k, a, b in zip(across.tolist(), firsts, lasts, strict=True):
            size = runs.size[k]
            for c in range(int(first[k]), int(last[k])):
                edge = edges[c + 1]
                i = a + int(middle[a : b - 1].searchsorted(edge - 0.3 * size))
                if a <= i < b - 1 and gap[i] > _CUT * size and abs(middle[i] - edge) < 0.8 * size:
                    whole = fits_in((left[a], right[i]), extent(c)) and fits_in(
                        (left[i + 1], right[b - 1]), extent(c + 1)
                    )
                    cuts[i + 1] = cuts[i + 1] or whole
        if not cuts.any():
            return runs
        return self.runs(region, inside, at[cuts]) or runs

    def _grown(
        self, region: Region, known: _Known, inside: NDArray[np.bool_], free: NDArray[np.bool_], kind: Kind
    ) -> tuple[Region, NDArray[np.bool_], _Known]:
        """`region`, `inside` and what is `known` of its columns with the rows right above that stand in them."""
        runs, _, (edges, _) = known
        taller, inside = self._with_heads(region, runs, edges, inside, free, kind)
        if taller is region:
            return region, inside, known
        runs = self.runs(taller, inside) or runs
        head = head_end(runs, taller)
        return taller, inside, (runs, head, column_edges(runs, taller, head))

    def _with_heads(
        self,
        region: Region,
        runs: Pieces,
        edges: list[float],
        inside: NDArray[np.bool_],
        free: NDArray[np.bool_],
        kind: Kind,
    ) -> tuple[Region, NDArray[np.bool_]]:
        """`region` and `inside` with the rows right above that stand in its columns."""
        is_low = kind == "between" and int(band_numbers(runs)[-1]) < 2
        at = region, inside
        return with_heads(self._pieces, self._rulings, self.runs, runs, edges, at, free, is_low=is_low)

    def _with_end(
        self,
        region: Region,
        runs: Pieces,
        edges: list[float],
        inside: NDArray[np.bool_],
        free: NDArray[np.bool_],
    ) -> tuple[Region, NDArray[np.bool_]]:
        """`region` and `inside` with the lines right below that go on with a cell of the last row, not its first."""
        em = median(runs.size)
        pieces, base, around = self._pieces, base_of(self._pieces), inside
        bases = base_of(runs)
        last = bases > bases.max() - 0.35 * em
        starts, lowest = runs.left[last], float(bases.max())
        for _ in range(_MAX_ENDS + 1):
            below = free & ~around & (base > lowest + 0.35 * em) & (base < lowest + _LEADING * em)
            at = below.nonzero()[0]
            if len(at) != 1:
                break
            left, right = float(pieces.left[at[0]]), float(pieces.right[at[0]])
            column = int(np.searchsorted(edges, left + 0.2 * em)) - 1
            if not 0 < column < len(edges) - 1 or right > edges[column + 1] or np.abs(starts - left).min() > 0.2 * em:
                break
            around, lowest = around | below, float(base[at[0]])
        num_lines = np.count_nonzero(around) - np.count_nonzero(inside)
        if len(edges) < 4 or not 0 < num_lines <= _MAX_ENDS:
            return region, inside
        bottom = float(pieces.bottom[around].max())
        return clipped(region._replace(bottom=bottom, lines=self._rulings)), around

    def _in(self, inside: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The words of the pieces `inside`; those of the last question are kept."""
        if self._piece is None:
            pieces, first = self._pieces, self._words.first[self._which]
            piece = np.maximum(pieces.first.searchsorted(first, side="right") - 1, 0)
            known = (first >= pieces.first[piece]) & (first < pieces.last[piece])
            self._which, self._piece = self._which[known], piece[known]
        if self._last is None or self._last[0] is not inside:
            self._last = inside, self._which[inside[self._piece]]
            self._last_placed = None
        return self._last[1]

    def _placed(self, inside: NDArray[np.bool_]) -> _Placed:
        """As `_in`, without rows of dots that lead from one column to the next; and the frame of these words."""
        at = self._in(inside)
        if self._last_placed is None:
            at = self._without_leaders(at)
            self._last_placed = at, to_frame(self._words.box[at], self._turn)
        return self._last_placed

    def _without_leaders(self, at: NDArray[np.intp]) -> NDArray[np.intp]:
        if self._dots is None:
            self._dots = leader_dots(self._words)
        single, long = self._dots
        if single is long:
            return at
        found, alone = long[at], single[at]
        both = alone[1:] & alone[:-1]
        found[1:] |= both
        found[:-1] |= both
        return at[~found] if found.any() else at


class Read(NamedTuple):
    """What became of a region: its table, what is thought of it, the pieces that belong to it."""

    table: Table | None
    verdict: Verdict
    inside: NDArray[np.bool_]


def _written(cells: list[TableCell], grid: Grid, region: Region) -> Table:
    html = to_html(cells, grid.num_rows, grid.heads)
    pipes = to_pipes(cells, grid.num_rows, grid.num_columns) if grid.heads <= 1 else None
    return Table((region.left, region.top, region.right, region.bottom), pipes or html, html)
