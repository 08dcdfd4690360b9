"""Rows that stand below each other between the same two lines of a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.tables.rows import Band

_GOES_ON = re.compile(r"[^\W\dA-ZÀ-Þ]|[,;:.)\]&/–-]")
_BREAKS_OFF = re.compile(r"[,;&/\u2010\ufffe\xad–-]$|[^\W\d] [a-zà-ÿ]{1,3}$")
_LEAST = 4
"""Cells that would all have to break in the same lines by chance."""


def are_stacked(slabs: Sequence[Sequence[Band]], strings: Sequence[str]) -> bool:
    """Whether the lines of text between two lines across are rows, not lines of cells that wrap: `slabs` are those of
    each space below the head, `strings` the text of each run.

    In each space all columns have equally many lines, but for labels at the left with one, and each line starts anew:
    not in small letters, unless its column does so throughout and is not the first.
    """
    many = [bands for bands in slabs if len(bands) > 1]
    if not many:
        return False
    every = [band.columns for bands in many for band in bands]
    columns = set.intersection(*every)
    labels = set.union(*every) - columns
    if len(columns) < 2 or len(labels) >= len(columns) or (labels and max(labels) > min(columns)):
        return False
    if len(columns) < 3 and max(map(len, many)) < 3:
        return False
    if sum(len(bands) - 1 for bands in many) * (len(columns) - 1) < _LEAST:
        return False
    return all(_has_rows(bands, columns, strings) for bands in many)


def _has_rows(bands: Sequence[Band], columns: set[int], strings: Sequence[str]) -> bool:
    if sum(band.columns > columns for band in bands) > 1:
        return False
    if any(len(band.spans) != len(band.columns) for band in bands):
        return False
    cells = [{first: strings[run].strip() for run, (first, _) in band.spans.items()} for band in bands]
    # Two texts in one column may stand beside one over two columns.
    if any(row.keys() != band.columns for row, band in zip(cells, bands, strict=True)):
        return False
    for column in columns:
        first, *others = (row[column] for row in cells)
        may_be_small = column > min(columns) and bool(_GOES_ON.match(first))
        if not may_be_small and any(map(_GOES_ON.match, others)):
            return False
        if any(map(_BREAKS_OFF.search, [first, *others[:-1]])):
            return False
    return True
