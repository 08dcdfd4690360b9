"""Heads of old books: a page number, a title and a chapter over the width of the text, with no white below them.

The boxes of OCR reach into each other where lines are set close, so that no white tells a head from its text.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.running.edges import ZONE
from omnipipe.text.running.form import is_bracketed, is_likely_number, num_letters, page_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.running.edges import Cells

_MAX_REACH = 0.13
"""Share of the page's height from its top to the lower side of a head, at most."""

_MAX_SIZE, _LARGE_SIZE, _ALIKE = 1.15, 1.7, 1.3
"""Of the size of running text: titles are larger; of a head whose number is set in the size of its words; and of the
smaller of the two."""

_SAME_ROW = 0.6
"""Of its height: pieces whose middles are less apart stand in one row."""

_GAP, _END = 2.0, 1.5
"""Sizes of running text: white between the parts of a head at least, and from the ends of the text at most."""

_MIDDLE, _GUTTER = 2.0, 3.0
"""The same: how far a title's middle is from that of the text at most, and white between columns at most."""

_WHOLE = 0.9
"""Of the width of the text: its lines are no shorter, but the last ones of paragraphs."""

_MIN_LINES = 8
"""Lines of a page of running text at least."""

_MAX_PARTS, _MIN_LETTERS = 4, 3


def find_close_head(cells: Cells, text_of: Callable[[int], str], em: float) -> tuple[int, ...]:
    """The pieces of the first row from left to right, if it is a head by what stands in it; none otherwise.

    It has its page's number at one end and words of its own at the other or in the middle, and the two rows below are
    lines of running text, each of one piece, or one a column: so neither a table begins here nor a list. A number in
    brackets in the middle is a head by itself. `em` is the size of running text as a share of the page's height.
    """
    middle = (cells.top + cells.bottom) * np.float32(0.5)
    if len(middle) < _MIN_LINES:
        return ()
    rows = _first_rows(middle, cells.bottom - cells.top)
    if len(rows) < 3 or not 1 <= len(rows[0]) <= _MAX_PARTS:
        return ()
    left, right = float(np.quantile(cells.left, 0.2)), float(np.quantile(cells.right, 0.8))
    if not all(_is_text(cells, row, left, right, em) for row in rows[1:]):
        return ()
    if len(rows[0]) == 1:
        (i,) = rows[0]
        is_folio = float(cells.bottom[i]) < ZONE and is_bracketed(text_of(i).strip())
        return (i,) if is_folio and abs(float(cells.left[i] + cells.right[i]) - left - right) < 2 * _MIDDLE * em else ()
    head = sorted(rows[0], key=lambda i: float(cells.left[i]))
    starts, ends = cells.left[head], cells.right[head]
    texts = [text_of(i).strip() for i in head]
    is_placed = (
        float(cells.bottom[head].max()) < _MAX_REACH
        and _is_sized(cells.size[head].tolist(), em)
        and float((starts[1:] - ends[:-1]).min()) > _GAP * em
        and _is_at_ends(starts.tolist(), ends.tolist(), (left, right), em, is_last=bool(page_number(texts[-1])))
    )
    return tuple(head) if is_placed and _is_worded(texts) else ()


def _is_text(cells: Cells, row: list[int], left: float, right: float, em: float) -> bool:
    """Whether a row is a line of running text, or one of each of two columns."""
    parts: list[list[float]] = []
    for start, end in sorted(zip(cells.left[row].tolist(), cells.right[row].tolist(), strict=True)):
        if parts and start < parts[-1][1]:
            parts[-1][1] = max(end, parts[-1][1])
        else:
            parts.append([start, end])
    if len(parts) == 1:
        return bool(len(row) == 1 and parts[0][1] - parts[0][0] >= _WHOLE * (right - left))
    is_whole = abs(parts[0][0] - left) < _END * em and abs(parts[-1][1] - right) < _END * em
    # The columns are alike: their gutter is in the middle.
    white = parts[1][0] - parts[0][1]
    is_even = abs(parts[0][1] + parts[1][0] - left - right) < 2 * _END * em
    return len(parts) == 2 and is_whole and is_even and white < _GUTTER * em


def _is_sized(sizes: list[float], em: float) -> bool:
    """Whether the parts of a head are as small as text, or alike: numbers of pages are set in the size of the head."""
    return statistics.median(sizes) < _MAX_SIZE * em or (
        max(sizes) < _LARGE_SIZE * em and max(sizes) < _ALIKE * min(sizes)
    )


def _is_at_ends(starts: list[float], ends: list[float], span: tuple[float, float], em: float, *, is_last: bool) -> bool:
    """Whether the parts of a head reach from one end of the text to the other, or two of them from its page's number
    at one end (`is_last`: the right one) to a title in the middle."""
    is_left, is_right = abs(starts[0] - span[0]) < _END * em, abs(ends[-1] - span[1]) < _END * em
    if is_left and is_right:
        return True
    title = 0 if is_last else -1
    is_central = abs(starts[title] + ends[title] - sum(span)) < 2 * _MIDDLE * em
    return len(starts) == 2 and is_central and (is_right if is_last else is_left)


def _first_rows(middle: NDArray[np.float32], height: NDArray[np.float32]) -> list[list[int]]:
    """The first three rows from the top."""
    rows: list[list[int]] = []
    for i in middle.argsort(kind="stable").tolist():
        if rows and middle[i] - middle[rows[-1][0]] < _SAME_ROW * min(height[i], height[rows[-1][0]]):
            rows[-1].append(i)
        elif len(rows) == 3:
            break
        else:
            rows.append([i])
    return rows


def _is_worded(texts: list[str]) -> bool:
    """Whether a page number is at one end of a row, and words are all the rest."""
    numbers = [bool(page_number(text)) and is_likely_number(text) for text in texts]
    if sum(numbers) != 1 or not (numbers[0] or numbers[-1]):
        return False
    return all(
        num_letters(text) >= _MIN_LETTERS for text, is_number in zip(texts, numbers, strict=True) if not is_number
    )
