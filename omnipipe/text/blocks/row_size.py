"""The size that most of a line is set in, and where most of it stands, whatever formula stands among its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.blocks.flow import is_full

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.blocks.rows import Row
    from omnipipe.text.words.chars import Words

_ALIKE = 0.06
"""Of a size: sizes of one paragraph differ less."""

_FAR, _HIGH = 1.3, 1.8
"""Font sizes from line to line from which it matters, and from which a line is higher than its words."""

_LEAST_WORDS = 4
_LEFT = 0.5
"""Font sizes; lines of a paragraph start as near to each other."""


def goes_on_in_size(previous: Row, row: Row, edge: float, words: Words) -> bool:
    """Whether `row` may go on from `previous`, a full line, though its size on average is another: fractions and
    raised signs of a formula, or a sign of another font, make a difference."""
    if not is_full(previous, edge, previous.left) or abs(row.left - previous.left) > _LEFT * previous.size:
        return False
    if previous.gaps or row.gaps or min(previous.text.count(" "), row.text.count(" ")) < _LEAST_WORDS:
        return False
    one, other = _usual_size(previous, words), _usual_size(row, words)
    return abs(one - other) < _ALIKE * one


def pitch_of(previous: Row, row: Row, words: Words) -> float:
    """The points from line to line. Signs in fonts of formulas have boxes of several lines: what most words say counts
    where a line is that high."""
    pitch = row.bottom - previous.bottom
    if pitch < _FAR * row.size or row.bottom - row.top < _HIGH * row.size:
        return pitch
    one, other = _words_of(previous, words), _words_of(row, words)
    if np.count_nonzero(words.turn[one]) or np.count_nonzero(words.turn[other]):
        return pitch
    return min(pitch, float(np.median(words.box[one, 1]) - np.median(words.box[other, 1])))


def _words_of(row: Row, words: Words) -> NDArray[np.intp]:
    """The words of a row, one at least; texts with odd signs have more parts than there are words."""
    num = len(words.size)
    found = [np.arange(word, min(word + max(count, 1), num)) for word, count in row.spans]
    return np.concatenate(found)


def _usual_size(row: Row, words: Words) -> float:
    """The size of the middle character of a row, if they stood by size."""
    which = _words_of(row, words)
    size, weight = words.size[which], (words.last - words.first)[which]
    order = size.argsort()
    total = weight[order].cumsum()
    return float(size[order[np.searchsorted(total, total[-1] / 2)]])
