"""Ligatures whose letters a file gives with their bytes changed round, as Ghostscript writes those of some fonts: f and
i come as two Chinese characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_SWAPPED = 0x6600
"""No such character is before it."""
_OPENING, _OTHERS = "ft", "filtjbhk"
"""Letters that ligatures start with, and that they have."""


def _table(codes: list[int]) -> NDArray[np.bool_]:
    table = np.zeros(0x10000, bool)
    table[codes] = True
    return table


_MAY_OPEN = _table([ord(letter) << 8 for letter in _OPENING])
_IS_SWAPPED = _table([ord(letter) << 8 for letter in _OTHERS])
_IS_LETTER = _table([*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0xC0, 0x250)])


def with_letters(units: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """`units` with the letters of such ligatures: runs of their characters that touch a Latin letter."""
    is_swapped = _IS_SWAPPED.take(units)
    if np.count_nonzero(is_swapped) < 2:
        return units
    padded = np.zeros(len(units) + 2, bool)
    padded[1:-1] = is_swapped
    starts, ends = (padded[1:] != padded[:-1]).nonzero()[0].reshape(-1, 2).T
    is_letter = np.zeros(len(units) + 2, bool)
    is_letter[1:-1] = _IS_LETTER.take(units)
    is_ligature = (ends - starts >= 2) & _MAY_OPEN.take(units[starts]) & (is_letter[starts] | is_letter[ends + 1])
    found = units.copy()
    for start, end in zip(starts[is_ligature].tolist(), ends[is_ligature].tolist(), strict=True):
        found[start:end] >>= 8
    return found
