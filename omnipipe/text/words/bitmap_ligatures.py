"""Ligatures of TeX's bitmap fonts, which have no names: PDFium gives their codes, which are control characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST = 0xFB00
"""Unicode's ligatures, ff, fi, fl, ffi and ffl, from here on; `SPELT` says how they are written."""
SPELT = {_FIRST + k: letters for k, letters in enumerate(("ff", "fi", "fl", "ffi", "ffl"))}
_OLD, _CORK = 0x0B, 0x1B
"""Where they start in TeX's old encoding (OT1) and in the later one (T1)."""
_RETURN = 0x0D
"""In the old encoding fl; PDFium ends lines with it."""
_FI = (_OLD + 1, _CORK + 1)
_SIGNS = {0x10: "“", 0x11: "”", 0x12: "„", 0x13: "«", 0x14: "»", 0x15: "–", 0x16: "—"}
"""Other signs of the later encoding."""
_LETTERS = {0xFF: "ß", 0xF7: "œ", 0xD7: "Œ"}
"""Letters of the later encoding whose codes are another letter's and signs of arithmetic in Latin 1."""
_LEAST = 2
"""Ligatures within words that show what the codes are."""
_SHARE = 0.9
"""Of the codes: those beside a letter, at least."""


def _table(*ranges: tuple[int, int]) -> NDArray[np.bool_]:
    table = np.zeros(0x10000, bool)
    for start, end in ranges:
        table[start:end] = True
    return table


_IS_CODE = _table((_OLD, _RETURN), (_RETURN + 1, _OLD + 5), (_CORK, _CORK + 5))
_IS_OTHER = _table(*((code, code + 1) for code in _LETTERS))
_NOTHING = np.zeros(0, np.intp)
_IS_LOWER = _table((0x61, 0x7B), (0xDF, 0xF7), (0xF8, 0xFF))
_IS_LETTER = _table((0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x250))


def _swapped(units: NDArray[np.uint16], padded: NDArray[np.uint16]) -> NDArray[np.intp]:
    """The places of codes of such letters: beside a letter, where no sign of arithmetic stands."""
    is_beside = _IS_LETTER.take(padded[:-2]) | _IS_LETTER.take(padded[2:])
    found: NDArray[np.intp] = (_IS_OTHER.take(units) & is_beside).nonzero()[0]
    return found


def with_ligatures(units: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """`units` with Unicode's ligatures in the places of codes that are known to be ligatures."""
    is_code = _IS_CODE.take(units)
    if not np.count_nonzero(is_code):
        return units
    padded = np.concatenate(([0], units, [0]))
    before, after = _IS_LETTER.take(padded[:-2]), _IS_LETTER.take(padded[2:])
    inside = is_code & before & _IS_LOWER.take(padded[2:])
    known = set(units[inside].tolist())
    swapped = _swapped(units, padded) if known and max(known) >= _CORK else _NOTHING
    # Such letters show the encoding as ligatures do.
    num_shown = np.count_nonzero(inside) + np.count_nonzero(_IS_LOWER.take(padded[swapped]))
    if num_shown < _LEAST or (len(known) < _LEAST and known.isdisjoint(_FI) and not len(swapped)):
        return units
    if np.count_nonzero(is_code & (before | after)) < _SHARE * np.count_nonzero(is_code):
        return units
    if known & set(range(_OLD, _OLD + 5)):
        is_code |= (units == _RETURN) & _IS_LOWER.take(padded[2:])
    start = np.where(units >= _CORK, _CORK, _OLD)
    found = np.where(is_code, units - start + _FIRST, units).astype(np.uint16)
    found[swapped] = [ord(_LETTERS[code]) for code in units[swapped].tolist()]
    for code, sign in _SIGNS.items() if max(known) >= _CORK else ():
        found[units == code] = ord(sign)
    return found
