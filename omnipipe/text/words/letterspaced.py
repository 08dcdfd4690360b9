"""Words whose letters are set apart, as titles in capitals are: "A B S T R A C T" for "ABSTRACT".

PDFium takes the white between such letters for spaces. White between words is wider than that between letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.words.spread import are_made, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from omnipipe.text.pdfium.records import Chars
    from omnipipe.text.words.chars import Words

_LEAST_LETTERS = 6
_SHORT = 2
"""Letters of what PDFium leaves together, at most."""
_ALONE = 0.7
"""Of the words of a run: those of one letter."""
_NARROW, _WIDE = 0.08, 0.5
"""Font sizes between letters: columns of single letters stand further apart."""
_WORDS = 1.5
"""Of the usual white between letters: more is between words."""
_EVEN = 0.6
"""Of the usual white: no less is between letters, as far as capitals lean over each other."""


def join_letterspaced(chars: Chars, words: Words) -> Words:
    """`words` of a page, those whose letters are set apart in one."""
    if len(words.spread) or len(words.units) != len(words.text):
        return words
    length = words.last - words.first
    short = (length <= _SHORT) & (words.turn == 0)
    goes_on = short[1:] & short[:-1] & (words.line[1:] == words.line[:-1])
    goes_on &= np.abs(words.size[1:] - words.size[:-1]) < 0.05 * words.size[1:]
    if np.count_nonzero(goes_on) < _LEAST_LETTERS - 1:
        return words
    parts = np.zeros(len(length), bool)
    for start, end in _runs(goes_on):
        if np.count_nonzero(length[start:end] == 1) >= _ALONE * (end - start):
            parts[start + 1 : end] = _go_on(words, start, end)
    if not np.count_nonzero(parts):
        return words
    parts[parts] = are_made(chars, words, parts.nonzero()[0])
    return joined(words, parts, np.zeros(len(parts), np.float32)) if np.count_nonzero(parts) else words


def _runs(goes_on: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """The first words of runs of short words, and those after their ends."""
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], goes_on, [False])))).reshape(-1, 2)
    for start, end in bounds.tolist():
        if end - start >= _LEAST_LETTERS - 1:
            yield start, end + 1


def _go_on(words: Words, start: int, end: int) -> NDArray[np.bool_]:
    """Which words of a run but the first go on with the one before; none where they stand otherwise than letters that
    are set apart."""
    none = np.zeros(end - start - 1, bool)
    text = words.text[words.first[start] : words.last[end - 1]].replace(" ", "")
    if not text.isalpha() or len({*text}) < 4 or list(text) == sorted(text):
        return none
    white = (words.box[start + 1 : end, 0] - words.box[start : end - 1, 2]) / words.size[start]
    usual = float(np.median(white))
    if not _NARROW < usual < _WIDE:
        return none
    found: NDArray[np.bool_] = white < _WORDS * usual
    return found if 2 * np.count_nonzero(found) > len(found) and float(white.min()) > _EVEN * usual else none
