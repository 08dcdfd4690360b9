"""Tables whose rows the file writes one after the other, cell by cell: cells of several lines need no lines between."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Protocol

import numpy as np

from omnipipe.text.lines.pieces import base_of, join_words
from omnipipe.text.tables.regions import CAPTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.tables.rows import Band
    from omnipipe.text.words.chars import Words

    Box = tuple[float, float, float, float]

_LEAST_STEPS = 2
"""Times that the file goes on beside a cell of several lines, or to several lines, from which on it is looked at."""
_LEAST_ROWS = 3
_LEVEL = 0.35
"""Font sizes; baselines of one line are closer."""
_LEADING = 1.7
"""Font sizes between the lines of a cell at most."""
_FAR = 4.0
"""Font sizes of white between rows at most."""
_GAP = 0.3
"""Font sizes between the cells of a row at least."""
_MAX_LONE = 2
"""Lines of the name of a group of rows at most, and of such rows below each other."""
_MAX_HEAD = 2
"""Lines of a heading at most."""
_LOWER = 0.4
"""Of the cells: those that begin in a small letter at most."""
_LEAST_COLUMNS = 3
_MANY_SLABS = 5
"""Parts of a table between lines from which on these part its rows."""
_JOIN = 0.65
"""Font sizes; words of one cell are closer."""


@dataclass(slots=True)
class _Cell:
    left: float
    top: float
    right: float
    bottom: float
    base: float
    num_lines: int
    em: float
    is_lower: bool


@dataclass(slots=True)
class _Row:
    cells: list[_Cell] = field(default_factory=list)

    @property
    def top(self) -> float:
        return min(cell.top for cell in self.cells)

    @property
    def bottom(self) -> float:
        return max(cell.bottom for cell in self.cells)


def written_boxes(words: Words, which: NDArray[np.intp], turn: int) -> list[Box]:
    """Boxes (left, top, right, bottom) around rows that the file writes one after the other, each cell by cell, several
    of which have several lines, among the `words` at `which`, all of direction `turn`."""
    pieces = join_words(words, which, turn, _JOIN)
    boxes = []
    rows: list[_Row] = []
    columns: list[tuple[float, float]] = []
    for row in _rows(pieces, words.text):
        grown = _fit(columns, row)
        if grown is not None and (not rows or row.top - rows[-1].bottom < _FAR * row.cells[0].em):
            columns = grown
            rows.append(row)
            continue
        boxes += _boxes(rows, len(columns))
        rows, columns = ([row], _fit([], row) or []) if len(row.cells) > 1 else ([], [])
    return [*boxes, *_boxes(rows, len(columns))]


def are_written(pieces: Pieces) -> bool:
    """Whether the file goes up to what stands right of it, or on below that, several times: the first thing to ask."""
    if len(pieces.left) < 2 * _LEAST_ROWS:
        return False
    base, size = base_of(pieces), pieces.size
    step = base[1:] - base[:-1]
    is_right = pieces.left[1:] > pieces.right[:-1] + _GAP * size[1:]
    up = is_right & (step < -_LEVEL * size[1:])
    level = is_right & (np.abs(step) <= _LEVEL * size[1:])
    below = (step > _LEVEL * size[1:]) & (np.abs(pieces.left[1:] - pieces.left[:-1]) < size[1:])
    return bool(np.count_nonzero(up) + np.count_nonzero(level[:-1] & below[1:]) >= _LEAST_STEPS)


def _rows(pieces: Pieces, text: str) -> Iterator[_Row]:
    """What the file writes, as rows of cells."""
    row = _Row()
    places = zip(
        pieces.left.tolist(),
        pieces.top.tolist(),
        pieces.right.tolist(),
        pieces.bottom.tolist(),
        base_of(pieces).tolist(),
        pieces.size.tolist(),
        pieces.first.tolist(),
        strict=True,
    )
    above = float("-inf")
    for left, top, right, bottom, base, em, first in places:
        if row.cells:
            cell = row.cells[-1]
            step = base - cell.base
            is_new = CAPTION.match(text, first, first + 24)
            starts = row.cells[-2].right if len(row.cells) > 1 else float("-inf")
            if (
                not is_new
                and _LEVEL * em < step < _LEADING * em
                and max(starts + _GAP * em, cell.left - 2 * em) < left < cell.right
                and right > cell.left
            ):
                cell.left, cell.right = min(cell.left, left), max(cell.right, right)
                cell.bottom, cell.base, cell.num_lines = bottom, base, cell.num_lines + 1
                continue
            if not is_new and left > cell.right + _GAP * em and step < _LEVEL * em and base > above + _LEVEL * em:
                row.cells.append(_Cell(left, top, right, bottom, base, 1, em, text[first : first + 1].islower()))
                continue
            above = max(cell.base for cell in row.cells)
            yield row
        row = _Row([_Cell(left, top, right, bottom, base, 1, em, text[first : first + 1].islower())])
        # What stands above the row before it is no row of that.
        if base <= above + _LEVEL * em:
            above = float("-inf")
    if row.cells:
        yield row


def _fit(columns: Sequence[tuple[float, float]], row: _Row) -> list[tuple[float, float]] | None:
    """`columns` (left, right) as wide as the cells of `row` make them; None where these are of another table."""
    cells = row.cells
    if not columns:
        return [(cell.left, cell.right) for cell in cells] if len(cells) > 1 else None
    if len(cells) == 1 and cells[0].num_lines <= _MAX_LONE and cells[0].left < columns[1][0]:
        return list(columns)
    grown = list(columns)
    for cell in cells:
        at = [k for k, (a, b) in enumerate(grown) if cell.left < b and cell.right > a]
        if len(at) > 1:
            return None
        if at:
            a, b = grown[at[0]]
            grown[at[0]] = min(a, cell.left), max(b, cell.right)
        else:
            grown.append((cell.left, cell.right))
    return sorted(grown)


def _boxes(rows: list[_Row], num_columns: int) -> list[Box]:
    """The box around `rows`, if they are those of a table: below a head of few words, with cells of several lines."""
    while rows and len(rows[-1].cells) < 2:
        rows = rows[:-1]
    full = [row.cells for row in rows if len(row.cells) > 1]
    if num_columns < _LEAST_COLUMNS or len(full) < _LEAST_ROWS or 2 * len(full) < len(rows):
        return []
    head, *body = full
    # Blocks of text beside each other have no head.
    if len(head) < num_columns or any(cell.num_lines > _MAX_HEAD for cell in head):
        return []
    below = [cell for cells in body for cell in cells]
    if sum(cell.num_lines > 1 for cell in below) < _LEAST_STEPS:
        return []
    # Columns of running text that the file writes in parts go on in the middle of sentences.
    if any(cell.is_lower for cell in head) or sum(cell.is_lower for cell in below) > _LOWER * len(below):
        return []
    every = [cell for row in rows for cell in row.cells]
    return [(min(c.left for c in every), rows[0].top, max(c.right for c in every), max(c.bottom for c in every))]


class Runs(Protocol):
    """What is asked of the runs of a table."""

    begins: list[int]
    strings: Sequence[str]

    def is_full(self, above: list[int], column: int, run: int) -> bool:
        """Whether the first word of `run` would not have fitted on the last line of the runs `above` it in `column`."""


def with_written(bands: Sequence[Band], runs: Runs, num_slabs: int) -> list[Band] | None:
    """The lines of text `bands`, one of `num_slabs` parts of a table between lines, joined to rows as the file writes
    them, one after the other and cell by cell; None where it does not."""
    places = sorted((runs.begins[run], k, run, *band.spans[run]) for k, band in enumerate(bands) for run in band.spans)
    groups: list[list[tuple[int, int, int]]] = []
    num_up = num_full = num_more = 0
    line = column = end = -1
    for (_, k, run, c, last), after in zip_longest(places, places[1:]):
        # What lies over several columns is a row of its own, unless it is a heading.
        is_lone = (last > c or end > column) and k != line
        is_next = bool(groups) and c > end and not is_lone
        if groups and c == column and k > line and not is_lone:
            is_full = runs.is_full([other for _, at, other in groups[-1] if at == c], c, run)
            # A row of one cell may stand above another one: the name of a group of rows above the first of these.
            is_name = len({at for _, at, _ in groups[-1]}) < 2 and after is not None and after[3] > c and after[1] >= k
            is_next = runs.strings[run][:1].islower() or (not is_name and (is_full or c > 0))
            num_full, num_more = num_full + (is_full and is_next), num_more + is_next
        if is_next or (groups and (k, c) == (line, column)):
            num_up += k < line
            groups[-1].append((k, c, run))
        else:
            groups.append([(k, c, run)])
        line, column, end = k, c, last
    if not num_more or (not num_up and num_full < num_more) or not _are_rows(groups, num_up, num_slabs):
        return None
    rows = []
    for group in groups:
        lines = sorted({k for k, _, _ in group})
        rows.append(bands[lines[0]])
        for k in lines[1:]:
            rows[-1].add(bands[k])
    return rows


def _are_rows(groups: Sequence[Sequence[tuple[int, int, int]]], num_up: int, num_slabs: int) -> bool:
    """Whether groups of runs (line, column, run) stand below each other, and are no columns of rows between lines."""
    lines = [[k for k, _, _ in group] for group in groups]
    if any(max(above) >= min(below) for above, below in pairwise(lines)):
        return False
    if len(groups) > 1:
        return sum(max(group) > min(group) for group in lines) > 1
    counts = Counter(c for _, c, _ in groups[0])
    return num_up > 0 and num_slabs >= _MANY_SLABS and len(set(counts.values())) > 1
