"""Tables from cells, as HTML and as words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Cell(NamedTuple):
    """One cell; spans count rows and columns, 1 is the cell alone."""

    text: str
    row_span: int = 1
    col_span: int = 1
    is_header: bool = False


def table_html(rows: Sequence[Sequence[Cell]]) -> str:
    """`rows` as an HTML table."""
    lines = ("".join(_cell_html(cell) for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def table_text(rows: Sequence[Sequence[Cell]]) -> str:
    """The words of `rows`: a line a row, a tab between cells."""
    return "\n".join("\t".join(cell.text for cell in row) for row in rows)


def _cell_html(cell: Cell) -> str:
    tag = "th" if cell.is_header else "td"
    rows = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    columns = f' colspan="{cell.col_span}"' if cell.col_span > 1 else ""
    return f"<{tag}{rows}{columns}>{escape(cell.text, quote=False)}</{tag}>"
