"""Tables that a layout model did not see: rows of cells that stand below one another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from omnipipe.tasks.layout_extraction.pieces import Piece, rows_of
from omnipipe.tasks.ocr_extraction.entries import is_entry

_LEAST = 3
"""Rows of as many cells that such a table has at least: two of either may be anything, as addresses side by side."""
_PITCH = 3.0
"""Heights of a line from one row to the next at most."""
_LETTER = re.compile(r"[^\W_]")


def find_aligned(pieces: Sequence[Piece], is_free: Sequence[bool]) -> list[list[int]]:
    """Indices of lines that may be tables: paragraphs one after another, each a single row of cells.

    Only of lines that are free: that nothing else has claimed. Lines of columns of text stand beside one another as
    well, but in paragraphs of their own. OCR may have read two cells of a row as one.
    """
    found: list[list[int]] = []
    last: Piece | None = None
    for row in _rows(pieces):
        piece = pieces[row[0]]
        if not all(is_free[index] for index in row) or not _is_row([pieces[index] for index in row]):
            last = None
            continue
        if last is None or not 0 < piece.box[1] - last.box[1] < _PITCH * last.height:
            found.append([])
        found[-1] += row
        last = piece
    return [run for run in found if _has_columns([pieces[index] for index in run])]


def _has_columns(own: Sequence[Piece]) -> bool:
    return sum(len(row) >= _LEAST for row in rows_of(own)) >= _LEAST


def _rows(pieces: Sequence[Piece]) -> Iterator[list[int]]:
    for _, own in groupby(range(len(pieces)), key=lambda index: pieces[index].paragraph):
        yield [*own]


def _is_row(own: Sequence[Piece]) -> bool:
    """Whether a paragraph is cells side by side, each with a letter or a number, and no entry of a list."""
    if len(own) < 2 or len(rows_of(own)) > 1 or any(is_entry(piece.text) for piece in own):
        return False
    return all(_LETTER.search(piece.text) for piece in own)
