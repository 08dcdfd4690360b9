"""Catchwords: the first word of the next page, alone below the last line of a page of an old book, at its right end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.running.form import num_letters

if TYPE_CHECKING:
    from omnipipe.text.running.edges import Cells

_MIN_LINES = 8
"""Whole lines of a page at least, and of those beside the catchword's."""

_WHOLE, _SHORT = 0.85, 0.35
"""Of the width of the lines: whole ones are no shorter, catchwords no longer."""

_SAME_END, _FAR_IN = 0.9, 0.6
"""Sizes of text from the end of the lines at most, and share of their width left of a catchword at least."""

_JUSTIFIED = 0.7
"""Of the whole lines: those that end where the last one does. Letters and verses end anywhere."""

_GAP = 1.3
"""Heights of the line above that are white over a catchword at most."""

_LOWEST, _EDGE = 0.55, 0.975
"""Shares of the page's height: above the first none is looked for, below the second nothing counts."""

_MAX_WORDS, _MAX_CHARS, _MIN_LETTERS, _MAX_MARK = 2, 16, 2, 5

_ENDS = "!?:;\u201d\u201c\"'»«)]"
"""What ends a sentence: below it a word at the right may be a name."""


_HYPHENS = "-=\u2010\u2e17\u00ac"


def find_catchword(cells: Cells, text_of: Callable[[int], str], em: float) -> tuple[int, ...]:
    """The piece that is a catchword, with marks of the sheet in its row (A 2, *2); none where there is none.

    Nothing stands below it, and the line above it is a whole line of justified text that goes on: it ends in a hyphen
    or before a small letter. A paragraph's last word stands at the left end, and names below letters have capitals.
    `em` is the size of running text in the units of `cells`.
    """
    width = cells.right - cells.left
    if len(width) <= _MIN_LINES:
        return ()
    last = cells.bottom.argsort()[::-1][:6].tolist()
    for word in last:
        text = text_of(word).strip()
        if cells.bottom[word] < _LOWEST:
            return ()
        if not _is_word(text):
            continue
        above = _above(cells, word)
        if above is None or not _goes_on(text_of(above).rstrip(), text):
            continue
        beside = (abs(cells.left - cells.left[above]) < 2 * em) & (width > _WHOLE * width[above])
        beside &= cells.bottom <= cells.bottom[above] + 0.5 * em
        ends = abs(cells.right[beside] - cells.right[above]) < 1.5 * em
        if np.count_nonzero(beside) < _MIN_LINES or np.count_nonzero(ends) < _JUSTIFIED * len(ends):
            continue
        if _is_placed(cells, word, above, em):
            return word, *_marks(cells, word, above, text_of)
    return ()


def _goes_on(line: str, word: str) -> bool:
    """Whether a sentence goes on from a line to a word; hyphens are read as full stops where they are worn."""
    return (word[0].islower() and line[-1:] not in _ENDS) or line[-1:] in _HYPHENS


def _is_word(text: str) -> bool:
    return len(text) <= _MAX_CHARS and len(text.split()) <= _MAX_WORDS and num_letters(text) >= _MIN_LETTERS


def _above(cells: Cells, word: int) -> int | None:
    """The line right above a piece, where nothing stands below it; None where something does, or a shorter line is
    between."""
    height = cells.bottom[word] - cells.top[word]
    middle = (cells.top + cells.bottom) / 2
    over = (middle < middle[word] - 0.4 * height) & (cells.left < cells.right[word])
    near = cells.right > cells.left[word]
    above = (over & near).nonzero()[0]
    if not len(above):
        return None
    line = int(above[middle[above].argmax()])
    # What a library printed at the very edge of its picture is none of the page.
    below = (middle > middle[word] + 0.6 * height) & (cells.bottom < _EDGE)
    below &= (cells.right > cells.left[line]) & (cells.left < cells.right[line])
    between = over & ~near & (middle > middle[line] + 0.6 * height) & (cells.right > cells.left[line])
    return None if np.count_nonzero(between | below) else line


def _is_placed(cells: Cells, word: int, above: int, em: float) -> bool:
    """Whether a piece is short and at the right end of the line above it, close below."""
    start, end = float(cells.left[above]), float(cells.right[above])
    left, right = float(cells.left[word]), float(cells.right[word])
    white = float(cells.top[word] - cells.bottom[above])
    return (
        right - left < _SHORT * (end - start)
        and abs(right - end) < _SAME_END * em + 0.02 * (end - start)
        and left > start + _FAR_IN * (end - start)
        and white < _GAP * float(cells.bottom[above] - cells.top[above])
    )


def _marks(cells: Cells, word: int, above: int, text_of: Callable[[int], str]) -> list[int]:
    """Marks of the sheet left of a catchword in its row: a letter, a number or a star."""
    middle = (cells.top + cells.bottom) / 2
    height = cells.bottom[word] - cells.top[word]
    row = (abs(middle - middle[word]) < 0.6 * height) & (cells.right <= cells.left[word])
    row &= cells.left >= cells.left[above] - height
    return [i for i in row.nonzero()[0].tolist() if len(text_of(i).strip()) <= _MAX_MARK]
