"""The tables of a page, from its lines and from the gaps between its words, with the exact text of the layer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.gutters import are_text_columns, median
from omnipipe.text.columns.order import Column
from omnipipe.text.extreme import largest, smallest
from omnipipe.text.lines.pieces import Pieces, base_of
from omnipipe.text.lines.rulings import Rulings
from omnipipe.text.tables.amounts import amount_boxes
from omnipipe.text.tables.build import Table, TableReader, TableStyle
from omnipipe.text.tables.columns import band_numbers
from omnipipe.text.tables.gaps import MAX_PIECES, gap_boxes
from omnipipe.text.tables.head_line import regions_below_heads
from omnipipe.text.tables.hints import have_hints
from omnipipe.text.tables.item_table import read_items
from omnipipe.text.tables.items import ItemList, is_centred, item_lists
from omnipipe.text.tables.markup import row_counts
from omnipipe.text.tables.number_rows import OPENS, are_numbers, number_boxes
from omnipipe.text.tables.region_pairs import are_apart, are_rows_of, are_sums, overlap, union
from omnipipe.text.tables.regions import Region, between_lines, clipped, grid_regions, is_scattered
from omnipipe.text.tables.verdict import Kind
from omnipipe.text.tables.written import are_written, written_boxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from omnipipe.text.tables.build import Read
    from omnipipe.text.words.chars import Words

    Floats = NDArray[np.float32]
    Box = tuple[float, float, float, float]

NOT_UNDERSTOOD = "table:not_understood"
_NEAR = 6.0
_LEAST = 4
"""Pieces that a table has at least."""
_COUNTED = re.compile(r">(\d{1,5}(?: \d{1,5})+)<")
_LEAST_LINES = 3
"""Lines across, and lines down, around two columns and two rows."""
_FORM = 120
"""Pieces; scattered lines around fewer are drawings, around more a form."""
_FEW = 8
_LEAST_ROWS = 3
_TRIES = 3
"""Each piece of a page is looked at as part of so many tables at most, in the mean."""
_FEW_ROWS = 32
"""Rows of a list of items at most that is read in the place of a table."""
_SHORT = 6.0
"""Font sizes; numbers in cells are narrower."""


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
        if not self.tables or largest(number) < 0:
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
    return Found(pieces, -np.ones(len(pieces.left), np.intp), [], [], flags)


@dataclass(slots=True)
class _State:
    """What is known while the tables of one direction are looked for; `inside` as in `Found.number`."""

    reader: TableReader
    pieces: Pieces
    text: str
    inside: NDArray[np.intp]
    budget: int
    tables: list[Table] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)

    def take(self, region: Region, kind: Kind) -> bool:
        """Whether `region` is a table, which is kept then; the lines of grids are clipped to their region before."""
        here = self.reader.within(region)
        num_here = int(np.count_nonzero(here))
        self.budget -= num_here
        if self.budget < 0:
            return False
        if kind == "grid" and is_scattered(region):
            if num_here > _FORM:
                self.flags.add(NOT_UNDERSTOOD)
            return False
        free = self.inside < 0
        if num_here < _LEAST or (self.tables and np.count_nonzero(here & ~free)):
            return False
        if kind != "grid":
            region = clipped(region)
            if is_scattered(region) or are_text_columns(self.pieces, here.nonzero()[0], self.text):
                return False
        return self.keep(self.reader.read(region, here, free, kind))

    def take_written(self, region: Region) -> bool:
        """Whether `region`, whose rows the file writes one after the other, is a table and not two texts beside each
        other; it is kept then."""
        here, free = self.reader.within(region), self.inside < 0
        if np.count_nonzero(here & ~free):
            return False
        found = self.reader.read(clipped(region), here, free, "between", labelled=True)
        return found.table is not None and max(row_counts(found.table.html))[0] > 2 and self.keep(found)

    def drop(self, number: int) -> None:
        """Makes the pieces of a table free again."""
        del self.tables[number]
        self.inside[self.inside == number] = -1
        self.inside[self.inside > number] -= 1

    def keep(self, found: Read) -> bool:
        """Whether a table was `found`, which is kept then."""
        if found.table is not None:
            self.inside[found.inside] = len(self.tables)
            self.tables.append(found.table)
        elif found.verdict == "seen":
            self.flags.add(NOT_UNDERSTOOD)
        return found.table is not None


class TableFinder:
    """Finds the tables among the words of one direction of a page; `rulings` gives the lines that it draws, in the
    reading frame of a direction."""

    def __init__(
        self,
        rulings: Callable[[int], Rulings],
        words: Words,
        style: TableStyle = TableStyle(),  # noqa: B008
    ) -> None:
        self._rulings_of = rulings
        self._words = words
        self._style = style

    def find(self, pieces: Pieces, which: NDArray[np.intp], turn: int) -> Found:
        """The tables among `pieces`, which are the words at `which`, all of direction `turn`."""
        nothing = no_tables(pieces)
        if not have_hints(self._words, pieces, which, turn):
            found = self._find_drawn(pieces, which, turn)
            if not found.tables and are_written(pieces):
                found = self._find_written(pieces, which, turn)
            if found.tables or not self._has_numbers(pieces):
                return found
            return self._find_lists(pieces, which, turn)
        if len(pieces.left) > MAX_PIECES:
            return no_tables(pieces, (NOT_UNDERSTOOD,))
        rulings = self._rulings_of(turn)
        reader = TableReader(self._words, which, pieces, turn, rulings, self._style)
        state = _State(reader, pieces, self._words.text, nothing.number, _TRIES * len(pieces.left))
        across = np.ones(len(rulings.horizontal), bool)
        for region, lines in grid_regions(rulings):
            # Lines that make no table as a grid may still part the rows of one, where few lines go down.
            across[lines] = not state.take(region, "grid") and _is_open(region)
        is_free = state.inside < 0
        free = pieces.take(is_free) if state.tables else pieces
        ruled = between_lines(rulings, across, free, self._words.text)
        ruled += regions_below_heads(rulings, across, free)
        at = are_numbers(self._words, which)
        numbers = self._numbers(free, which, at)
        boxes = gap_boxes(free, self._words.text, numbers)
        loose = [Region(*box, rulings) for box in boxes]
        for region in ruled:
            near = [other for other in loose if overlap(region, other)]
            beside = [other for other in ruled if are_apart(region, other)] if near else []
            beside = [other for other in beside if not are_sums(pieces, region, other)]
            around = [union(region, other) for other in near if not any(overlap(other, third) for third in beside)]
            tried: set[tuple[float, ...]] = set()
            for wide in (*around, region):
                if wide[:4] not in tried and state.take(wide, "between"):
                    break
                tried.add(wide[:4])
        # What lines over a whole page cost is not taken from what stands between them.
        state.budget = _TRIES * len(pieces.left)
        for box in written_boxes(self._words, which, turn) if are_written(free) else ():
            region = Region(*box, rulings)
            # Heads over several columns stand above the first row that has a cell in each.
            taller = [other for other in loose if other.top < region.top and are_rows_of(region, other)]
            if not (taller and state.take_written(union(region, taller[0]))):
                state.take_written(region)
        close = [Region(*box, rulings) for box in number_boxes(self._words, which, at, turn)]
        for region in loose:
            # Text beside some rows of a table makes these look like more than the others.
            taller = [other for other in close if are_rows_of(region, other)]
            if not (taller and state.take(union(region, taller[0]), "gaps")):
                state.take(region, "gaps")
        self._take_lists(state, is_free.nonzero()[0], numbers, close, rulings)
        return _replaced(pieces, state.tables, state.inside, tuple(sorted(state.flags)))

    def _find_drawn(self, pieces: Pieces, which: NDArray[np.intp], turn: int) -> Found:
        """As `find`, where only tables of lines across and down may be: few texts in them stand side by side."""
        nothing = no_tables(pieces)
        if not _LEAST <= len(pieces.left) <= MAX_PIECES:
            return nothing
        rulings = self._rulings_of(turn)
        if min(map(len, rulings)) < _LEAST_LINES:
            return nothing
        reader = TableReader(self._words, which, pieces, turn, rulings, self._style)
        state = _State(reader, pieces, self._words.text, nothing.number, _TRIES * len(pieces.left))
        for region, _ in grid_regions(rulings):
            if state.take(region, "grid") and _has_line_numbers(state.tables[-1].html):
                state.drop(len(state.tables) - 1)
        return _replaced(pieces, state.tables, state.inside, ())

    def _find_written(self, pieces: Pieces, which: NDArray[np.intp], turn: int) -> Found:
        """As `find`, where only tables of long cells may be."""
        boxes = written_boxes(self._words, which, turn) if len(pieces.left) <= MAX_PIECES else []
        if not boxes:
            return no_tables(pieces)
        rulings = self._rulings_of(turn)
        reader = TableReader(self._words, which, pieces, turn, rulings, self._style)
        state = _State(reader, pieces, self._words.text, no_tables(pieces).number, 0)
        for box in boxes:
            state.take_written(Region(*box, rulings))
        return _replaced(pieces, state.tables, state.inside, ())

    def _find_lists(self, pieces: Pieces, which: NDArray[np.intp], turn: int) -> Found:
        """As `find`, where only lists of items or amounts may be."""
        empty = np.zeros((0, 3), np.float32)
        lines = Rulings(empty, empty)
        reader = TableReader(self._words, which, pieces, turn, lines, self._style)
        state = _State(reader, pieces, self._words.text, no_tables(pieces).number, _TRIES * len(pieces.left))
        at = are_numbers(self._words, which)
        close = [Region(*box, lines) for box in number_boxes(self._words, which, at, turn)]
        self._take_lists(state, np.arange(len(pieces.left)), self._numbers(pieces, which, at), close, lines)
        return _replaced(pieces, state.tables, state.inside, ())

    def _take_lists(
        self, state: _State, at: NDArray[np.intp], numbers: NDArray[np.intp], close: list[Region], rulings: Rulings
    ) -> None:
        """Keeps lists of items and of amounts among the pieces `at`, which have so many `numbers`, and tables in the
        regions `close`."""
        has_numbers = np.count_nonzero(numbers) > 0
        if has_numbers and not self._style.rtl:
            _take_items(state, item_lists(state.pieces.take(at), state.text, numbers), at, rulings)
        for region in close:
            state.take(region, "gaps")
        if has_numbers:
            still = state.inside[at] < 0
            for box in amount_boxes(state.pieces.take(at[still]), state.text, numbers[still]):
                state.take(Region(*box, rulings), "gaps")

    def _has_numbers(self, pieces: Pieces) -> bool:
        """Whether numbers stand beside texts, or two rows have several: lists may be written column by column."""
        if len(pieces.left) < 2 * _LEAST_ROWS:
            return False
        is_short = (pieces.right - pieces.left < _SHORT * pieces.size) & OPENS[self._words.units[pieces.first]]
        num_short = int(np.count_nonzero(is_short))
        if num_short < 2 or len(pieces.left) > MAX_PIECES:
            return False
        counts = np.bincount(band_numbers(pieces))
        if num_short >= _LEAST_ROWS and np.count_nonzero(counts > 1) >= _LEAST_ROWS:
            return True
        return bool(np.count_nonzero(counts >= _LEAST_ROWS) > 1)

    def _numbers(self, pieces: Pieces, which: NDArray[np.intp], at: NDArray[np.intp]) -> NDArray[np.intp]:
        """How many words of each piece are numbers, those `at` of `which`; none where fewer than half are."""
        none = np.zeros(len(pieces.first), np.intp)
        first = self._words.first[which]
        found = first[at]
        if not len(none) or not len(found):
            return none
        counts, every = _per_piece(pieces, found), _per_piece(pieces, first)
        return np.where(2 * counts >= every, counts, 0)


def _take_items(state: _State, lists: Sequence[ItemList], at: NDArray[np.intp], rulings: Rulings) -> None:
    """Keeps those of `lists` that are no table yet, or one of fewer cells in a row; `at` are the numbers of their
    pieces."""
    for found in lists:
        every = at[[i for row in found.rows for i in row]]
        here = state.pieces.take(every)
        box = float(here.left.min()), float(here.top.min()), float(here.right.max()), float(here.bottom.max())
        known = np.unique(state.inside[every][state.inside[every] >= 0]).tolist()
        whole = [k for k in known if np.isin(np.flatnonzero(state.inside == k), every).all()]
        if known and (len(found.rows) > _FEW_ROWS or not found.is_sure):
            continue
        if any(_sticks_out(box, state.tables[k].box, rulings) for k in known):
            continue
        if len(whole) < len(known) and is_centred(found, state.pieces.take(at), rulings):
            continue
        if any(
            2 * np.isin(np.flatnonzero(state.inside == k), every).sum() < np.count_nonzero(state.inside == k)
            for k in known
        ):
            continue
        read = read_items(state.reader, found, Region(*box, rulings), at)
        if read.table is None:
            continue
        if all(_is_finer(read.table, state.tables[k], is_whole=k in whole) for k in known):
            for k in reversed(known):
                state.drop(k)
            state.keep(read)


def _sticks_out(box: Box, table: Box, rulings: Rulings) -> bool:
    """Whether `box` goes further to a side than a `table`, with the lines over all of its width."""
    flat = rulings.horizontal[slice(*np.searchsorted(rulings.horizontal[:, 0], (table[1] - 2, table[3] + 2)))]
    flat = flat[(np.abs(flat[:, 1] - table[0]) < _NEAR) & (np.abs(flat[:, 2] - table[2]) < _NEAR)]
    return len(flat) > 1 and (box[0] < table[0] - _NEAR or box[2] > table[2] + _NEAR)


def _is_finer(table: Table, known: Table, *, is_whole: bool) -> bool:
    """Whether more columns of `table` have headings than rows of `known` have cells with text.

    As many are enough where rows of `known` have more cells, without text, or where `table` holds the whole of it and
    joins a line to each of its items that is a row there.
    """
    sizes, counts = zip(*row_counts(table.html), strict=True)
    known_sizes, known_counts = zip(*row_counts(known.html), strict=True)
    most = max(known_counts)
    if counts[0] != most:
        return bool(counts[0] > most)
    has_lone = is_whole and known_counts.count(1) >= len(counts) - 1 > 2 * counts.count(1)
    return has_lone or counts[0] == max(sizes) < max(known_sizes)


def _per_piece(pieces: Pieces, first: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many words stand in each of `pieces`; `first` is where they start in the text."""
    at = np.maximum(np.searchsorted(pieces.first, first, side="right") - 1, 0)
    return np.bincount(at[first < pieces.last[at]], minlength=len(pieces.first))


def _has_line_numbers(html: str) -> bool:
    """Whether a cell holds the numbers of several lines beside it, as listings in a frame have."""
    return any(
        int(after) == int(before) + 1 for numbers in _COUNTED.findall(html) for before, after in [numbers.split()[-2:]]
    )


def _is_open(region: Region) -> bool:
    """Whether lines down are few, or go over a small part of the height only, as between headings."""
    down = region.lines.vertical
    places = 1 + np.count_nonzero(np.diff(down[:, 0]) > 2)
    drawn = float((down[:, 2] - down[:, 1]).sum()) / max(region.bottom - region.top, 1e-6)
    return bool(places <= _FEW or drawn < 0.4 * places)


def _replaced(pieces: Pieces, tables: list[Table], inside: NDArray[np.intp], flags: tuple[str, ...]) -> Found:
    """`pieces` with each table as one piece, where its first word stands in the page's content."""
    if not tables:
        return Found(pieces, inside, [], [], flags)
    parts = [pieces.take(inside == k) for k in range(len(tables))]
    boxes = np.array([table.box for table in tables], np.float32)
    sizes = np.array([median(part.size) for part in parts], np.float32)
    start = np.array([smallest(part.first) for part in parts], np.intp)
    word = np.array([smallest(part.word) for part in parts], np.intp)
    made = Pieces(start, start, boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3], sizes, word)
    kept = pieces.take(inside < 0)
    both = Pieces._make(np.concatenate((old, new)) for old, new in zip(kept, made, strict=True))  # type: ignore[arg-type]
    order = np.argsort(both.word, kind="stable")
    number = np.concatenate((np.full(len(kept.left), -1, np.intp), np.arange(len(tables))))
    return Found(both.take(order), number[order], tables, parts, flags)
