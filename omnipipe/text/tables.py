"""The tables of a page, from its lines and from the gaps between its words, with the exact text of the layer."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.grid import JOIN, Grid, band_numbers, base_of, build_grid
from omnipipe.text.lines import Pieces, join_words, to_frame
from omnipipe.text.order import Column
from omnipipe.text.regions import Region, ruled_regions
from omnipipe.text.rulings import find_lines, to_rulings
from omnipipe.text.table_markup import TableCell, to_html, to_pipes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.chars import Words

    Box = tuple[float, float, float, float]

NOT_UNDERSTOOD = "table:not_understood"
_LEADERS = re.compile(r"(?:\s*[.·_…]){4,}\s*$")
_DOT_CODES = [ord(c) for c in ".·_…"]
_MAX_CELLS = 20_000
_MAX_WORDS = 20_000
_WIDE = 0.8
"""Font sizes; gaps this wide between words of one line hint at a table."""


class Table(NamedTuple):
    """A table in the reading frame: its box in points, markdown (pipes, or HTML where cells span), and HTML."""

    box: Box
    text: str
    html: str


class Found(NamedTuple):
    """The `tables` of a direction, and `pieces` with each of them as one piece without text.

    `number` says for each of `pieces` which table it is, -1 for text. `inside` are the pieces of each table.
    """

    pieces: Pieces
    number: NDArray[np.intp]
    tables: list[Table]
    inside: list[Pieces]
    flags: tuple[str, ...] = ()

    def cut(self, column: Column) -> Iterator[Column | int]:
        """`column` in parts: text, and the number of each table between."""
        flat, starts = column
        number = self.number[flat]
        if not self.tables or number.max() < 0:
            yield column
            return
        bounds = [*starts.tolist(), len(flat)]
        rows: list[NDArray[np.intp]] = []
        for start, end in pairwise(bounds):
            here = number[start:end]
            text = flat[start:end][here < 0]
            rows += [text] if len(text) else []
            for k in here[here >= 0].tolist():
                yield from _column(rows)
                rows = []
                yield k
        yield from _column(rows)

    def rows_of(self, number: int) -> Column:
        """The lines of text of a table, as a column of its pieces `inside`."""
        pieces = self.inside[number]
        bands = band_numbers(pieces)
        order = np.lexsort((pieces.left, bands[np.argsort(np.argsort(base_of(pieces), kind="stable"))]))
        return Column(order, np.flatnonzero(np.diff(bands, prepend=-1)))


def _column(rows: list[NDArray[np.intp]]) -> Iterator[Column]:
    if rows:
        yield Column(np.concatenate(rows), np.cumsum([0, *map(len, rows[:-1])]))


def no_tables(pieces: Pieces, flags: tuple[str, ...] = ()) -> Found:
    """What is found where no table is."""
    return Found(pieces, np.full(len(pieces.left), -1, np.intp), [], [], flags)


class TableFinder:
    """Finds the tables among the words of one direction of a page."""

    def __init__(self, page: pypdfium2.PdfPage, words: Words, dehyphenate: bool = True) -> None:
        self._page = page
        self._words = words
        self._dehyphenate = dehyphenate
        self._lines: NDArray[np.float32] | None = None

    def find(self, pieces: Pieces, which: NDArray[np.intp], turn: int) -> Found:
        """The tables among `pieces`, which are the words at `which`, all of direction `turn`."""
        nothing = no_tables(pieces)
        if not self._hints(which, turn):
            return nothing
        if self._lines is None:
            self._lines = find_lines(self._page)
        regions = ruled_regions(to_rulings(self._lines, turn), pieces) if len(self._lines) else []
        tables: list[Table] = []
        inside = nothing.number
        flags: set[str] = set()
        which = self._present(pieces, which)
        for region in regions:
            here = _within(pieces, region) & (inside < 0)
            if np.count_nonzero(here) < 2:
                continue
            table, is_seen = self._read(region, which, turn)
            if table is not None:
                inside[here] = len(tables)
                tables.append(table)
            elif is_seen:
                flags.add(NOT_UNDERSTOOD)
        return _replaced(pieces, tables, inside, tuple(sorted(flags)))

    def _present(self, pieces: Pieces, which: NDArray[np.intp]) -> NDArray[np.intp]:
        """The words at `which` that stand in one of `pieces`."""
        first = self._words.first[which]
        at = np.maximum(np.searchsorted(pieces.first, first, side="right") - 1, 0)
        return which[(first >= pieces.first[at]) & (first < pieces.last[at])]

    def _hints(self, which: NDArray[np.intp], turn: int) -> bool:
        """Whether some lines have words far apart."""
        if len(which) < 4:
            return False
        left, top, right, bottom = to_frame(self._words.box[which], turn)
        size = self._words.size[which]
        gap = left[1:] - right[:-1]
        level = np.minimum(bottom[1:], bottom[:-1]) - np.maximum(top[1:], top[:-1])
        wide = (gap > _WIDE * size[1:]) & (level > 0.5 * (bottom[1:] - top[1:]))
        return bool(np.count_nonzero(wide) > 1) or len(which) < 400

    def _read(self, region: Region, which: NDArray[np.intp], turn: int) -> tuple[Table | None, bool]:
        """The table of `region`, and where there is none whether there seems to be one."""
        left, top, right, bottom = to_frame(self._words.box[which], turn)
        x, y = (left + right) / 2, (top + bottom) / 2
        at = which[(x > region.left) & (x < region.right) & (y > region.top) & (y < region.bottom)]
        if len(at) < 2 or len(at) > _MAX_WORDS:
            return None, len(at) > _MAX_WORDS
        at = at[~self._leaders(at)]
        if len(at) < 2:
            return None, False
        runs = join_words(self._words, at, turn, JOIN, _walls_between(to_frame(self._words.box[at], turn), region))
        text = self._words.text
        strings = [text[a:b] for a, b in zip(runs.first.tolist(), runs.last.tolist(), strict=True)]
        grid = build_grid(runs, region, strings)
        if grid is None:
            return None, False
        verdict = _judge(grid, region)
        if verdict is not None:
            return None, verdict
        return self._written(grid, region, strings), False

    def _leaders(self, at: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of the words at `at` are rows of dots that lead from one column to the next."""
        words = self._words
        short = words.last[at] - words.first[at] == 1
        dot = np.zeros(len(at), bool)
        if words.text.count(".") > 3:
            units = np.frombuffer(words.text.encode("utf-32-le", "surrogatepass"), np.uint32)
            dot = np.isin(units[words.first[at]], _DOT_CODES) & np.isin(units[words.last[at] - 1], _DOT_CODES)
        alone = dot & short
        beside = np.zeros(len(at), bool)
        beside[1:] |= alone[1:] & alone[:-1]
        beside[:-1] |= alone[1:] & alone[:-1]
        long = dot & (words.last[at] - words.first[at] > 3)
        found: NDArray[np.bool_] = long | beside
        return found

    def _written(self, grid: Grid, region: Region, strings: list[str]) -> Table | None:
        cells = [
            TableCell(
                cell.row,
                cell.column,
                cell.rows,
                cell.columns,
                _LEADERS.sub("", _joined([" ".join(strings[i] for i in line) for line in cell.lines], self._dehyphenate)),
            )
            for cell in grid.cells
        ]
        if 2 * sum(any(c.isalnum() for c in cell.text) for cell in cells) < sum(bool(cell.text) for cell in cells):
            return None
        html = to_html(cells, grid.num_rows, grid.heads)
        pipes = to_pipes(cells, grid.num_rows, grid.num_columns) if grid.heads <= 1 else None
        return Table((region.left, region.top, region.right, region.bottom), pipes or html, html)


def _walls_between(frame: tuple[NDArray[np.float32], ...], region: Region) -> NDArray[np.bool_]:
    """For each word but the first: whether a line is drawn between it and the word before."""
    left, top, right, bottom = frame
    x, y = (left + right) / 2, (top + bottom) / 2
    apart = np.zeros(len(x) - 1, bool)
    for place, start, end in region.lines.vertical.tolist():
        apart |= ((x[:-1] < place) != (x[1:] < place)) & (y[1:] > start) & (y[1:] < end)
    return apart


DEBUG = None
def _judge(grid: Grid, region: Region) -> bool | None:
    if DEBUG is not None:
        filled = sum(bool(cell.lines) for cell in grid.cells) / len(grid.cells)
        DEBUG.append((region.is_grid, grid.num_rows,grid.num_columns, "filled %.2f crossed %.2f ruled %.2f walls %.2f multi %.2f"%(filled,grid.crossed,grid.ruled,grid.walls,grid.multi)))
    """None where `grid` is a table; else whether it is likely one that was not understood."""
    if grid.num_rows * grid.num_columns > _MAX_CELLS:
        return True
    if grid.num_rows < 2:
        return False
    filled = sum(bool(cell.lines) for cell in grid.cells) / len(grid.cells)
    # Rows of another table, or of a form, in one cell.
    if any(cell.rows > 1 and len(cell.lines) > max(5, 0.5 * cell.rows) for cell in grid.cells):
        return region.is_grid and grid.multi > 0.6
    if not region.is_grid:
        is_table = grid.num_rows * grid.num_columns >= 6 and filled > 0.4 and grid.crossed <= 0.2 and grid.multi >= 0.5 and (not grid.walls or grid.walls > 0.5)
        return None if is_table else False
    if filled < 0.45 or grid.multi < 0.6 or grid.ruled < 0.2:
        return False
    if grid.crossed <= 0.12 and grid.walls >= 0.6 and (grid.num_rows * grid.num_columns > 4 or grid.ruled > 0.8):
        return None
    return grid.crossed <= 0.3


def _within(pieces: Pieces, region: Region) -> NDArray[np.bool_]:
    x, y = (pieces.left + pieces.right) / 2, (pieces.top + pieces.bottom) / 2
    inside: NDArray[np.bool_] = (x > region.left) & (x < region.right) & (y > region.top) & (y < region.bottom)
    return inside


def _replaced(pieces: Pieces, tables: list[Table], inside: NDArray[np.intp], flags: tuple[str, ...]) -> Found:
    """`pieces` with each table as one piece, where its first word stands in the page's content."""
    if not tables:
        return Found(pieces, inside, [], [], flags)
    parts = [pieces.take(inside == k) for k in range(len(tables))]
    boxes = np.array([table.box for table in tables], np.float32)
    sizes = np.array([np.median(part.size) for part in parts], np.float32)
    start = np.array([part.first.min() for part in parts], np.intp)
    word = np.array([part.word.min() for part in parts], np.intp)
    made = Pieces(start, start, boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3], sizes, word)
    kept = pieces.take(inside < 0)
    both = Pieces._make(np.concatenate(pair) for pair in zip(kept, made, strict=True))
    order = np.argsort(both.word, kind="stable")
    number = np.concatenate((np.full(len(kept.left), -1, np.intp), np.arange(len(tables))))
    return Found(both.take(order), number[order], tables, parts, flags)


def _joined(lines: list[str], dehyphenate: bool) -> str:
    """The lines of a cell as one text."""
    out = ""
    for line in lines:
        line = " ".join(line.split())
        if not out:
            out = line
        elif out[-1] in "\ufffe\xad" and dehyphenate and re.match(r"[^\W\d_]", line):
            out = out[:-1] + line
        elif out[-1] in "\ufffe\xad-":
            out = (out[:-1] + "-" if out[-1] != "-" else out) + line
        else:
            out += " " + line
    return out
