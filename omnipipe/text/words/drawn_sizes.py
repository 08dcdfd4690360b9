"""Sizes and boxes of fonts that are drawn glyph by glyph (Type 3) and whose font size says nothing.

Programs that turn PostScript into PDF write bitmaps of old fonts so: the font size is 1 or 0.24 points, and a matrix
makes up for it. PDFium's boxes, which are as high as such a font says, are of no use either; its glyphs' are.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.pdfium.native import bare, pointers
from omnipipe.text.words.fonts import fonts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.pdfium.records import Chars

ODD = 4.0
"""Times its font size: the box of a letter is higher only where the size says nothing."""

_DRAWN = 2.0
"""Times the font size: what is seen of letters of such a font is higher still, and of no other's."""

_MOST = 0.3
"""Of the words in one size: with such boxes at least, where that size says nothing."""

_ASCENT, _DESCENT = 0.75, 0.25
"""Font sizes from the baseline to the upper and the lower side of a word's box."""

_UPPER, _LOWER = 1.1, 0.5
"""The same: what is seen reaches further only of brackets around several lines and of sums."""

_LEAST, _LARGEST = 0.7, 1.3
"""Of the size of most words: sizes of fonts that have no letters, only signs."""

_HEIGHTS = {"ABCDEFGHIJKLMNOPRSTUVWXYZ": 0.69, "bdfhkl": 0.7, "0123456789": 0.65, "acemnorsuvwxzgpqy": 0.44, "t": 0.61}
"""Letters by how high they are above the baseline, in font sizes."""

_origin_of = bare(pdfium.FPDFText_GetCharOrigin, ctypes.c_int)
_box_of = bare(pdfium.FPDFText_GetCharBox, ctypes.c_int)


class Mended(NamedTuple):
    """Words (their numbers), their font sizes, and the lower and upper sides of their first and last characters."""

    words: NDArray[np.intp]
    size: NDArray[np.float32]
    head: tuple[NDArray[np.float32], NDArray[np.float32]]
    tail: tuple[NDArray[np.float32], NDArray[np.float32]]


def _table() -> NDArray[np.float32]:
    table = np.zeros(0x100, np.float32)
    for letters, height in _HEIGHTS.items():
        table[[ord(letter) for letter in letters]] = height
    return table


_HEIGHT_OF = _table()


def mend_drawn(
    chars: Chars,
    units: tuple[NDArray[np.uint16], NDArray[np.uint16]],
    places: tuple[NDArray[np.intp], NDArray[np.intp]],
    size: NDArray[np.float32],
    is_odd: NDArray[np.bool_],
) -> Mended | None:
    """The words whose font size says nothing, with what their glyphs say; None where there are none.

    `units` and `places` are the first and the last characters of all words, `size` the font sizes of the words, and
    `is_odd` those whose first character has a box that is `ODD` times as high.
    """
    found = np.zeros(len(size), bool)
    for one in np.unique(size[is_odd]).tolist():
        alike = size == np.float32(one)
        if np.count_nonzero(is_odd & alike) >= _MOST * np.count_nonzero(alike):
            found |= alike
    words = found.nonzero()[0]
    head, tail = (_Seen(chars, place[words]) for place in places)
    if not len(words) or not float(np.median(head.high - head.low)) > _DRAWN * float(np.median(size[words])):
        return None
    fonts = np.unique(np.array(fonts_of(chars.objects(places[0][words]).tolist()), np.uint64), return_inverse=True)[1]
    new = _sizes(fonts, (units[0][words], units[1][words]), (head, tail), size[~found])
    return Mended(words, new, head.sides(new), tail.sides(new))


class _Seen:
    """Where characters are seen: their lower and upper sides and their baselines, in points."""

    def __init__(self, chars: Chars, which: NDArray[np.intp]) -> None:
        box, origin = np.zeros(4, np.float64), np.zeros(2, np.float64)
        sides, start = pointers(box), pointers(origin)
        self.low, self.high, self.base = (np.zeros(len(which), np.float32) for _ in range(3))
        for i, place in enumerate(which.tolist()):
            # Left, right, bottom, top.
            _box_of(chars.handle, place, *sides)
            _origin_of(chars.handle, place, *start)
            self.low[i], self.high[i], self.base[i] = box[2], box[3], origin[1]

    def sides(self, size: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lower and upper sides of boxes as words in a font of this size have them."""
        is_usual = (self.high < self.base + _UPPER * size) & (self.low > self.base - _LOWER * size)
        low = np.where(is_usual, self.base - _DESCENT * size, self.low).astype(np.float32)
        return low, np.where(is_usual, self.base + _ASCENT * size, self.high).astype(np.float32)


def _sizes(
    fonts: NDArray[np.intp],
    units: tuple[NDArray[np.uint16], NDArray[np.uint16]],
    seen: tuple[_Seen, _Seen],
    others: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The font size of each word: by the heights of letters of its font (`fonts` are numbers from 0), or of its highest
    sign where it has none. `others` are the sizes of the words in other fonts."""
    both = np.concatenate((fonts, fonts))
    known = _HEIGHT_OF.take(np.minimum(np.concatenate(units), 0xFF))
    above = np.concatenate([one.high - one.base for one in seen])
    known[above <= 0] = 0
    num = int(fonts.max()) + 1
    found = np.zeros(num, np.float32)
    for font in range(num):
        letters = (both == font) & (known > 0)
        if np.count_nonzero(letters):
            found[font] = np.median(above[letters] / known[letters])
    some = np.concatenate((found[fonts][found[fonts] > 0], others))
    usual = float(np.median(some)) if len(some) else float(np.quantile(above, 0.75)) / _ASCENT
    for font in (found == 0).nonzero()[0].tolist():
        highest = float(above[both == font].max()) / _ASCENT
        found[font] = min(max(highest, _LEAST * usual), _LARGEST * usual)
    return found[fonts]
