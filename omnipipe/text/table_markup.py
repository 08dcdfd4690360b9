"""A table's cells as a markdown pipe table or as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

_CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
_BAR = re.compile(r"(?<!\\) \| ")
_RULE = re.compile(r"\|(?: --- \|)+")


class TableCell(NamedTuple):
    """A cell of a table: its first row and column, how many it spans, its text."""

    row: int
    column: int
    rows: int
    columns: int
    text: str


def to_html(cells: Sequence[TableCell], num_rows: int, heads: int) -> str:
    """`cells`, sorted by row and column, as one `<table>`; the first `heads` rows are its head."""
    rows: list[list[str]] = [[] for _ in range(num_rows)]
    for row, _, spanned_rows, spanned_columns, text in cells:
        tag = "th" if row < heads else "td"
        spans = f' rowspan="{spanned_rows}"' if spanned_rows > 1 else ""
        spans += f' colspan="{spanned_columns}"' if spanned_columns > 1 else ""
        if "&" in text or "<" in text or ">" in text:
            text = html.escape(text, quote=False)
        rows[row].append(f"<{tag}{spans}>{text}</{tag}>")
    lines = [f"<tr>{''.join(row)}</tr>" for row in rows]
    head = ["<thead>", *lines[:heads], "</thead>"] if heads else []
    return "\n".join(["<table>", *head, "<tbody>", *lines[heads:], "</tbody>", "</table>"])


def to_pipes(cells: Sequence[TableCell], num_rows: int, num_columns: int) -> str | None:
    """`cells` as a markdown pipe table, whose first row is its head; None where a cell spans rows or columns."""
    grid = [[""] * num_columns for _ in range(num_rows)]
    for row, column, spanned_rows, spanned_columns, text in cells:
        if spanned_rows > 1 or spanned_columns > 1:
            return None
        grid[row][column] = text.replace("|", "\\|").replace("\n", " ")
    lines = ["| " + " | ".join(row) + " |" for row in grid]
    return "\n".join([lines[0], "|" + " --- |" * num_columns, *lines[1:]])


def to_plain(text: str) -> str:
    """A table as `to_html` or `to_pipes` writes it in plain lines, cells parted by tabs; other texts as they are."""
    if text.startswith("<table>\n"):
        rows = [_CELL.findall(row) for row in text.split("\n") if row.startswith("<tr>")]
        return "\n".join("\t".join(html.unescape(cell) for cell in row) for row in rows)
    lines = text.split("\n")
    if text.startswith("| ") and len(lines) > 1 and _RULE.fullmatch(lines[1]):
        rows = [_BAR.split(line[2:-2]) for k, line in enumerate(lines) if k != 1]
        return "\n".join("\t".join(cell.replace("\\|", "|") for cell in row) for row in rows)
    return text
