"""Letters that stand twice in a word, the second one over the first: "TThhee", as fake bold makes of "The".

PDFium leaves out a letter that is drawn again very near to itself; what is set further off, or narrow, stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.pdfium.records import Chars
    from omnipipe.text.words.chars import Words

_NEAR, _AHEAD = 0.7, 0.15
"""Of the letter's width, and of the font size: what stands nearer than both to the same letter is that letter again.
PDFium's widths are not always right; no font is so narrow."""
_MOVED = 0.02
"""Font sizes; nearer than that stand only the letters of one ligature."""
_MAX_PAIRS = 20_000
_SIGNS = frozenset((*range(0x30), *range(0x3A, 0x41), *range(0x5B, 0x61), *range(0x7B, 0xC0), *range(0x2000, 0x3040)))
_IS_SIGN = np.zeros(0x10000, bool)
_IS_SIGN[list(_SIGNS)] = True
_IS_SIGN[0xD800:0xF900] = True
_IS_SIGN[0xFFF0:] = True


def drop_doubled(chars: Chars, words: Words) -> Words:
    """`words` of a page with letters that are drawn over themselves kept once; `num_overdrawn` counts the words.

    Nothing is asked of PDFium but for words that have equal letters side by side more than once, as few have, and for
    all where one of those is found to be doubled. Signs are let be: arrows are made of dashes that overlap.
    """
    units = words.units
    if len(units) != len(words.text):
        return words
    second = (units[1:] == units[:-1]).nonzero()[0] + 1
    second = second[~_IS_SIGN[units[second]]][:_MAX_PAIRS]
    if len(second) < 2:
        return words
    owner = words.first.searchsorted(second, side="right") - 1
    if not np.count_nonzero(owner[1:] == owner[:-1]):
        return words
    inside = (owner >= 0) & (second > words.first[owner]) & (second < words.last[owner])
    second, owner = second[inside], owner[inside]
    again = owner[1:] == owner[:-1]
    if not np.count_nonzero(again):
        return words
    suspects = np.zeros(len(owner), bool)
    suspects[1:] = again
    suspects[:-1] |= again
    if len(_doubled(chars, words, second[suspects], owner[suspects])) < 2:
        return words
    places = _doubled(chars, words, second, owner)
    return _without(words, places, len(np.unique(words.first.searchsorted(places, side="right"))))


def _doubled(chars: Chars, words: Words, second: NDArray[np.intp], owner: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of the letters at `second`, of the words `owner`, that stand on the same letter before them."""
    place = words.char[owner] + (second - words.first[owner])
    # Lines that were put in order have their letters at other places, which are none of their doubles.
    place = np.minimum(np.maximum(place, 1), chars.count - 1)
    both = chars.boxes(np.concatenate((place, place - 1))).tolist()
    boxes, before = both[: len(place)], both[len(place) :]
    size, turn = words.size[owner].tolist(), words.turn[owner].tolist()
    found: list[int] = []
    kept: list[float] = []
    last = -1
    for k, (at, here, first) in enumerate(zip(second.tolist(), boxes, before, strict=True)):
        if at != last + 1:
            kept = first
        last = at
        axis = turn[k] % 2
        along, across = abs(here[axis] - kept[axis]), abs(here[1 - axis] - kept[1 - axis])
        near = min(_NEAR * (here[axis + 2] - here[axis]), _AHEAD * size[k])
        if turn[k] < 4 and max(along, across) > _MOVED * size[k] and along < near and across < _AHEAD * size[k]:
            found.append(at)
        else:
            # Of letters that stand twice in the word itself the second one is compared with its own double.
            kept = here
    return np.array(found, np.intp)


def _without(words: Words, places: NDArray[np.intp], num_words: int) -> Words:
    """`words` without the letters at `places` of the text, none of which is the first of its word."""
    kept = np.ones(len(words.units), bool)
    kept[places] = False
    units = words.units[kept]
    before = np.append(0, kept.cumsum())
    return words._replace(
        text=units.tobytes().decode("utf-16-le", "surrogatepass"),
        units=units,
        first=before[words.first],
        last=before[words.last],
        num_overdrawn=words.num_overdrawn + num_words,
    )
