"""What kind of character each UTF-16 unit is: space, control, digit, or a letter of which script."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

OTHER, SPACE, CONTROL, PRIVATE, REPLACED, DIGIT, LEADER = range(7)
"""Kinds below `FIRST_LETTER`: other visible ones, white space, controls, private use, U+FFFD and its like, digits, and
what leaders and rules are made of."""

FIRST_LETTER = 16
LATIN, GREEK, CYRILLIC, HEBREW, ARABIC, CJK = range(FIRST_LETTER, FIRST_LETTER + 6)
"""Letters; other scripts follow, by their block."""


def _table() -> NDArray[np.uint8]:
    table = np.zeros(0x10000, np.uint8)
    table[0:0x20] = CONTROL
    table[0x7F:0xA0] = CONTROL
    table[[9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]] = SPACE
    table[0x2000:0x200C] = SPACE
    table[0x30:0x3A] = DIGIT
    for letters in ((0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x2B0), (0x1E00, 0x1F00), (0xFB00, 0xFB07), (0xFF21, 0xFF5B)):
        table[slice(*letters)] = LATIN
    table[[0xAA, 0xB5, 0xBA]] = LATIN
    table[[0xD7, 0xF7]] = OTHER
    table[0x370:0x400] = GREEK
    table[0x1F00:0x2000] = GREEK
    table[0x400:0x530] = CYRILLIC
    table[0x530:0x590] = CJK + 1
    for block in ((0x590, 0x600), (0xFB1D, 0xFB50)):
        table[slice(*block)] = HEBREW
    for block in ((0x600, 0x700), (0x750, 0x780), (0x8A0, 0x900), (0xFB50, 0xFDD0), (0xFDF0, 0xFE00), (0xFE70, 0xFEFF)):
        table[slice(*block)] = ARABIC
    table[0x700:0x750] = table[0x780:0x8A0] = CJK + 2
    for start in range(0x900, 0x1E00, 0x80):
        table[start : start + 0x80] = CJK + 3 + (start - 0x900) // 0x80
    table[0x1100:0x1200] = CJK
    table[0x1D00:0x1E00] = LATIN
    for block in ((0x2E80, 0x3000), (0x3040, 0xA4D0), (0xAC00, 0xD800), (0xF900, 0xFB00), (0xFF66, 0xFFE0)):
        table[slice(*block)] = CJK
    for start in range(0xA4D0, 0xAC00, 0x80):
        table[start : start + 0x80] = 128 + (start - 0xA4D0) // 0x80
    # Full stops that all scripts of India share.
    table[[0x964, 0x965]] = OTHER
    table[0xE000:0xF900] = PRIVATE
    table[0xFFF0:0xFFFE] = table[0xFFFF] = table[0xFDD0:0xFDF0] = REPLACED
    table[[ord(c) for c in "._-–—=*·…‥⋯•―─│|．・"]] = LEADER
    table[0x660:0x66A] = table[0x6F0:0x6FA] = DIGIT
    return table


SCRIPT = _table()


@cache
def _common() -> NDArray[np.bool_]:
    """Han and Hangul in everyday use: level 1 of GB 2312, of Big5 and of JIS X 0208, and KS X 1001."""
    table = np.zeros(0x10000, bool)
    for codec, first, last in (
        ("gb2312", 0xB0, 0xD8),
        ("big5", 0xA4, 0xC7),
        ("euc_jp", 0xB0, 0xD0),
        ("euc_kr", 0xB0, 0xFE),
    ):
        raw = bytes(b for row in range(first, last) for cell in range(0x40, 0xFF) for b in (row, cell))
        # What is no character of the set is left out; the rest keeps its step of two bytes.
        table[np.frombuffer(raw.decode(codec, "ignore").encode("utf-16-le"), np.uint16)] = True
    return table


def rare_share(units: NDArray[np.uint16]) -> float:
    """Of the Han and Hangul characters: the share outside of the everyday sets."""
    ideographs = units[((units >= 0x3400) & (units < 0xA000)) | ((units >= 0xAC00) & (units < 0xD7B0))]
    return float(np.mean(~_common()[ideographs])) if len(ideographs) else 0.0


FIRST_LEFTWARD = 0x590
"""No character before it is of a script that is written from right to left."""


def may_run_left(units: NDArray[np.uint16]) -> bool:
    """Whether a text has letters of a script that is written from right to left, or marks of it."""
    # What is below the first letter wraps around.
    return bool(
        np.count_nonzero(units - np.uint16(FIRST_LEFTWARD) < 0x370)
        or np.count_nonzero(units - np.uint16(0xFB1D) < 0x3E2)
    )
