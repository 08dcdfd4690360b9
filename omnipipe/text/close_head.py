"""Heads of old books: a page number, a title and a chapter over the width of the text, with no white below them.

The boxes of OCR reach into each other where lines are set close, so that no white tells a head from its text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.running_form import is_likely_number, num_letters, page_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.edges import Cells

_MAX_REACH = 0.13
"""Share of the page's height from its top to the lower side of a head, at most."""

_MAX_SIZE = 1.15
"""Of the size of running text: titles are larger."""

_SAME_ROW = 0.6
"""Of its height: pieces whose middles are less apart stand in one row."""

_GAP, _END = 2.0, 1.5
"""Sizes of running text: white between the parts of a head at least, and from the ends of the text at most."""

_WHOLE = 0.9
"""Of the width of the text: its lines are no shorter, but the last ones of paragraphs."""

_MIN_LINES = 8
"""Lines of a page of running text at least."""

_MAX_PARTS, _MIN_LETTERS = 4, 3


def find_close_head(cells: Cells, text_of: Callable[[int], str], em: float) -> tuple[int, ...]:
    """The pieces of the first row from left to right, if it is a head by what stands in it; none otherwise.

    It has its page's number at one end and words of its own at the other, and the two rows below are lines of running
    text, each of one piece: so neither a table begins here nor a list. `em` is the size of running text as a share of
    the page's height.
    """
    middle = (cells.top + cells.bottom) * np.float32(0.5)
    if len(middle) < _MIN_LINES:
        return ()
    rows = _first_rows(middle, cells.bottom - cells.top)
    if len(rows) < 3 or any(len(row) > 1 for row in rows[1:]) or not 2 <= len(rows[0]) <= _MAX_PARTS:
        return ()
    left, right = float(np.quantile(cells.left, 0.2)), float(np.quantile(cells.right, 0.8))
    if any(cells.right[i] - cells.left[i] < _WHOLE * (right - left) for (i,) in rows[1:]):
        return ()
    head = sorted(rows[0], key=lambda i: float(cells.left[i]))
    starts, ends = cells.left[head], cells.right[head]
    is_placed = (
        float(cells.bottom[head].max()) < _MAX_REACH
        and float(np.median(cells.size[head])) < _MAX_SIZE * em
        and float((starts[1:] - ends[:-1]).min()) > _GAP * em
        and abs(float(starts[0]) - left) < _END * em
        and abs(float(ends[-1]) - right) < _END * em
    )
    return tuple(head) if is_placed and _is_worded([text_of(i).strip() for i in head]) else ()


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
