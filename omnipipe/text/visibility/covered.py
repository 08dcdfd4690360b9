"""Words under something that is drawn over them later: black bars, boxes in white, small pictures.

Who blackens a text that way leaves it in the file, and nobody who looks at the page sees it. Bars that let text shine
through, as markers do, cover nothing; nor does the picture of a scanned page, whose text is under it.
"""

from __future__ import annotations

import ctypes
from itertools import compress, repeat
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.pdfium.native import Handle, bare
from omnipipe.text.pdfium.objects import fill_of, is_filled
from omnipipe.text.pdfium.paths import bounds_of
from omnipipe.text.pdfium.picture import picture_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.pdfium.objects import Drawn
    from omnipipe.text.words.chars import Words

    Box = tuple[float, float, float, float]

_MAX_OBJECTS, _LAST = 2000, 500
"""Objects that are looked at, the first and the last ones."""
_MAX_COVERS = 256
_MAX_PAIRS = 1_000_000
_CHUNK = 1024
_FEW = 8
"""Paths within a form that covers words, at most."""
_LEAST = 4.0
"""Points; lower and narrower covers hide no word."""
_INSET = 0.2
"""Of a word's box at each side: letters seldom reach further, nor do those who blacken them always take care."""
_OPAQUE = 250
"""From this level (of 255) on a colour covers what is under it."""
_MAX_IMAGES = 0.3
"""Of the page: where images drawn over text take more, they are a scan and the text is what they show."""
_LEAST_PIXELS = 3
_NO_BOX = np.zeros((0, 4), np.float32)
_PLAIN = 12
"""Levels (of 255) between the lightest and the darkest pixel of a place where nothing is seen."""

_get_type = bare(pdfium.FPDFPageObj_GetType, ctypes.c_int)
_count_inside = bare(pdfium.FPDFFormObj_CountObjects, ctypes.c_int)
_get_inside = bare(pdfium.FPDFFormObj_GetObject, Handle)
_is_clear = bare(pdfium.FPDFPageObj_HasTransparency, ctypes.c_int)

_TEXT, _PATH, _IMAGE = pdfium.FPDF_PAGEOBJ_TEXT, pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE
_COVERS = frozenset((_PATH, _IMAGE, pdfium.FPDF_PAGEOBJ_FORM))


def find_covered(page: pypdfium2.PdfPage, box: Box, words: Words, drawn: Drawn) -> NDArray[np.bool_] | None:
    """True for words that are altogether under something opaque, with nothing to be seen in their place; None: none is.

    `box` is the page's. Looks at its first 2,000 objects and the last 500, and not at words within forms.
    """
    handles, kinds = _objects(drawn)
    num_texts = kinds.count(_TEXT)
    first = kinds.index(_TEXT) if num_texts else 0
    if first + num_texts == len(kinds):
        return None
    late = list(compress(range(first + 1, len(kinds)), map(_COVERS.__contains__, kinds[first + 1 :])))
    if not num_texts or not late:
        return None
    covers, at = _covers([*map(handles.__getitem__, late)], [*map(kinds.__getitem__, late)], box)
    if not 0 < len(covers) <= _MAX_COVERS or len(covers) * len(words.first) > _MAX_PAIRS:
        return None
    pairs = _under(words.box, covers)
    if not np.count_nonzero(pairs):
        return None
    # A word is covered by what is drawn after it.
    places = {handle.value: k for k, handle in enumerate(handles) if kinds[k] == _TEXT}
    order = np.fromiter(map(places.get, words.objects.tolist(), repeat(len(kinds))), np.intp, len(words.objects))
    who = np.flatnonzero(pairs.any(axis=1))
    numbers = np.array(late, np.intp)[at]
    is_later = pairs[who] & (order[who, None] < numbers)
    opaque = {k: _is_opaque(handles[k], kinds[k]) for k in numbers[is_later.any(axis=0)].tolist()}
    is_later &= np.array([opaque.get(k, False) for k in numbers.tolist()], bool)
    who = who[is_later.any(axis=1)]
    if not len(who):
        return None
    found = np.zeros(len(words.first), bool)
    found[who[_is_plain(page, box, words.box[who])]] = True
    return found


def _objects(drawn: Drawn) -> tuple[list[Handle], list[int]]:
    handles, kinds = drawn.first(_MAX_OBJECTS)
    if drawn.count <= _MAX_OBJECTS:
        return handles, kinds
    last = drawn.between(max(_MAX_OBJECTS, drawn.count - _LAST), drawn.count)
    return [*handles, *last], [*kinds, *drawn.kinds_of(last)]


def _covers(handles: Sequence[Handle], kinds: Sequence[int], page: Box) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The boxes of what is large enough to cover words, and their places among `handles`."""
    parts = [bounds_of(handles[k : k + _CHUNK]) for k in range(0, len(handles), _CHUNK)]
    box, known = parts[0] if len(parts) == 1 else (np.concatenate(some, axis=-1) for some in zip(*parts, strict=True))
    at = (known & (np.minimum(box[2] - box[0], box[3] - box[1]) >= _LEAST)).nonzero()[0]
    if not len(at):
        return _NO_BOX, at
    boxes = box[:, at].T.astype(np.float32)
    if _IMAGE in kinds:
        is_image = np.array([kinds[k] == _IMAGE for k in at.tolist()])
        left, bottom, right, top = page
        wide = np.minimum(boxes[:, 2], right) - np.maximum(boxes[:, 0], left)
        high = np.minimum(boxes[:, 3], top) - np.maximum(boxes[:, 1], bottom)
        area = (np.maximum(wide, 0) * np.maximum(high, 0))[is_image].sum()
        if area > _MAX_IMAGES * (right - left) * (top - bottom):
            return boxes[~is_image], at[~is_image]
    return boxes, at


def _under(boxes: NDArray[np.float32], covers: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the inner part of each of `boxes` lies within each of `covers`."""
    margin = _INSET * (boxes[:, 2:] - boxes[:, :2])
    low, high = boxes[:, :2] + margin, boxes[:, 2:] - margin
    x0, y0, x1, y1 = covers.T
    found: NDArray[np.bool_] = (
        (low[:, 0, None] >= x0) & (high[:, 0, None] <= x1) & (low[:, 1, None] >= y0) & (high[:, 1, None] <= y1)
    )
    return found


def _is_opaque(handle: Handle, kind: int) -> bool:
    """Whether nothing shines through a path that is filled, or through an image."""
    if _is_clear(handle):
        return False
    if kind == _IMAGE:
        return True
    if kind != _PATH:
        return any(_is_opaque(path, _PATH) for path in _bars_of(handle))
    levels = fill_of(handle) if is_filled(handle) else None
    return levels is not None and levels[3] >= _OPAQUE


def _bars_of(form: Handle) -> list[Handle]:
    """The paths of a form that holds a few of them and nothing else, as the bars do that a tool has put on a page."""
    num_inside = _count_inside(form)
    inside = [_get_inside(form, k) for k in range(num_inside)] if num_inside <= _FEW else []
    return inside if all(_get_type(one) == _PATH for one in inside) else []


def _is_plain(page: pypdfium2.PdfPage, around: Box, boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """True for boxes within which the picture of the page has one colour: clipped covers, and those of another shape
    than a box, may cover less than their bounds."""
    found = np.zeros(len(boxes), bool)
    picture = picture_of(page, around, boxes, (_INSET, 1e9))
    if picture is None:
        return found
    places = zip(*(side.tolist() for side in picture[1:]), strict=True)
    for k, (left, top, right, bottom) in enumerate(places):
        if min(right - left, bottom - top) >= _LEAST_PIXELS:
            here = picture.grey[top:bottom, left:right]
            found[k] = int(here.max()) - int(here.min()) <= _PLAIN
    return found
