"""Characters beyond the first 65,536 that PDFium leaves out of a page's text: letters of formulas, rare ideographs.

It counts them where it says which character of its list a place in the text is: each one left out moves all that
follow by one. Most files spell them as two halves, which are in the text.
"""

from __future__ import annotations

import ctypes
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.pdfium.native import bare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.pdfium.native import Pointer

_get_code = bare(pdfium.FPDFText_GetUnicode, ctypes.c_uint)
_text_index = bare(pdfium.FPDFText_GetTextIndexFromCharIndex, ctypes.c_int)
_FIRST = 0x10000


def with_higher(
    handle: Pointer, units: NDArray[np.uint16], count: int
) -> tuple[NDArray[np.uint16], NDArray[np.intp]] | None:
    """The text `units` of a page of `count` characters with those that PDFium has left out, as pairs of surrogates, and
    the place of each unit in the text with all characters; None where none are left out."""
    codes = np.fromiter(map(_get_code, repeat(handle), range(count)), np.uint32, count)
    higher = (codes >= _FIRST).nonzero()[0]
    if not len(higher):
        return None
    places = np.fromiter(map(_text_index, repeat(handle), higher.tolist()), np.intp, len(higher))
    higher, places = higher[places >= 0], places[places >= 0]
    whole = np.zeros(len(units) + len(places), np.uint32)
    if not len(places) or places.max() >= len(whole) or len(np.unique(places)) < len(places):
        return None
    is_left_out = np.zeros(len(whole), bool)
    is_left_out[places] = True
    whole[~is_left_out] = units
    whole[places] = codes[higher]
    source = np.arange(len(whole)).repeat(1 + is_left_out)
    made = whole[source]
    second = np.append(False, source[1:] == source[:-1])
    over = made - _FIRST
    pairs = np.where(second, 0xDC00 + (over & 0x3FF), 0xD800 + (over >> 10))
    return np.where(is_left_out[source], pairs, made).astype(np.uint16), source
