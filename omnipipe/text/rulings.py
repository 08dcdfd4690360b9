"""The straight lines that a page draws: strokes, thin filled rectangles and edges of boxes, joined where they touch.

Few calls into PDFium: only the bounds of simple paths, and the points of paths with several parts.
"""

from __future__ import annotations

import ctypes
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.lines import to_frame
from omnipipe.text.native import Handle, bare

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Box = tuple[float, float, float, float]
    Matrix = tuple[float, float, float, float, float, float]

_count_objects = bare(pdfium.FPDFPage_CountObjects, ctypes.c_int)
_get_object = bare(pdfium.FPDFPage_GetObject, Handle)
_get_type = bare(pdfium.FPDFPageObj_GetType, ctypes.c_int)
_get_bounds = bare(pdfium.FPDFPageObj_GetBounds, ctypes.c_int)
_get_matrix = bare(pdfium.FPDFPageObj_GetMatrix, ctypes.c_int)
_count_inside = bare(pdfium.FPDFFormObj_CountObjects, ctypes.c_int)
_get_inside = bare(pdfium.FPDFFormObj_GetObject, Handle)
_count_segments = bare(pdfium.FPDFPath_CountSegments, ctypes.c_int)
_get_segment = bare(pdfium.FPDFPath_GetPathSegment, Handle)
_get_point = bare(pdfium.FPDFPathSegment_GetPoint, ctypes.c_int)
_get_kind = bare(pdfium.FPDFPathSegment_GetType, ctypes.c_int)
_get_close = bare(pdfium.FPDFPathSegment_GetClose, ctypes.c_int)
_get_draw_mode = bare(pdfium.FPDFPath_GetDrawMode, ctypes.c_int)
_get_fill = bare(pdfium.FPDFPageObj_GetFillColor, ctypes.c_int)

_MAX_OBJECTS = 2000
_MAX_SEGMENTS = 3000
_ENOUGH, _LEAST_LINES = 150, 0.2
"""Where of so many paths fewer (0 to 1) are lines, the page is a drawing."""
_SMALL = 8.0
"""Points; smaller paths are letters, dots and marks."""
_MAX_FILLS = 600
_MAX_DEPTH = 3
_WHITE = 0xFFFFFF
_BEYOND = 0.7
_APART = 1e6
_THIN = 3.0
"""Points; filled paths up to this thick are lines."""
_CURVED = 6
"""A path with a curve among its first segments is a drawing."""
_SLOPE = 0.6
"""Points that a line may be off the axis."""
_JOIN = 3.5
"""Points between the parts of one dashed or broken line."""
_SAME = 1.6
"""Points between two strokes of one (double) line."""
_MIN_LENGTH = 5.0
_DOT = 0.5
"""Shorter parts of dashed and dotted lines are not looked at."""
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class Rulings(NamedTuple):
    """Lines in a reading frame, points: rows of `horizontal` are (y, x0, x1), sorted by y; of `vertical` (x, y0, y1),
    sorted by x."""

    horizontal: Floats
    vertical: Floats


class _Lines:
    """Collects boxes (left, bottom, right, top of the page): lines, and filled boxes with their colours; bounded."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.fills: list[Box] = []
        self.colours: list[int] = []
        self.budget = _MAX_SEGMENTS
        self.num_paths = 0
        self._box = (ctypes.c_float * 4)()
        at = ctypes.addressof(self._box)
        self._out = [ctypes.c_void_p(at + 4 * i) for i in range(4)]
        self._mode = (ctypes.c_int(), ctypes.c_int())

    def add(self, found: Handle, outer: Matrix, depth: int) -> None:
        """The lines of one object; `outer` places what stands in a form."""
        kind = _get_type(found)
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            self._add_path(found, outer)
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
            matrix = _multiply(_matrix(found), outer)
            for i in range(min(_count_inside(found), _MAX_OBJECTS)):
                if self.budget <= 0:
                    return
                self.budget -= 1
                self.add(_get_inside(found, i), matrix, depth + 1)

    def _add_path(self, path: Handle, outer: Matrix) -> None:
        self.num_paths += 1
        if self.num_paths > _ENOUGH and len(self.boxes) + len(self.fills) < _LEAST_LINES * self.num_paths:
            self.budget = 0
            return
        count: int = _count_segments(path)
        self.budget -= 1
        if count < 2 or self.budget <= 0 or not _get_bounds(path, *self._out):
            return
        x0, y0, x1, y1 = _moved_box((self._box[0], self._box[1], self._box[2], self._box[3]), outer)
        is_thin = min(x1 - x0, y1 - y0) <= _THIN
        longest = max(x1 - x0, y1 - y0)
        if longest < _DOT or (not is_thin and (count < 4 or longest < _SMALL)):
            return
        fill, stroke = self._mode
        if not _get_draw_mode(path, ctypes.byref(fill), ctypes.byref(stroke)) or not (fill.value or stroke.value):
            return
        if is_thin and count <= 6:
            self.boxes.append((x0, y0, x1, y1))
            return
        self.budget -= count
        if self.budget > 0:
            self._add_parts(path, count, outer, bool(stroke.value))

    def _add_parts(self, path: Handle, count: int, outer: Matrix, stroked: bool) -> None:
        """The straight edges of a path of several parts."""
        matrix = _multiply(_matrix(path), outer)
        x, y = self._out[:2]
        start = last = (0.0, 0.0)
        edges: list[Box] = []
        parts: list[list[Box]] = []
        for i in range(count):
            segment = _get_segment(path, i)
            if not segment or not _get_point(segment, x, y):
                return
            kind = _get_kind(segment)
            point = _moved(self._box[0], self._box[1], matrix)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                parts.append(edges := [])
                start = point
            elif kind == pdfium.FPDF_SEGMENT_LINETO:
                edges.append((*last, *point))
            elif i < _CURVED:
                return
            else:
                # A curve is as crooked as an edge can be.
                edges.append((0.0, 0.0, 1e6, 1e6))
            last = point
            if _get_close(segment):
                edges.append((*last, *start))
                last = start
        colour = -1 if stroked else self._colour(path)
        for part in parts:
            self._add_part(part, colour)

    def _add_part(self, edges: list[Box], colour: int) -> None:
        if not edges:
            return
        straight = [e for e in edges if abs(e[0] - e[2]) <= _SLOPE or abs(e[1] - e[3]) <= _SLOPE]
        boxes = [(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)) for ax, ay, bx, by in straight]
        if colour < 0:
            self.boxes += boxes
        elif len(straight) == len(edges):
            x0, y0, x1, y1 = (pick(box[i] for box in boxes) for i, pick in enumerate((min, min, max, max)))
            if min(x1 - x0, y1 - y0) <= _THIN:
                self.boxes.append((x0, y0, x1, y1))
            else:
                self.fills.append((x0, y0, x1, y1))
                self.colours.append(colour)

    def _colour(self, path: Handle) -> int:
        parts = [ctypes.c_uint(255) for _ in range(4)]
        _get_fill(path, *map(ctypes.byref, parts))
        red, green, blue, alpha = (part.value for part in parts)
        return _WHITE if alpha < 8 or min(red, green, blue) > 250 else red << 16 | green << 8 | blue


def _matrix(found: Handle) -> Matrix:
    matrix = pdfium.FS_MATRIX()
    if not _get_matrix(found, ctypes.byref(matrix)):
        return _IDENTITY
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def find_lines(page: pypdfium2.PdfPage) -> Floats:
    """Straight lines of `page` as boxes (n x 4: left, bottom, right, top in points of the unturned page).

    Looks at 2,000 objects, the first and the last, and 3,000 parts of paths only; what is not a number is left out.
    """
    raw = ctypes.cast(page.raw, Handle)
    count = _count_objects(raw)
    # Lines are drawn before the text or after it.
    half = _MAX_OBJECTS // 2
    indices = range(count) if count <= _MAX_OBJECTS else (*range(half), *range(count - half, count))
    handles = list(map(_get_object, repeat(raw), indices))
    lines = _Lines()
    wanted = (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_FORM)
    for kind, found in zip(map(_get_type, handles), handles, strict=True):
        if kind in wanted:
            lines.add(found, _IDENTITY, 0)
            if lines.budget <= 0:
                break
    boxes = np.array(lines.boxes, np.float32).reshape(-1, 4)
    if lines.fills:
        boxes = np.concatenate((boxes, _edges(np.array(lines.fills, np.float32), np.array(lines.colours), page)))
    return boxes[np.isfinite(boxes).all(axis=1) & (np.abs(boxes) < 1e5).all(axis=1)]


def _edges(fills: Floats, colours: NDArray[np.intp], page: pypdfium2.PdfPage) -> Floats:
    """The edges of filled boxes that can be seen: another colour, or none, on the other side."""
    left, bottom, right, top = page.get_bbox()
    whole = (fills[:, 2] - fills[:, 0] > 0.9 * (right - left)) & (fills[:, 3] - fills[:, 1] > 0.9 * (top - bottom))
    fills, colours = fills[~whole][:_MAX_FILLS], colours[~whole][:_MAX_FILLS]
    x0, y0, x1, y1 = fills.T
    within = ((x0[:, None] >= x0 - 1) & (y0[:, None] >= y0 - 1) & (x1[:, None] <= x1 + 1) & (y1[:, None] <= y1 + 1)) & (
        colours != _WHITE
    )
    np.fill_diagonal(within, False)
    # White on white is nothing, white cells on a dark ground are a grid.
    seen = (colours != _WHITE) | within.any(axis=1)
    fills, colours = fills[seen], colours[seen]
    x0, y0, x1, y1 = fills.T
    same = colours[:, None] == colours
    np.fill_diagonal(same, False)
    wide = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0) > 0.8 * (x1 - x0)[:, None]
    high = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0) > 0.8 * (y1 - y0)[:, None]
    kept = []
    for outward, across, low, high_end, columns in (
        (y0 - _BEYOND, wide, y0 - 1, y1, (x0, y0, x1, y0)),
        (y1 + _BEYOND, wide, y0, y1 + 1, (x0, y1, x1, y1)),
        (x0 - _BEYOND, high, x0 - 1, x1, (x0, y0, x0, y1)),
        (x1 + _BEYOND, high, x0, x1 + 1, (x1, y0, x1, y1)),
    ):
        # Just beyond the edge stands a box of the same colour.
        hidden = (same & across & (outward[:, None] > low) & (outward[:, None] < high_end)).any(axis=1)
        kept.append(np.stack(columns, axis=1)[~hidden])
    return np.concatenate(kept)


def to_rulings(boxes: Floats, turn: int) -> Rulings:
    """Lines of `find_lines` in the reading frame of `turn`, parts of one line joined."""
    left, top, right, bottom = to_frame(boxes, turn)
    flat = right - left >= bottom - top
    across = np.stack(((top + bottom) / 2, left, right), axis=1).astype(np.float32)[flat]
    down = np.stack(((left + right) / 2, top, bottom), axis=1).astype(np.float32)[~flat]
    return Rulings(_joined(across), _joined(down))


def _joined(lines: Floats) -> Floats:
    """Lines (place, start, end) with those of one place that touch made one, short ones left out, sorted by place."""
    if not len(lines):
        return lines.reshape(0, 3)
    lines = lines[np.argsort(lines[:, 0], kind="stable")].astype(np.float64)
    group = np.concatenate(([0], np.cumsum(np.diff(lines[:, 0]) > _SAME)))
    lines, group = lines[order := np.lexsort((lines[:, 1], group))], group[order]
    # Each place gets a stretch of the axis of its own: one pass then joins along all of them.
    apart = group * _APART
    start, end = lines[:, 1] + apart, lines[:, 2] + apart
    reach = np.maximum.accumulate(end)
    first = np.concatenate(([0], np.flatnonzero(start[1:] - reach[:-1] > _JOIN) + 1))
    last = np.concatenate((first[1:], [len(lines)])) - 1
    weight = lines[:, 2] - lines[:, 1] + 0.01
    place = np.add.reduceat(lines[:, 0] * weight, first) / np.add.reduceat(weight, first)
    joined = np.stack((place, lines[first, 1], reach[last] - apart[last]), axis=1)
    joined = joined[joined[:, 2] - joined[:, 1] >= _MIN_LENGTH]
    sorted_lines: Floats = joined[np.argsort(joined[:, 0], kind="stable")].astype(np.float32)
    return sorted_lines


def _moved(x: float, y: float, matrix: Matrix) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _moved_box(box: Box, matrix: Matrix) -> Box:
    if matrix is _IDENTITY:
        return box
    (ax, ay), (bx, by) = _moved(box[0], box[1], matrix), _moved(box[2], box[3], matrix)
    return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def _multiply(first: Matrix, then: Matrix) -> Matrix:
    """The matrix that applies `first`, and `then` after it."""
    if then is _IDENTITY:
        return first
    a, b, c, d, e, f = first
    (x, y), (u, v) = _moved(e, f, then), (then[0], then[1])
    return (
        a * u + b * then[2],
        a * v + b * then[3],
        c * u + d * then[2],
        c * v + d * then[3],
        x,
        y,
    )
