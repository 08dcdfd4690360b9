"""Words that a page carries and nobody sees: beside the page, white on white, drawn invisibly over nothing, or covered.

They are put there for search engines and language models, or left behind by the program that made the page. What is
drawn invisibly or in white over something, as the text of scans and of table heads, is not hidden.
"""

from __future__ import annotations

import ctypes
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.extreme import largest, smallest
from omnipipe.text.lines.pieces import to_frame
from omnipipe.text.part import Part
from omnipipe.text.pdfium.native import bare, pointers
from omnipipe.text.pdfium.objects import Box, Drawn, backdrops
from omnipipe.text.pdfium.picture import picture_of
from omnipipe.text.visibility.covered import find_covered

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.words.chars import Words

HIDDEN = 5
"""The direction of words that nobody sees, in `Words.turn`: no reader of a direction takes them."""

_WHITE = 250
"""From this level (of 255) on red, green and blue together are white."""

_CLEAR = 8
"""Below this level (of 255) a colour covers nothing."""

_TINY = 1.0
"""Points."""

_MAX_PARTS = 32
_CHUNK = 1024
_FEW = 100
"""Fewer boxes are looked at one by one in a picture."""

_get_fill = bare(pdfium.FPDFPageObj_GetFillColor, ctypes.c_int, by_address=True)
_get_mode = bare(pdfium.FPDFTextObj_GetTextRenderMode, ctypes.c_int, by_address=True)

_colours = np.zeros((4, _CHUNK), np.uint32)
_places = [pointers(row) for row in _colours]
"""Where PDFium writes red, green, blue and opacity."""


def mark_hidden(page: pypdfium2.PdfPage, words: Words, drawn: Drawn | None = None, box: Box | None = None) -> Words:
    """`words`, those that nobody sees with `HIDDEN` for a direction; `drawn`: what `page` draws, and `box`, its own, if
    known."""
    box = box or page.get_bbox()
    drawn = drawn or Drawn(page)
    outside = _outside(words, box)
    all_kinds = outside, _unseen(page, box, words, drawn, outside), find_covered(page, box, words, drawn)
    found = [one for one in all_kinds if one is not None]
    if not found:
        return words
    hidden = np.logical_or.reduce(found)
    return words._replace(turn=np.where(hidden, HIDDEN, words.turn)) if np.count_nonzero(hidden) else words


def _outside(words: Words, page: tuple[float, float, float, float]) -> NDArray[np.bool_] | None:
    """True for words that stand beside the page altogether; None where none does."""
    left, bottom, right, top = page
    if not (right > left and top > bottom):
        return None
    x0, y0, x1, y1 = words.box.T
    if largest(x0) < right and smallest(x1) > left and largest(y0) < top and smallest(y1) > bottom:
        # As on most pages.
        return None
    found: NDArray[np.bool_] = (x0 >= right) | (x1 <= left) | (y0 >= top) | (y1 <= bottom)
    return found


def _unseen(
    page: pypdfium2.PdfPage,
    box: tuple[float, float, float, float],
    words: Words,
    drawn: Drawn,
    outside: NDArray[np.bool_] | None,
) -> NDArray[np.bool_] | None:
    """True for words of the page that are drawn in white or not at all, over nothing; None where none is."""
    faint = _faint(words)
    if faint is None:
        return None
    suspects = (faint if outside is None else faint & ~outside).nonzero()[0]
    if len(suspects):
        suspects = suspects[_lies_bare(page, words.box[suspects], drawn)]
    if not len(suspects):
        return None
    found = np.zeros(len(faint), bool)
    found[suspects[_is_blank(page, box, words.box[suspects])]] = True
    return found


def _faint(words: Words) -> NDArray[np.bool_] | None:
    """True for words drawn in white or not at all; None where there is none.

    All of them are asked for where the first or the last word of some line is one.
    """
    objects, line = words.objects, words.line
    last = (line[1:] != line[:-1]).nonzero()[0]
    ends = [*objects[:1].tolist(), *objects[last].tolist(), *objects[last + 1].tolist(), *objects[-1:].tolist()]
    if _are_faint(list(dict.fromkeys(ends))) is None:
        return None
    new = np.ones(len(objects), bool)
    np.not_equal(objects[1:], objects[:-1], out=new[1:])
    found = _are_faint(objects[new].tolist())
    return None if found is None else found[new.cumsum() - 1]


def _are_faint(objects: list[int]) -> NDArray[np.bool_] | None:
    """Whether text objects (addresses; 0: unknown) are in white, with no opacity, or not drawn; None: none is."""
    found = np.zeros(len(objects), bool)
    for start in range(0, len(objects), _CHUNK):
        chunk = objects[start : start + _CHUNK]
        # PDFium answers 0 for what it does not know, a null pointer as well.
        known = list(map(_get_fill, chunk, *_places))
        modes = list(map(_get_mode, chunk))
        colours = _colours[:, : len(chunk)]
        if not any(modes) and smallest(colours[3]) >= _CLEAR and largest(colours[0]) < _WHITE:
            # Filled in a colour, as nearly all text.
            continue
        mode = np.array(modes)
        pale = (np.array(known) != 0) & ((colours[:3].min(axis=0) >= _WHITE) | (colours[3] < _CLEAR))
        found[start : start + len(chunk)] = (mode == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE) | (
            (mode == pdfium.FPDF_TEXTRENDERMODE_FILL) & pale
        )
    return found if np.count_nonzero(found) else None


def _lies_bare(page: pypdfium2.PdfPage, boxes: NDArray[np.float32], drawn: Drawn | None) -> NDArray[np.bool_]:
    """True for boxes without an image or a coloured area under or over them; a quick answer that may be wrong."""
    bare_ones = np.ones(len(boxes), bool)
    for left, bottom, right, top in backdrops(page, drawn):
        away = (boxes[:, 0] >= right) | (boxes[:, 2] <= left) | (boxes[:, 1] >= top) | (boxes[:, 3] <= bottom)
        bare_ones &= away
        if not bare_ones.any():
            break
    return bare_ones


def _is_blank(
    page: pypdfium2.PdfPage, around: tuple[float, float, float, float], boxes: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """True for boxes within which the picture of the page is white.

    Colours alone do not say: PDFium calls white what is filled with a gradient.
    """
    # Letters stand in the middle of their box; at its edges is room for the ink of others.
    picture = picture_of(page, around, boxes, (0.15, 3.0))
    if picture is None:
        return np.zeros(len(boxes), bool)
    grey, left, top, right, bottom = picture
    is_ink = grey < _WHITE
    if len(boxes) < _FEW:
        places = zip(top.tolist(), bottom.tolist(), left.tolist(), right.tolist(), strict=True)
        return np.array([not np.count_nonzero(is_ink[y0:y1, x0:x1]) for y0, y1, x0, x1 in places], bool)
    sums = np.zeros((grey.shape[0] + 1, grey.shape[1] + 1), np.int32)
    np.cumsum(np.cumsum(is_ink, axis=0, dtype=np.int32), axis=1, out=sums[1:, 1:])
    found: NDArray[np.bool_] = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left] == 0
    return found


def has_tiny(words: Words) -> bool:
    """Whether some words that are seen are set so small that nobody reads them."""
    # Of fonts that are drawings the size says little.
    if smallest(words.size) > _TINY:
        return False
    small = words.size <= _TINY
    sides = words.box[:, 2:] - words.box[:, :2]
    return bool((small & (sides.min(axis=1) <= 1.5 * _TINY) & (words.turn != HIDDEN)).any())


def hidden_parts(words: Words) -> list[Part]:
    """The hidden words of a page as blocks, one for each run of them; the last one holds all beyond a number."""
    if not np.count_nonzero(words.turn):
        return []
    which = (words.turn == HIDDEN).nonzero()[0]
    if not len(which):
        return []
    starts = [0, *((which[1:] - which[:-1] != 1).nonzero()[0] + 1).tolist()][:_MAX_PARTS]
    parts = []
    for run in [which[start:end] for start, end in pairwise([*starts, len(which)])]:
        text = " ".join(words.text[words.first[i] : words.last[i]] for i in run.tolist())
        left, top, right, bottom = to_frame(words.box[run], 0)
        box = float(left.min()), float(top.min()), float(right.max()), float(bottom.max())
        parts.append(Part("hidden", None, text, *box))
    return parts
