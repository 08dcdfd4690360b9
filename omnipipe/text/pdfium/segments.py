"""The segments of paths: read from where PDFium keeps them, with one call for a path instead of four for a segment."""

from __future__ import annotations

import ctypes
from functools import cache
from itertools import chain, repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.pdfium.native import Handle, bare, handle_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_get_segment = bare(pdfium.FPDFPath_GetPathSegment, ctypes.c_void_p)
_get_point = bare(pdfium.FPDFPathSegment_GetPoint, ctypes.c_int)
_get_kind = bare(pdfium.FPDFPathSegment_GetType, ctypes.c_int)
_get_close = bare(pdfium.FPDFPathSegment_GetClose, ctypes.c_int)

_copy = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t)(
    ("PyBytes_FromStringAndSize", ctypes.pythonapi)
)
"""As `ctypes.string_at`, in three quarters of its time."""

MOVE, CURVE = pdfium.FPDF_SEGMENT_MOVETO, pdfium.FPDF_SEGMENT_BEZIERTO
_RECORD = np.dtype({"names": ["x", "y", "kind", "closes"], "formats": ["f4", "f4", "u1", "?"], "itemsize": 12})
_SIZE = _RECORD.itemsize
_TRIAL = ((1.5, 2.5), (3.0, -4.0), (5.0, 6.0), (7.0, 8.0), (9.0, 10.0), (11.0, 12.0), (13.0, 14.0), (15.0, 16.0))


class Segments(NamedTuple):
    """The segments of some paths, one after the other: where each leads to, its kind, and whether it ends a part that
    is closed."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    kind: NDArray[np.uint8]
    closes: NDArray[np.bool_]


def read_segments(paths: Sequence[Handle], counts: Sequence[int]) -> Segments:
    """The first segments of `paths`, so many of each as `counts` says: at least one, and no more than it has."""
    return _columns(_copied(paths, counts)) if are_records() else ask_segments(paths, counts)


def ask_segments(paths: Sequence[Handle], counts: Sequence[int]) -> Segments:
    """As `read_segments`, by what PDFium promises to answer."""
    return _columns(_asked(paths, counts))


def _columns(records: NDArray[np.void]) -> Segments:
    x, y = records["x"].astype(np.float64), records["y"].astype(np.float64)
    return Segments(x, y, records["kind"].copy(), records["closes"].copy())


def _copied(paths: Sequence[Handle], counts: Sequence[int]) -> NDArray[np.void]:
    starts = map(_get_segment, paths, repeat(0))
    return np.frombuffer(b"".join(map(_copy, starts, [_SIZE * count for count in counts])), _RECORD)


def _asked(paths: Sequence[Handle], counts: Sequence[int]) -> NDArray[np.void]:
    each = chain.from_iterable(map(repeat, paths, counts))
    segments = [ctypes.c_void_p(at) for at in map(_get_segment, each, chain.from_iterable(map(range, counts)))]
    records = np.zeros(len(segments), _RECORD)
    place = (ctypes.c_float * 2)()
    where = ctypes.byref(place), ctypes.byref(place, ctypes.sizeof(ctypes.c_float))
    for k, segment in enumerate(segments):
        _get_point(segment, *where)
        records[k] = (*place, _get_kind(segment) & 0xFF, _get_close(segment))
    return records


@cache
def are_records() -> bool:
    """Whether PDFium keeps the segments of a path as `_RECORD` one after the other: nothing promises that, so it is
    seen on a path made for the question."""
    first, *rest = _TRIAL
    path = pdfium.FPDFPageObj_CreateNewPath(*first)
    try:
        pdfium.FPDFPath_LineTo(path, *rest[0])
        pdfium.FPDFPath_BezierTo(path, *chain.from_iterable(rest[1:4]))
        pdfium.FPDFPath_Close(path)
        pdfium.FPDFPath_MoveTo(path, *rest[4])
        for point in rest[5:]:
            pdfium.FPDFPath_LineTo(path, *point)
        handle = handle_of(path)
        at = [_get_segment(handle, k) for k in range(len(_TRIAL))]
        if None in at or [b - at[0] for b in at] != list(range(0, _SIZE * len(_TRIAL), _SIZE)):
            return False
        paths, counts = [handle], [len(_TRIAL)]
        return bool((_copied(paths, counts) == _asked(paths, counts)).all())
    finally:
        pdfium.FPDFPageObj_Destroy(path)
