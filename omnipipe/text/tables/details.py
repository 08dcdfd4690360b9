"""Lines below the rows of a list of items that say more of one cell: they belong to the row above them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.tables.rows import Band

_VALUE = re.compile(r"(?!\(\d{1,3}\)$)[^A-Za-z]*\d[^A-Za-z]*(?:[^\W\d_]{1,4}\.?)?$")
_LEAST = 3
"""Rows of items."""
_FAR = 1.0
"""Font sizes of white above a line that says more."""


def with_details(bands: list[Band], strings: Sequence[str], em: float) -> list[Band]:
    """`bands`, rows and lines of a table from top to bottom, with lines of one cell made part of the row above.

    So in a list of items, each with a first cell (a number, a date) and a value in its last column, where all such
    lines stand in one column between them: what has no first cell is no row there. `strings` are the texts of runs.
    """
    lone = [band for band in bands if len(band.columns) == 1]
    if not lone or len(bands) - len(lone) < _LEAST:
        return bands
    last = max(max(band.columns) for band in bands)
    rows = [band for band in bands if last in band.columns and len(band.columns) > 2]
    items = [band for band in rows if _is_item(band, last, strings)]
    if len(items) < _LEAST or len(rows) > len(items) + 1 or len(bands) > len(rows) + len(lone):
        return bands
    column = min(lone[0].columns)
    if not 0 < column < last or any(column not in band.columns for band in [*items, *lone]):
        return bands
    if any(_VALUE.match(strings[run]) for band in lone for run in band.spans):
        return bands
    out: list[Band] = []
    for i, band in enumerate(bands):
        if len(band.columns) > 1:
            out.append(band)
            continue
        # It stands nearer to the row above it, or as near as to the next one.
        above = band.top - bands[i - 1].bottom if i else em * _FAR + 1
        below = bands[i + 1].top - band.bottom if i + 1 < len(bands) else above
        if above > min(_FAR * em, below + 0.1 * em):
            return bands
        out.append(band)
    return _joined(out)


def _joined(bands: list[Band]) -> list[Band]:
    out: list[Band] = []
    for band in bands:
        if len(band.columns) > 1:
            out.append(band)
        else:
            out[-1].add(band)
    return out


def _is_item(band: Band, last: int, strings: Sequence[str]) -> bool:
    """Whether `band` has a first cell, and a value in the `last` column."""
    ends = [strings[run] for run, (_, column) in band.spans.items() if column == last]
    return 0 in band.columns and bool(ends) and bool(_VALUE.match(ends[-1].strip()))
