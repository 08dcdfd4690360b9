"""Whether a grid of words is a table: drawings, forms, lists, tables of contents and running text have grids too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from omnipipe.text.tables.markup import TableCell, text_of

if TYPE_CHECKING:
    from omnipipe.text.tables.grid import Cell, Grid

Kind = Literal["grid", "between", "gaps"]
"""What says that there may be a table: crossing lines, lines across only, gaps only."""

Verdict = Literal["table", "seen", "none"]
"""`seen`: likely a table, but not understood."""

_MARKER = re.compile(r"^(?:[(\[]?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)\]]|\[.{1,12}\]|[^\w\s]|o)$")
_PAGE = re.compile(r"^(?:\d{1,4}|[ivxlc]{1,7})$")
MAX_CROSSED: dict[Kind, float] = {"grid": 0.3, "between": 0.2, "gaps": 0.1}
"""Of the runs: those across gaps between columns."""
_FEW_ROWS = 6
"""Gaps alone show no table of fewer rows unless it has numbers and few empty cells."""
_MAX_STRAY = 2
"""Lines down within a table of lines across that part no columns."""
_MAX_SPAN = 200
"""Characters; longer texts over the full width are running text."""
_MARKS = frozenset("✓✔✗✘✕✖×•●○◦∙■□▪☐☑☒√+-−–—*★☆xX")
"""What says yes or no in a table of features."""
_LINES, _LONG = 8, 18
"""Lines of a column of running text at least, and characters of its usual line."""
_LOWER = 0.4
"""Of these lines: those that begin in a small letter."""
_OUT_OF_TURN = 0.15
"""Of the texts: those after which the file goes on in another column, at most; row by row it goes on so after most."""
_find_alnum = re.compile(r"[^\W_]").search
_lines_of = attrgetter("lines")
_DIGIT = re.compile(r"\d")


def may_be_table(kind: Kind, shape: tuple[int, int], *, crossed: float, multi: float, used: float, parted: int) -> bool:
    """Whether `judge_grid` may find a table in a grid of `shape` (rows, columns): asked before its cells are made."""
    if crossed > MAX_CROSSED[kind] or multi < (0.5 if kind == "between" else 0.6):
        return False
    if kind == "grid":
        return True
    num_rows, num_columns = shape
    return used >= 0.7 and num_rows * num_columns >= 6 and (num_rows > 2 or (parted > 0 and kind == "between"))


def judge_grid(grid: Grid, kind: Kind) -> Verdict:
    """By the shape of `grid`. The limits part all tables from all drawings and forms of the corpus that they were
    measured on, with room on both sides."""
    if not grid.cells:
        return "seen"
    if grid.num_rows < 2 or grid.num_columns < 2:
        return "none"
    filled = sum(map(bool, map(_lines_of, grid.cells))) / len(grid.cells)
    wide: list[Cell] = []
    if len(grid.cells) < grid.num_rows * grid.num_columns:
        wide = [cell for cell in grid.cells if cell.rows > 1 or cell.columns > 1]
    # Rows of another table, or of a form, in one cell.
    swallowed = any(_swallows(cell, kind) for cell in wide)
    # Tables have few empty cells over several rows or columns, drawings have many.
    blank = sum(not cell.lines for cell in wide) / len(grid.cells)
    if blank > 0.1 or grid.used < 0.7:
        is_form = filled >= 0.45 and grid.multi >= 0.6 and grid.ruled >= 0.3 and grid.crossed <= 0.15
        return "seen" if kind == "grid" and is_form else "none"
    is_clean = grid.crossed <= 0.08 and grid.multi >= 0.8 and grid.used >= 0.9
    if kind == "grid" and (grid.walls or not is_clean):
        if filled < 0.45 or grid.multi < 0.6 or grid.ruled < 0.2:
            return "none"
        small = grid.num_rows * grid.num_columns <= 4 and grid.ruled < 0.8
        if grid.crossed <= 0.12 and grid.walls >= 0.6 and not small and not swallowed:
            return "table"
        return "seen" if grid.crossed <= 0.3 and not small else "none"
    if (
        swallowed
        or (grid.stray > _MAX_STRAY and not is_clean)
        or grid.num_rows * grid.num_columns < 6
        or filled <= 0.4
        or (0 < grid.walls <= 0.5 and not is_clean)
    ):
        return "none"
    if grid.num_rows == 2 and not grid.parted:
        return "none"
    if grid.num_rows < (_FEW_ROWS if kind == "gaps" else 5) and (
        filled < 0.7 or any(cell.rows > 1 and cell.row >= grid.heads for cell in wide)
    ):
        return "none"
    spans = sum(1 < cell.columns < grid.num_columns and cell.row >= grid.heads for cell in wide)
    if not grid.parted and 5 * spans > grid.num_rows:
        return "none"
    if kind == "between":
        return "table" if grid.crossed <= 0.2 and grid.multi >= 0.5 else "none"
    is_regular = grid.crossed <= 0.1 and grid.multi >= 0.6 and filled > 0.5 and grid.aligned >= 0.6
    return "table" if is_regular and grid.num_rows >= 3 else "none"


def _swallows(cell: Cell, kind: Kind) -> bool:
    """Whether a cell over several rows holds more lines than one of them would; within crossing lines a text may, each
    line of which is one run."""
    if cell.rows < 2 or len(cell.lines) <= max(5, 0.5 * cell.rows):
        return False
    return kind != "grid" or max(map(len, cell.lines)) > 1


def judge_cells(cells: Sequence[TableCell], grid: Grid, kind: Kind) -> Verdict:
    """By what stands in the cells of `grid`."""
    num_columns = grid.num_columns
    texts = list(filter(None, map(text_of, cells)))
    has_marks = grid.parted > 0 and _has_marks(cells, num_columns)
    if not has_marks and 2 * list(map(_find_alnum, texts)).count(None) > len(texts):
        return "none"
    if kind == "grid":
        return "table"
    if _are_columns_of_prose(cells, grid):
        return "none"
    is_spanned = len(cells) < grid.num_rows * num_columns
    if is_spanned and any(cell.columns == num_columns and len(cell.text) > _MAX_SPAN for cell in cells):
        return "none"
    # Lines part the rows of no table of contents.
    if grid.parted < 2 and _is_contents(cells, num_columns):
        return "none"
    first = [cell.text for cell in cells if cell.column == 0 and cell.columns == 1 and cell.text]
    if num_columns == 2:
        if 2 * sum(bool(_MARKER.match(text)) for text in first) > len(first):
            return "none"
        second = [cell.text for cell in cells if cell.column == 1 and cell.text]
        numeric = 2 * sum(map(_is_numeric, second)) >= len(second)
        # Without a line below a head there are lists of terms, and code beside its comments.
        if not grid.parted and not numeric and (kind == "gaps" or _sign_share(first + second) > 0.08):
            return "none"
        both = {cell.row for cell in cells if cell.column == 1 and cell.text}
        pairs = sum(cell.column == 0 and cell.columns == 1 and bool(cell.text) and cell.row in both for cell in cells)
        if not numeric and (2 * pairs < grid.num_rows or (not grid.parted and grid.num_rows < 4)):
            return "none"
        late = any(cell.columns == 2 and cell.row == grid.num_rows - 1 for cell in cells)
        if not grid.parted and not numeric and late:
            return "none"
    if 3 * sum(cell.columns == num_columns for cell in cells) > grid.num_rows:
        return "none"
    if not has_marks and 3 * sum(map(_are_letters, texts)) > len(texts):
        return "none"
    if kind == "gaps" and grid.ruled > 0.5:
        return "table"
    if kind == "gaps" and grid.num_rows < _FEW_ROWS and 5 * sum(map(_is_numeric, texts)) < len(texts):
        return "none"
    widths = sorted(len(text) for text in texts)
    if kind == "gaps" and widths[len(widths) // 2] > 28:
        return "none"
    return "table"


def _are_columns_of_prose(cells: Sequence[TableCell], grid: Grid) -> bool:
    """Whether the columns are running text that the file writes one after the other: their lines are long, and many of
    them begin in the middle of a sentence."""
    if grid.num_rows < _LINES:
        return False
    columns: dict[int, list[str]] = {}
    for cell in cells:
        if cell.columns == 1 and cell.text:
            columns.setdefault(cell.column, []).append(cell.text)
    num_prose = 0
    for texts in columns.values():
        num_lower = sum(text[:1].islower() for text in texts)
        length = sorted(map(len, texts))[len(texts) // 2]
        num_prose += len(texts) >= _LINES and length >= _LONG and num_lower >= _LOWER * len(texts)
    if num_prose < max(2, grid.num_columns - 1):
        return False
    written = sorted((run, cell.column) for cell in grid.cells for line in cell.lines for run in line)
    switches = sum(one != other for (_, one), (_, other) in pairwise(written))
    return switches <= max(2 * grid.num_columns, _OUT_OF_TURN * len(written))


def _has_marks(cells: Sequence[TableCell], num_columns: int) -> bool:
    """Whether the signs in `cells` say yes or no below headings and beside names, as in tables of features."""
    signs = [cell for cell in cells if len(cell.text) == 1 and cell.text in _MARKS]
    others = [cell for cell in cells if len(cell.text) > 1 and _find_alnum(cell.text)]
    heads = {cell.column + k for cell in others if cell.row == 0 for k in range(cell.columns)}
    names = {cell.row + k for cell in others if cell.column == 0 for k in range(cell.rows)}
    is_headed = len(heads - {0}) >= num_columns - 1 > 1
    return (
        is_headed and 3 * len(signs) > len(others) and all(cell.row in names and cell.column in heads for cell in signs)
    )


def _are_letters(text: str) -> bool:
    """Whether all words are single letters."""
    words = text.split()
    return max(map(len, words), default=1) == 1 and all(map(str.isalpha, words))


def _is_numeric(text: str) -> bool:
    digits = len(_DIGIT.findall(text))
    return digits > 0 and sum(map(str.isalpha, text)) <= digits + 2


def _sign_share(texts: Sequence[str]) -> float:
    """Of the characters: those that are neither letters, digits nor white space."""
    every = "".join(texts)
    return sum(not (c.isalnum() or c.isspace()) for c in every) / max(len(every), 1)


def _is_contents(cells: Sequence[TableCell], num_columns: int) -> bool:
    """Whether the last column holds page numbers that only grow, beside titles."""
    last = [cell.text for cell in cells if cell.column + cell.columns == num_columns and cell.text]
    pages = [text for text in last if _PAGE.match(text)]
    if len(pages) < max(2, 0.7 * len(last)) or num_columns > 4:
        return False
    numbers = [int(text) for text in pages if text.isdigit()]
    titles = [cell.text for cell in cells if cell.column + cell.columns == num_columns - 1 and cell.text]
    named = sum(any(c.isalpha() for c in text) for text in titles)
    return all(a <= b for a, b in pairwise(numbers)) and 2 * named > len(titles) and len(set(numbers)) > 1
