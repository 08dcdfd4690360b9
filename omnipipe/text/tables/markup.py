"""A table's cells as a markdown pipe table or as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from operator import attrgetter
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


text_of = attrgetter("text")
"""The text of a `TableCell`."""


def to_html(cells: Sequence[TableCell], num_rows: int, heads: int) -> str:
    """`cells`, sorted by row and column, as one `<table>`; the first `heads` rows are its head."""
    texts = list(map(text_of, cells))
    whole = "".join(texts)
    if "&" in whole or "<" in whole or ">" in whole:
        # In one go: each text for itself takes as long as all of the rest.
        texts = _escaped("\0".join(texts)).split("\0") if "\0" not in whole else list(map(_escaped, texts))
    rows = _by_row(cells, texts, num_rows)
    if rows is None:
        lines = _with_spans(cells, texts, num_rows, heads)
    else:
        lines = [f"<tr><th>{'</th><th>'.join(row)}</th></tr>" for row in rows[:heads]]
        lines += [f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows[heads:]]
    head = ["<thead>", *lines[:heads], "</thead>"] if heads else []
    return "\n".join(["<table>", *head, "<tbody>", *lines[heads:], "</tbody>", "</table>"])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _with_spans(cells: Sequence[TableCell], texts: Sequence[str], num_rows: int, heads: int) -> list[str]:
    rows: list[list[str]] = [[] for _ in range(num_rows)]
    for (row, _, spanned_rows, spanned_columns, _), text in zip(cells, texts, strict=True):
        tag = "th" if row < heads else "td"
        spans = f' rowspan="{spanned_rows}"' if spanned_rows > 1 else ""
        spans += f' colspan="{spanned_columns}"' if spanned_columns > 1 else ""
        rows[row].append(f"<{tag}{spans}>{text}</{tag}>")
    return [f"<tr>{''.join(row)}</tr>" for row in rows]


def to_pipes(cells: Sequence[TableCell], num_rows: int, num_columns: int) -> str | None:
    """`cells`, sorted by row and column, as a markdown pipe table, whose first row is its head; None where a cell spans
    rows or columns."""
    texts = list(map(text_of, cells))
    rows = _by_row(cells, texts, num_rows)
    if rows is None and any(cell.rows > 1 or cell.columns > 1 for cell in cells):
        return None
    whole = "".join(texts)
    if "|" in whole or "\n" in whole:
        texts = [text.replace("|", "\\|").replace("\n", " ") for text in texts]
        rows = _by_row(cells, texts, num_rows)
    if rows is None or len(rows[0]) != num_columns:
        rows = [[""] * num_columns for _ in range(num_rows)]
        for cell, text in zip(cells, texts, strict=True):
            rows[cell.row][cell.column] = text
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * num_columns, *lines[1:]])


def _by_row(cells: Sequence[TableCell], texts: list[str], num_rows: int) -> list[list[str]] | None:
    """`texts` of `cells` row by row; None where not each place of a grid is a cell of its own."""
    num = len(cells) // max(num_rows, 1)
    if not num or num * num_rows != len(cells):
        return None
    _, columns, spanned_rows, spanned_columns, _ = zip(*cells, strict=True)
    if max(columns) != num - 1 or max(spanned_rows) > 1 or max(spanned_columns) > 1:
        return None
    return [texts[k : k + num] for k in range(0, len(texts), num)]


def row_counts(html: str) -> list[tuple[int, int]]:
    """For each row of a table how many cells it has, and how many of them have text."""
    rows = [_CELL.findall(row) for row in html.split("\n") if row.startswith("<tr>")]
    return [(len(row), sum(map(bool, row))) for row in rows]


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
