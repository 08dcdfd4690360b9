"""Accents that stand over or under a letter as characters of their own, joined with it.

TeX's old fonts have no accented letters: an accent is drawn, then its letter under it, or the other way round. PDFium
puts it after other letters of its word, and, where it is raised over a capital, at the end of the line or on a line of
its own.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.intp]

MARKS = {
    "¨": "\u0308",
    "ˆ": "\u0302",
    "˜": "\u0303",
    "ˇ": "\u030c",
    "˘": "\u0306",
    "¯": "\u0304",
    "˙": "\u0307",
    "˚": "\u030a",
    "˝": "\u030b",
    "´": "\u0301",
    "`": "\u0300",
    "¸": "\u0327",
    "˛": "\u0328",
}
"""Combining characters, by the signs that fonts draw alone."""

COMBINING = {ord(sign): mark for sign, mark in MARKS.items()}
_DOTLESS = {ord("ı"): "i", ord("ȷ"): "j"}
_NEAR = (1, -1)
"""Where a letter stands from its accent in the text, where both are on one line."""
_ASIDE = 0.15
"""Of a character's height: between the middles of an accent and its letter. A quotation mark is further from both of
its neighbours."""
_RAISED, _LEAST_RAISED = 0.4, 0.05
"""Of a character's height: from a letter's lower edge to its accent's, at most; over capitals at least."""
_ALIKE = 0.25
"""Of a character's height: between that and its accent's, which is of the same size."""
_TOUCHING = 0.1
"""Of a character's height: white that is no space, between a letter and the next one."""
_MAX_SIGNS, _MAX_MOVED = 20_000, 500
_WINDOW = 100
"""Characters between an accent and its letter in the text, at most, where PDFium has them apart."""
_SPACE, _L = 0x20, 0x6C
_NOTHING = 0.5
"""Points that boxes of one place may be apart."""


def _table(codes: str) -> NDArray[np.bool_]:
    table = np.zeros(0x10000, bool)
    table[[ord(code) for code in codes]] = True
    return table


_IS_ACCENT = _table("".join(MARKS))
_IS_RARE = _table("".join(set(MARKS) - {"`"}))
_IS_CAPITAL = _table("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_IS_LETTER = _table("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzıȷ")


def _crossed(units: NDArray[np.uint16]) -> Ints:
    """The places of spaces before an l. The stroke through a Polish one has the code of a space in these fonts."""
    found: Ints = ((units[:-1] == _SPACE) & ((units[1:] | 0x20) == _L)).nonzero()[0]
    return found


def with_accents(units: NDArray[np.uint16], boxes: Callable[[Ints], Floats]) -> tuple[NDArray[np.uint16], Ints] | None:
    """The text `units` with letters that have their accents, and the places in `units` that are left of it; None where
    there is no accent to join.

    `boxes` gives left, bottom, right and top of the characters at places of the text, as wide as they are set and as
    high as their font.
    """
    found = _Found(units)
    crossed = _crossed(units)[:_MAX_SIGNS]
    if len(crossed):
        strokes, letters = boxes(crossed), boxes(crossed + 1)
        is_within = (strokes[:, 2] > strokes[:, 0]) & (np.abs(strokes[:, 1] - letters[:, 1]) < _NOTHING)
        is_within &= (strokes[:, 0] > letters[:, 0] - _NOTHING) & (strokes[:, 2] < letters[:, 2] + _NOTHING)
        for place in crossed[is_within].tolist():
            found.cross(place)
    signs = np.flatnonzero(_IS_ACCENT.take(units))[:_MAX_SIGNS]
    if len(signs):
        _join_accents(found, signs, boxes)
    return found.text(boxes) if found.letter_of else None


def _join_accents(found: _Found, signs: Ints, boxes: Callable[[Ints], Floats]) -> None:
    """Joins the accents at `signs` with the letters that they stand over or under."""
    units = found.units
    sign_boxes = boxes(signs)
    is_left = np.ones(len(signs), bool)
    for step in _NEAR:
        places = signs + step
        may = is_left & (places >= 0) & (places < len(units))
        may[may] = _IS_LETTER.take(units[places[may]])
        at = np.flatnonzero(may)
        if not len(at):
            continue
        is_over = _are_over(sign_boxes[at], boxes(places[at]))
        for i in at[is_over].tolist():
            is_left[i] = not found.join(int(signs[i]), int(places[i]))
    # Of accents these have the others beside them; alone they are quotation marks.
    rest = np.flatnonzero(is_left & np.any(_IS_RARE.take(units[signs])))
    if 0 < len(rest) <= _MAX_MOVED:
        _join_moved(found, signs[rest], sign_boxes[rest], boxes)


def _are_over(signs: Floats, letters: Floats) -> NDArray[np.bool_]:
    """Whether each sign stands over or under the letter beside it in the list."""
    height = letters[:, 3] - letters[:, 1]
    aside = np.abs(signs[:, 0] + signs[:, 2] - letters[:, 0] - letters[:, 2]) / 2
    up = signs[:, 1] - letters[:, 1]
    is_alike = np.abs(signs[:, 3] - signs[:, 1] - height) < _ALIKE * height
    found: NDArray[np.bool_] = is_alike & (height > 0) & (aside < _ASIDE * height) & (np.abs(up) < _RAISED * height)
    return found


def _join_moved(found: _Found, signs: Ints, sign_boxes: Floats, boxes: Callable[[Ints], Floats]) -> None:
    """Joins accents with the letters that they stand over, nearby in the text, and with capitals wherever these are."""
    letters = np.flatnonzero(_IS_LETTER.take(found.units))
    letter_boxes = boxes(letters)
    is_capital = _IS_CAPITAL.take(found.units[letters])
    starts, ends = letters.searchsorted(signs - _WINDOW), letters.searchsorted(signs + _WINDOW)
    for sign, box, start, end in zip(signs.tolist(), sign_boxes, starts.tolist(), ends.tolist(), strict=True):
        over = start + np.flatnonzero(_are_over(box[None], letter_boxes[start:end]))
        if not len(over) and _IS_RARE[found.units[sign]]:
            height = letter_boxes[:, 3] - letter_boxes[:, 1]
            is_raised = is_capital & (box[1] - letter_boxes[:, 1] > _LEAST_RAISED * height)
            over = np.flatnonzero(is_raised & _are_over(box[None], letter_boxes))
        if len(over) == 1:
            found.join(sign, int(letters[over[0]]))


class _Found:
    """The accents of a page that have their letters: the letter's place by the accent's."""

    def __init__(self, units: NDArray[np.uint16]) -> None:
        self.units = units
        self.letter_of: dict[int, int] = {}
        self._made: dict[int, int] = {}

    def join(self, sign: int, letter: int) -> bool:
        """Joins the characters at two places, if one character is both and the letter has no other accent."""
        if letter in self._made:
            return False
        code = int(self.units[letter])
        made = unicodedata.normalize("NFC", _DOTLESS.get(code, chr(code)) + COMBINING[int(self.units[sign])])
        if len(made) != 1:
            return False
        self.letter_of[sign], self._made[letter] = letter, ord(made)
        return True

    def cross(self, stroke: int) -> None:
        """Joins a stroke with the l after it."""
        self.letter_of[stroke] = stroke + 1
        self._made[stroke + 1] = ord("Ł" if self.units[stroke + 1] == ord("L") else "ł")

    def text(self, boxes: Callable[[Ints], Floats]) -> tuple[NDArray[np.uint16], Ints]:
        """The text with joined letters, and the places of it that are kept."""
        units = self.units.copy()
        units[list(self._made)] = list(self._made.values())
        kept = np.ones(len(units), bool)
        kept[list(self.letter_of)] = False
        for sign in self.letter_of:
            # PDFium takes white beside an accent for a space.
            before, after = sign - 1, sign + 1
            while before > 0 and (units[before] == _SPACE or not kept[before]):
                before -= 1
            while after < len(units) - 1 and (units[after] == _SPACE or not kept[after]):
                after += 1
            if after - before > 2 and before >= 0 and after < len(units):
                kept[before + 1 : after] &= not _touch(*boxes(np.array([before, after], np.intp)))
        return units[kept], np.flatnonzero(kept)


def _touch(one: Floats, other: Floats) -> bool:
    return bool(abs(other[0] - one[2]) < _TOUCHING * (one[3] - one[1]) and abs(other[1] - one[1]) < _NOTHING)
