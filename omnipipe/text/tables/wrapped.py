"""The rows of a table whose cells hold sentences of several lines, and which no lines part."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.tables.rows import Band

_HYPHENS = ("-", "\u00ad", "\ufffe")
_LEAST = 4
"""Lines that show how a table is set."""
_WORDY, _LOWER = 0.5, 0.3
"""Of the texts right of the first column: those of three words and more, and those that begin in a small letter, in a
table of sentences."""
_LINE, _ROW = 1.1, 1.25
"""Of the least distance between lines: that of lines of one cell at most, and of rows at least."""


def with_wrapped(bands: list[Band], strings: Sequence[str], left: Sequence[float]) -> list[Band] | None:
    """The lines of text `bands` joined to rows, by the white between rows or by how their cells begin; None where the
    cells are no sentences, or do not tell. `strings` are the texts of runs, which start at `left`."""
    if len(bands) < _LEAST:
        return None
    cells = [_by_column(band, strings, left) for band in bands]
    later = [text for line in cells for column, text in line.items() if column > 0]
    num_wordy, num_lower = sum(text.count(" ") > 1 for text in later), sum(text[:1].islower() for text in later)
    if num_wordy < _WORDY * len(later) or num_lower < _LOWER * len(later):
        return None
    starts = _by_white(bands) or _by_words(cells)
    if len(starts) < 2 or not all(0 in cells[k] for k in starts):
        return None
    rows = []
    for start, end in pairwise([*starts, len(bands)]):
        # The cells of a row begin on its first line.
        if any(line.keys() - cells[start].keys() for line in cells[start + 1 : end]):
            return None
        rows.append(bands[start])
        for band in bands[start + 1 : end]:
            rows[-1].add(band)
    return rows


def _by_column(band: Band, strings: Sequence[str], left: Sequence[float]) -> dict[int, str]:
    """The text of a line in each column."""
    found: dict[int, str] = {}
    for run in sorted(band.spans, key=left.__getitem__):
        column = band.spans[run][0]
        found[column] = f"{found[column]} {strings[run]}" if column in found else strings[run]
    return found


def _by_white(bands: list[Band]) -> list[int]:
    """The lines with more white above them than there is between others; none where all stand alike."""
    steps = [below.bottom - above.bottom for above, below in pairwise(bands)]
    least = min(steps)
    if any(_LINE * least < step < _ROW * least for step in steps):
        return []
    starts = [k for k, step in enumerate(steps, 1) if step >= _ROW * least]
    return [0, *starts] if starts else []


def _by_words(cells: list[dict[int, str]]) -> list[int]:
    """The lines all of whose cells begin as sentences do; none where lines that may open a row begin otherwise."""
    num_columns = max(map(len, cells))
    starts = [0]
    for k, (above, line) in enumerate(pairwise(cells), 1):
        num_lower = sum(text[:1].islower() for text in line.values())
        # A line may have as many cells as any, and none in the first column.
        is_whole = 0 in line and len(line) == num_columns and not above.get(0, "").endswith(_HYPHENS)
        if is_whole and not num_lower:
            starts.append(k)
        elif is_whole and not line[0][:1].islower() and 0 not in above:
            return []
    return starts
