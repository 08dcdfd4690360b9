"""Words that a page carries and nobody sees: beside the page, white on white, drawn invisibly over nothing, or covered.

They are put there for search engines and language models, or left behind by the program that made the page. What is
drawn invisibly or in white over something, as the text of scans and of table heads, is not hidden.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.covered import find_covered
from omnipipe.text.lines import to_frame
from omnipipe.text.native import bare
from omnipipe.text.objects import Drawn, backdrops
from omnipipe.text.picture import picture_of
from omnipipe.text.rows import Part

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.chars import Words

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

_P = ctypes.c_void_p
_get_fill = bare(pdfium.FPDFPageObj_GetFillColor, ctypes.c_int)
_get_mode = bare(pdfium.FPDFTextObj_GetTextRenderMode, ctypes.c_int)

_colours = np.zeros((4, _CHUNK), np.uint32)
_places = [[_P(_colours[i, k:].ctypes.data) for k in range(_CHUNK)] for i in range(4)]
"""Where PDFium writes red, green, blue and opacity."""


def mark_hidden(page: pypdfium2.PdfPage, words: Words, drawn: Drawn | None = None) -> Words:
    """`words`, those that nobody sees with `HIDDEN` for a direction; `drawn`: what `page` draws, if known."""
    box = page.get_bbox()
    hidden = _outside(words, box)
    suspects = (_suspects(words) & ~hidden).nonzero()[0]
    if len(suspects):
        suspects = suspects[_lies_bare(page, words.box[suspects], drawn)]
    if len(suspects):
        hidden[suspects[_is_blank(page, box, words.box[suspects])]] = True
    hidden |= find_covered(page, box, words, drawn or Drawn(page))
    return words._replace(turn=np.where(hidden, HIDDEN, words.turn)) if np.count_nonzero(hidden) else words


def _outside(words: Words, page: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """True for words that stand beside the page altogether."""
    left, bottom, right, top = page
    if not (right > left and top > bottom):
        return np.zeros(len(words.first), bool)
    box = words.box
    x0, y0, x1, y1 = box.T
    if x0.max() < right and x1.min() > left and y0.max() < top and y1.min() > bottom:
        # As on most pages.
        return np.zeros(len(box), bool)
    found: NDArray[np.bool_] = (box[:, 0] >= right) | (box[:, 2] <= left) | (box[:, 1] >= top) | (box[:, 3] <= bottom)
    return found


def _suspects(words: Words) -> NDArray[np.bool_]:
    """True for words drawn in white or not at all.

    All of them are asked for where the first or the last word of some line is one.
    """
    objects, line = words.objects, words.line
    change = np.ones(len(line) + 1, bool)
    np.not_equal(line[1:], line[:-1], out=change[1:-1])
    ends = objects[change[1:] | change[:-1]]
    new = np.ones(len(ends), bool)
    np.not_equal(ends[1:], ends[:-1], out=new[1:])
    if not np.count_nonzero(_are_faint(ends[new])):
        return np.zeros(len(line), bool)
    new = np.ones(len(objects), bool)
    np.not_equal(objects[1:], objects[:-1], out=new[1:])
    found: NDArray[np.bool_] = _are_faint(objects[new])[new.cumsum() - 1]
    return found


def _are_faint(objects: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether text objects (addresses; 0: unknown) are filled in white, with no opacity, or not drawn."""
    found = np.zeros(len(objects), bool)
    for start in range(0, len(objects), _CHUNK):
        handles = list(map(_P, objects[start : start + _CHUNK].tolist()))
        count = len(handles)
        # PDFium answers 0 for what it does not know, a null pointer as well.
        known = np.fromiter(map(_get_fill, handles, *_places), np.int32, count)
        mode = np.fromiter(map(_get_mode, handles), np.int32, count)
        colours = _colours[:, :count]
        if not np.count_nonzero(mode) and colours[3].min() >= _CLEAR and colours[0].max() < _WHITE:
            # Filled in a colour, as nearly all text.
            continue
        pale = (known != 0) & ((colours[:3].min(axis=0) >= _WHITE) | (colours[3] < _CLEAR))
        found[start : start + count] = (mode == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE) | (
            (mode == pdfium.FPDF_TEXTRENDERMODE_FILL) & pale
        )
    return found


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
    sums = np.zeros((grey.shape[0] + 1, grey.shape[1] + 1), np.intp)
    np.cumsum(np.cumsum(grey < _WHITE, axis=0, dtype=np.intp), axis=1, out=sums[1:, 1:])
    found: NDArray[np.bool_] = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left] == 0
    return found


def has_tiny(words: Words) -> bool:
    """Whether some words that are seen are set so small that nobody reads them."""
    # Of fonts that are drawings the size says little.
    small = words.size <= _TINY
    if not small.any():
        return False
    sides = words.box[:, 2:] - words.box[:, :2]
    return bool((small & (sides.min(axis=1) <= 1.5 * _TINY) & (words.turn != HIDDEN)).any())


def hidden_parts(words: Words) -> list[Part]:
    """The hidden words of a page as blocks, one for each run of them; the last one holds all beyond a number."""
    which = (words.turn == HIDDEN).nonzero()[0]
    if not len(which):
        return []
    starts = np.flatnonzero(np.diff(which, prepend=-2) != 1)[:_MAX_PARTS]
    parts = []
    for run in np.split(which, starts[1:]):
        text = " ".join(words.text[words.first[i] : words.last[i]] for i in run.tolist())
        left, top, right, bottom = to_frame(words.box[run], 0)
        box = float(left.min()), float(top.min()), float(right.max()), float(bottom.max())
        parts.append(Part("hidden", None, text, *box))
    return parts
