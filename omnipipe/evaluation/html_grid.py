"""HTML tables as grids, with the bench's own idea of spans and headings.

That idea is generous: in a row, cells after one with `colspan` move left into its place; a heading that spans columns
stands over every column from its first on; a row's headings are all cells of the columns that have a `th` anywhere. It
is kept, because verdicts are compared with those that others publish.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from omnipipe.evaluation.grid import Grid, padded
from omnipipe.evaluation.html_tree import Element, parse_html
from omnipipe.evaluation.normal import normalise

# The limits of the HTML standard for one cell, and one of ours for all spans of a table.
_MOST_COLUMNS = 1000
_MOST_ROWS = 65534
_MOST_SPANNED = 200_000


def html_tables(text: str) -> list[Grid]:
    """Every `<table>` in `text`, nested ones too; attributes that are no numbers span one cell."""
    if "<table" not in text.lower():
        return []
    grids = (_TableReader(table).grid() for table in parse_html(text).find_all("table"))
    return [grid for grid in grids if grid is not None]


class _TableReader:
    def __init__(self, table: Element) -> None:
        self._elements = list(table.find_all("tr"))
        self._rows: list[list[str]] = []
        self._spanned: dict[tuple[int, int], str] = {}
        self._header_rows = self._in_head(table)
        self._header_columns: set[int] = set()
        self._column_headings: defaultdict[int, dict[str, None]] = defaultdict(dict)
        self._row_headings: defaultdict[int, dict[str, None]] = defaultdict(dict)
        self._wide: dict[str, int] = {}
        self._tall: defaultdict[str, set[int]] = defaultdict(set)

    def grid(self) -> Grid | None:
        if not self._elements:
            return None
        for number, element in enumerate(self._elements):
            self._read_row(number, element)
        rows = padded(self._rows)
        if not rows:
            return None
        self._spread_headings()
        return Grid(
            rows=rows,
            header_rows=frozenset(self._header_rows),
            header_columns=frozenset(self._header_columns),
            column_headings=_normalised(self._column_headings),
            row_headings=_normalised(self._row_headings),
        )

    def _in_head(self, table: Element) -> set[int]:
        head = next(table.find_all("thead"), None)
        inside = {id(row) for row in head.find_all("tr")} if head is not None else set()
        return {number for number, row in enumerate(self._elements) if id(row) in inside}

    def _read_row(self, number: int, element: Element) -> None:
        texts: list[str] = []
        column = 0
        for cell in element.find_all("th", "td"):
            while (number, column) in self._spanned:
                texts.append(self._spanned[number, column])
                column += 1
            text = cell.text().strip()
            texts.append(text)
            columns = cell.number("colspan", _MOST_COLUMNS)
            rows = min(cell.number("rowspan", _MOST_ROWS), len(self._elements) - number)
            self._span(number, column, rows, columns, text)
            if cell.name == "th":
                self._header_rows.update(range(number, number + rows))
                self._note_heading(number, column, rows, columns, text)
            elif column in self._header_columns:
                for below in range(number + 1, number + rows):
                    self._row_headings[below][text] = None
            column += columns
        self._rows.append(texts)

    def _span(self, number: int, column: int, rows: int, columns: int, text: str) -> None:
        if len(self._spanned) + rows * columns > _MOST_SPANNED:
            return
        for below in range(rows):
            for right in range(columns):
                if below or right:
                    self._spanned[number + below, column + right] = text if right == 0 else ""

    def _note_heading(self, number: int, column: int, rows: int, columns: int, text: str) -> None:
        self._header_columns.update(range(column, column + columns))
        for covered in range(column, column + columns):
            self._column_headings[covered][text] = None
        if text and columns > 1:
            self._wide[text] = min(column, self._wide.get(text, column))
        if text and rows > 1:
            self._tall[text].update(range(number, number + rows))

    def _spread_headings(self) -> None:
        widest = max((len(row) for at, row in enumerate(self._rows) if at not in self._header_rows), default=0)
        for text, first in self._wide.items():
            for column in range(first, widest):
                self._column_headings[column][text] = None
        for text, numbers in self._tall.items():
            for number in numbers:
                self._row_headings[number][text] = None
        for column in self._header_columns:
            for number, row in enumerate(self._rows):
                if column < len(row) and row[column].strip():
                    self._row_headings[number][row[column]] = None


def _normalised(headings: Mapping[int, Iterable[str]]) -> dict[int, tuple[str, ...]]:
    return {place: tuple(map(normalise, texts)) for place, texts in headings.items()}
