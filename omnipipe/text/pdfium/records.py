"""The characters of a text page: read from where PDFium keeps them, instead of with a call for each."""

from __future__ import annotations

import ctypes
from collections import deque
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.extreme import largest, smallest
from omnipipe.text.pdfium.native import bare, pointer_to, pointers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from omnipipe.text.pdfium.native import Pointer
    from omnipipe.text.pdfium.textpage import RawText

    Floats = NDArray[np.float32]
    Ints = NDArray[np.intp]

_view = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)(
    ("PyMemoryView_FromMemory", ctypes.pythonapi)
)
_READ_ONLY = 0x100

_LIST, _LIST_SIZE = 32, 24
"""Where a text page has its list of characters, in bytes: the address, the length and the room there is."""
_SIZE = 88
"""Bytes of a character in the list."""
_BOX, _MATRIX, _OBJECT = 36 // 4, 52 // 4, 80 // 8
"""Where it has its box (left, bottom, right, top), its matrix, and its text object, in units of their own size."""
_FEW, _SOME = 16, 64
"""Characters that this is judged by: at least, at most."""
_LEAST = 8
"""Different boxes among them, and characters of a text object, at least."""

_get_object = bare(pdfium.FPDFText_GetTextObject, ctypes.c_size_t)
_get_font_size = bare(pdfium.FPDFText_GetFontSize, ctypes.c_double)
_get_place = bare(pdfium.FPDFText_GetCharIndexFromTextIndex, ctypes.c_int)
_CHUNK = 1024


class _Asked:
    """What `function` writes for each character: rows of `width` floats.

    The pointers to where it writes are made once, which is half of a call's cost.
    """

    def __init__(self, function: Callable[..., Any], width: int) -> None:
        self._function = function
        self._room = np.zeros((_CHUNK, width), np.float32)
        self._rows = pointers(self._room[:, 0])

    def rows(self, handle: Pointer, which: Ints) -> Floats:
        """The rows of characters."""
        found = np.empty((len(which), self._room.shape[1]), np.float32)
        for start in range(0, len(which), _CHUNK):
            some = which[start : start + _CHUNK].tolist()
            # What PDFium knows nothing of it leaves as it was.
            self._room[: len(some)] = 0
            deque(map(self._function, repeat(handle), some, self._rows), maxlen=0)
            found[start : start + len(some)] = self._room[: len(some)]
        return found


_boxes = _Asked(bare(pdfium.FPDFText_GetLooseCharBox, None), 4)
_matrices = _Asked(bare(pdfium.FPDFText_GetMatrix, None), 6)


class Chars:
    """The characters of a text page, by their places in PDFium's list; not to be asked once the page is closed.

    With `may_read` they are read as soon as that is known to be right, otherwise asked for with calls.
    """

    def __init__(self, textpage: RawText, *, may_read: bool = True) -> None:
        # It would be closed with the last reference to it.
        self._textpage = textpage
        self.handle = pointer_to(textpage.raw)
        self.count: int = pdfium.FPDFText_CountChars(textpage.raw)
        found = _listed(textpage, self.count) if may_read else None
        self._list = found if found is not None and _layout.holds_for(self.handle, found) else None

    @property
    def is_read(self) -> bool:
        """Whether the characters of this page are read."""
        return self._list is not None

    def places(self, which: Ints) -> Ints:
        """The places of characters of the page's text in the list."""
        found = np.fromiter(map(_get_place, repeat(self.handle), which.tolist()), np.intp, len(which))
        if len(found) and smallest(found) < 0:
            # There is nothing to read of what is not in the list.
            self._list = None
        return found

    def corners(self, which: Ints) -> tuple[Floats, Floats]:
        """The lower left (2 x n) and the upper right corners of characters' boxes, in points."""
        boxes = _read_boxes(self._list, which) if self._list is not None else _ask_boxes(self.handle, which)
        # Numpy goes over long rows.
        sides = boxes.T.copy()
        low, high = np.minimum(sides[:2], sides[2:]), np.maximum(sides[:2], sides[2:])
        # What is no number passes through both.
        if len(which) and not (smallest(low.ravel()) > -np.inf and largest(high.ravel()) < np.inf):
            low, high = (np.nan_to_num(corner, nan=0.0, posinf=0.0, neginf=0.0) for corner in (low, high))
        return low, high

    def boxes(self, which: Ints) -> Floats:
        """Left, bottom, right and top of characters, in points."""
        return np.concatenate(self.corners(which)).T

    def matrices(self, which: Ints) -> Floats:
        """The matrices (n x 6) of characters."""
        return _read_matrices(self._list, which) if self._list is not None else _matrices.rows(self.handle, which)

    def sizes(self, which: Ints) -> Floats:
        """The font sizes of characters, before their matrices."""
        return np.fromiter(map(_get_font_size, repeat(self.handle), which.tolist()), np.float32, len(which))

    def objects(self, which: Ints) -> NDArray[np.uint64]:
        """The addresses of the text objects that characters belong to; 0 where PDFium knows none."""
        return _read_objects(self._list, which) if self._list is not None else _ask_objects(self.handle, which)


def _ask_boxes(handle: Pointer, which: Ints) -> Floats:
    # FS_RECTF is left, top, right, bottom.
    return _boxes.rows(handle, which)[:, [0, 3, 2, 1]]


def _ask_objects(handle: Pointer, which: Ints) -> NDArray[np.uint64]:
    return np.fromiter(map(_get_object, repeat(handle), which.tolist()), np.uint64, len(which))


def _read_boxes(listed: NDArray[np.uint8], which: Ints) -> Floats:
    found: Floats = listed.view(np.float32)[:, _BOX : _BOX + 4][which]
    return found


def _read_matrices(listed: NDArray[np.uint8], which: Ints) -> Floats:
    found: Floats = listed.view(np.float32)[:, _MATRIX : _MATRIX + 6][which]
    return found


def _read_objects(listed: NDArray[np.uint8], which: Ints) -> NDArray[np.uint64]:
    found: NDArray[np.uint64] = listed.view(np.uint64)[:, _OBJECT][which]
    return found


def _listed(textpage: RawText, count: int) -> NDArray[np.uint8] | None:
    """The list of characters, a row of bytes for each; None where there is none of this length where it should be."""
    start = ctypes.addressof(textpage.raw.contents)
    address, length, room = np.frombuffer(_view(start + _LIST, _LIST_SIZE, _READ_ONLY), np.uint64).tolist()
    if not address or address % 8 or not 0 < length == count <= room:
        return None
    return np.frombuffer(_view(address, _SIZE * count, _READ_ONLY), np.uint8).reshape(count, _SIZE)


class Layout:
    """Whether PDFium keeps characters as they are read here. Nothing promises that, so it is seen on the first page
    with enough of them, by what PDFium answers; until then, and where it does not, all are asked for."""

    def __init__(self) -> None:
        self._is_known: bool | None = None

    def holds_for(self, handle: Pointer, listed: NDArray[np.uint8]) -> bool:
        """Whether the characters of a page may be read."""
        if self._is_known is None and len(listed) >= _FEW:
            some = np.arange(min(len(listed), _SOME))
            boxes, matrices = _ask_boxes(handle, some), _matrices.rows(handle, some)
            objects = _ask_objects(handle, some)
            if len(np.unique(boxes, axis=0)) >= _LEAST and np.count_nonzero(objects) >= _LEAST:
                self._is_known = (
                    np.array_equal(boxes, _read_boxes(listed, some))
                    and np.array_equal(matrices, _read_matrices(listed, some))
                    and np.array_equal(objects, _read_objects(listed, some))
                )
        return self._is_known is True


_layout = Layout()
