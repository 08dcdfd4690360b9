"""The straight parts of the paths that a page draws: PDFium is asked about many paths at a time.

Bounds of simple paths are enough; of paths with several parts every point is looked at.
"""

from __future__ import annotations

import ctypes
from collections import deque
from itertools import compress, pairwise, repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.pdfium.native import Handle, bare, pointers
from omnipipe.text.pdfium.objects import Drawn
from omnipipe.text.pdfium.segments import CURVE, MOVE, Segments, read_segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeVar

    import pypdfium2
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Ints = NDArray[np.intp]
    Flags = NDArray[np.bool_]
    _T = TypeVar("_T", float, Doubles)

_get_type = bare(pdfium.FPDFPageObj_GetType, ctypes.c_int)
_get_bounds = bare(pdfium.FPDFPageObj_GetBounds, ctypes.c_int)
_get_matrix = bare(pdfium.FPDFPageObj_GetMatrix, ctypes.c_int)
_count_inside = bare(pdfium.FPDFFormObj_CountObjects, ctypes.c_int)
_get_inside = bare(pdfium.FPDFFormObj_GetObject, Handle)
_count_segments = bare(pdfium.FPDFPath_CountSegments, ctypes.c_int)
_get_draw_mode = bare(pdfium.FPDFPath_GetDrawMode, ctypes.c_int)
_get_fill = bare(pdfium.FPDFPageObj_GetFillColor, ctypes.c_int)

_PATH, _FORM = pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_FORM
_MAX_OBJECTS = 2000
_MAX_SEGMENTS = 3000
_ENOUGH, _LEAST_LINES = 150, 0.2
"""Where of so many paths fewer (0 to 1) are lines, the page is a drawing."""
_CHUNK = 256
"""Paths that are looked at in one go: what a drawing costs before it is known for one."""
_SMALL = 8.0
"""Points; smaller paths are letters, dots and marks."""
_MAX_DEPTH = 3
WHITE = 0xFFFFFF
_THIN = 3.0
"""Points; filled paths up to this thick are lines."""
THICK, SLENDER = 6.0, 4.0
"""Points, and times its thickness: no line is thicker and none that thick is shorter. PDFium's bounds of a stroke are
twice its width, and so are those of a short slope."""
_SIMPLE = 6
"""Thin paths of so many segments at most are one line. A path with a curve among as many is a drawing."""
_SLOPE = 0.6
"""Points that a line may be off the axis."""
_DOT = 0.5
"""Shorter parts of dashed and dotted lines are not looked at."""
_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_NO_BOX, _NONE, _ZERO, _TRUE = np.zeros((4, 0)), np.zeros(0, np.intp), np.zeros(1, np.intp), np.ones(1, bool)

_WIDTH = 8
_ROWS = 1024
_scratch = np.zeros((_ROWS, _WIDTH), np.float32)
_ints = _scratch.view(np.uint32)
_at = [pointers(_scratch[:, column]) for column in range(4)]
"""Where PDFium writes; the pointers are made once, which is half of a call's cost."""


class Parts(NamedTuple):
    """Boxes (n x 4: left, bottom, right, top in points of the unturned page) of lines, and of filled boxes (`fills`)
    with their `colours` (0xRRGGBB; `WHITE` also for what is hardly seen)."""

    boxes: Doubles
    fills: Doubles
    colours: Ints


class _Paths:
    """The paths of a page in the order in which they are drawn: `forms` are the matrices (six numbers) of the forms
    that they may be in, `inside` says which of them each is in, `walked` counts the objects within forms up to it;
    nothing where there are no forms."""

    def __init__(self) -> None:
        self.handles: list[Handle] = []
        self.forms: list[Sequence[float]] = []
        self.inside: list[int] = []
        self.walked: list[int] = []
        self.num_walked = 0

    def add(self, found: Sequence[Handle], kinds: Sequence[int], outer: Sequence[float] = _IDENTITY) -> None:
        """Put the paths among `found`, whose `kinds` are known, into the list, and those inside of its forms."""
        if _FORM in kinds:
            self._add(found, kinds, outer, 0)
        else:
            self.handles = list(compress(found, map(_PATH.__eq__, kinds)))

    def _add(self, found: Sequence[Handle], kinds: Sequence[int], outer: Sequence[float], depth: int) -> None:
        form = len(self.forms)
        self.forms.append(outer)
        start = 0
        for k in [*compress(range(len(kinds)), map(_FORM.__eq__, kinds)), len(kinds)]:
            self._put(found[start:k], kinds[start:k], form, depth)
            start = k + 1
            if k == len(kinds) or self.num_walked + bool(depth) >= _MAX_SEGMENTS:
                return
            self.num_walked += bool(depth)
            if depth < _MAX_DEPTH:
                # Plain numbers: arrays of six cost ten times more, and some pages have hundreds of forms.
                matrix = _scratch[0, :6].tolist() if _get_matrix(found[k], _at[0][0]) else _IDENTITY
                num_inside = min(_count_inside(found[k]), _MAX_OBJECTS)
                inside = list(map(_get_inside, repeat(found[k], num_inside), range(num_inside)))
                self._add(inside, list(map(_get_type, inside)), _placed(matrix, outer), depth + 1)

    def _put(self, found: Sequence[Handle], kinds: Sequence[int], form: int, depth: int) -> None:
        """Put the paths among `found`, which are no forms, into the list."""
        room = max(_MAX_SEGMENTS - 1 - self.num_walked, 0) if depth else len(kinds)
        at = list(compress(range(len(kinds[:room])), map(_PATH.__eq__, kinds)))
        self.handles += map(found.__getitem__, at)
        self.inside += [form] * len(at)
        self.walked += [self.num_walked + k + 1 for k in at] if depth else [self.num_walked] * len(at)
        self.num_walked += len(kinds) if depth else 0

    def outer(self, which: slice) -> Doubles | None:
        """The matrices (6 x n) of the forms that the paths at `which` are in; None where there are no forms."""
        return np.array(self.forms).T[:, self.inside[which]] if self.forms else None


def find_parts(page: pypdfium2.PdfPage, drawn: Drawn | None = None) -> Parts:
    """The straight parts of the paths of `page`.

    Looks at 2,000 objects, the first and the last, and 3,000 parts of paths only.
    """
    drawn = drawn or Drawn(page)
    paths = _Paths()
    if drawn.count <= _MAX_OBJECTS:
        paths.add(*drawn.first(_MAX_OBJECTS))
    else:
        # Lines are drawn before the text or after it.
        half = _MAX_OBJECTS // 2
        handles, kinds = drawn.first(half)
        last = drawn.between(drawn.count - half, drawn.count)
        paths.add([*handles, *last], [*kinds, *map(_get_type, last)])
    found: list[Parts] = []
    spent = num_found = 0
    # Once it is no drawing, all that there is room for.
    bounds = [0, _CHUNK, *range(_CHUNK + _ROWS, len(paths.handles) + _ROWS, _ROWS)]
    for start, end in pairwise(bounds):
        if start >= len(paths.handles):
            break
        parts, cost, is_all = _look_at(paths, slice(start, end), spent, num_found)
        found.append(parts)
        spent += cost
        num_found += len(parts.boxes) + len(parts.fills)
        if not is_all:
            break
    if len(found) == 1:
        return found[0]
    return Parts(*map(np.concatenate, zip(*found, strict=True))) if found else Parts(_NO_BOX.T, _NO_BOX.T, _NONE)


def _look_at(paths: _Paths, which: slice, spent: int, num_found: int) -> tuple[Parts, int, bool]:
    """The parts of the paths at `which`, what they cost, and whether there is room for more; `spent` and `num_found`
    count costs and parts before them."""
    handles, start = paths.handles[which], which.start
    outer = paths.outer(which)
    counts = np.fromiter(map(_count_segments, handles), np.intp, len(handles))
    box, is_seen = bounds_of(handles, outer)
    wide, high = box[2] - box[0], box[3] - box[1]
    longest, shortest = np.maximum(wide, high), np.minimum(wide, high)
    is_thin = shortest <= _THIN
    is_thick = (counts > 3) | ((shortest <= 2 * THICK) & (longest >= SLENDER * shortest))
    is_seen &= (counts > 1) & (longest >= _DOT) & (is_thin | (is_thick & (longest >= _SMALL)))
    is_seen, is_stroked = _modes(handles, is_seen)
    is_line = is_seen & is_thin & (counts <= _SIMPLE)
    is_parted = is_seen & ~is_line
    # Each path costs something, those with several parts more.
    cost = (1 + counts * is_parted).cumsum()
    total = cost + paths.walked[which] if paths.walked else cost
    is_paid = total < _MAX_SEGMENTS - spent
    owners = (is_line & is_paid).nonzero()[0]
    boxes, fills, filled = box[:, owners], _NO_BOX, _NONE
    parted = (is_parted & is_paid).nonzero()[0]
    if len(parted):
        matrices = _matrices(handles, outer, parted)
        more, who, fills, filled = _Edges([handles[k] for k in parted.tolist()], matrices, counts[parted]).parts(
            is_stroked[parted]
        )
        owners, filled = np.concatenate((owners, parted[who])), parted[filled]
        order = owners.argsort(kind="stable")
        owners, boxes = owners[order], np.concatenate((boxes, more), axis=1)[:, order]
    end = len(handles)
    if start + end > _ENOUGH:
        end = _end(np.concatenate((owners, filled)), end, start, num_found)
    if end < len(handles):
        boxes, fills, filled = boxes[:, owners < end], fills[:, filled < end], filled[filled < end]
    return Parts(boxes.T, fills.T, _colours(handles, filled)), int(cost[-1]), bool(is_paid[-1]) and end == len(handles)


def _end(owners: Ints, num_paths: int, start: int, num_found: int) -> int:
    """How many of `num_paths` paths are looked at before it is clear that the page is a drawing."""
    made = np.bincount(owners, minlength=num_paths)
    number = np.arange(start + 1, start + num_paths + 1)
    is_drawing = (number > _ENOUGH) & (num_found + made.cumsum() - made < _LEAST_LINES * number)
    return int(is_drawing.argmax()) if is_drawing.any() else num_paths


def bounds_of(handles: Sequence[Handle], outer: Doubles | None = None) -> tuple[Doubles, Flags]:
    """The bounds of at most 1,024 objects (4 x n: left, bottom, right, top in points), and for which there are any.

    `outer` are the matrices (6 x n) of the forms that they are in.
    """
    known = np.fromiter(map(_get_bounds, handles, *_at), np.bool_, len(handles))
    box = _scratch[: len(handles), :4].T.astype(np.float64)
    if outer is None:
        return box, known
    (ax, ay), (bx, by) = _moved(box[0], box[1], outer), _moved(box[2], box[3], outer)
    return np.array((np.minimum(ax, bx), np.minimum(ay, by), np.maximum(ax, bx), np.maximum(ay, by))), known


def _modes(handles: Sequence[Handle], which: Flags) -> tuple[Flags, Flags]:
    """Those of `which` that are filled or stroked, and the stroked ones."""
    at = which.nonzero()[0]
    if not len(at):
        return which, which
    _ints[: len(at), :2] = 0
    deque(map(_get_draw_mode, [handles[k] for k in at.tolist()], *_at[:2]), 0)
    is_filled, is_stroked = _ints[: len(at), 0] != 0, _ints[: len(at), 1] != 0
    seen, stroked = np.zeros(len(handles), bool), np.zeros(len(handles), bool)
    seen[at], stroked[at] = is_filled | is_stroked, is_stroked
    return seen, stroked


def _matrices(handles: Sequence[Handle], outer: Doubles | None, which: Ints) -> Doubles:
    deque(map(_get_matrix, [handles[k] for k in which.tolist()], _at[0]), 0)
    matrices = _scratch[: len(which), :6].T.astype(np.float64)
    return matrices if outer is None else np.array(_placed(matrices, outer[:, which]))


def _colours(handles: Sequence[Handle], which: Ints) -> Ints:
    """The colours, 0xRRGGBB, of the paths at `which`, sorted, where a path may be named often."""
    if not len(which):
        return _NONE
    is_new = np.concatenate((_TRUE, which[1:] != which[:-1]))
    paths = [handles[k] for k in which[is_new].tolist()]
    _ints[: len(paths), :4] = 255
    deque(map(_get_fill, paths, *_at), 0)
    red, green, blue, alpha = _ints[: len(paths), :4].astype(np.intp).T
    is_white = (alpha < 8) | (np.minimum(np.minimum(red, green), blue) > 250)
    colours: Ints = np.where(is_white, WHITE, red << 16 | green << 8 | blue)[is_new.cumsum() - 1]
    return colours


class _Edges:
    """The edges of paths with several parts: two for each of their segments, that to its point and the closing one."""

    def __init__(self, handles: Sequence[Handle], matrices: Doubles, counts: Ints) -> None:
        owner, (x, y, kinds, is_closed) = _segments(handles, counts)
        num = len(owner)
        is_move = kinds == MOVE
        index = np.arange(num)
        opens = np.ones(num, bool)
        opens[1:] = owner[1:] != owner[:-1]
        part = np.maximum.accumulate(np.where(is_move, index, -1))
        # Nothing is drawn before the pen is put down.
        is_part = part >= np.maximum.accumulate(np.where(opens, index, 0))
        drawn = (~is_move & is_part).nonzero()[0]
        closing = (is_closed & is_part).nonzero()[0]
        # Most drawings have one matrix.
        is_one = not np.count_nonzero(matrices != matrices[:, :1])
        x, y = _moved(x, y, matrices[:, :1] if is_one else matrices[:, owner])
        # What was closed goes on from where it started.
        before = np.where(is_closed[drawn - 1], part[drawn - 1], drawn - 1)
        order = np.concatenate((2 * drawn, 2 * closing + 1)).argsort(kind="stable")
        start, end = np.concatenate((before, closing))[order], np.concatenate((drawn, part[closing]))[order]
        self._owner, self._part = owner[end], part[end]
        ax, ay, bx, by = x[start], y[start], x[end], y[end]
        low_x, low_y, high_x, high_y = np.minimum(ax, bx), np.minimum(ay, by), np.maximum(ax, bx), np.maximum(ay, by)
        self._box = np.array((low_x, low_y, high_x, high_y))
        self._is_straight = (high_x - low_x <= _SLOPE) | (high_y - low_y <= _SLOPE)
        is_curve = kinds[drawn] == CURVE
        if np.count_nonzero(is_curve):
            curves = np.concatenate((is_curve, np.zeros(len(closing), bool)))[order]
            self._is_straight[curves] = False

    def parts(self, is_stroked: Flags) -> tuple[Doubles, Ints, Doubles, Ints]:
        """Boxes of lines with the numbers of their paths, and boxes of filled parts with theirs."""
        stroked = is_stroked[self._owner]
        lines = (stroked & self._is_straight).nonzero()[0]
        boxes, owners = self._box[:, lines], self._owner[lines]
        filled = (~stroked).nonzero()[0]
        if not len(filled):
            return boxes, owners, _NO_BOX, _NONE
        part, box = self._part[filled], self._box[:, filled]
        first = np.concatenate((_ZERO, (part[1:] != part[:-1]).nonzero()[0] + 1))
        low, high = np.minimum.reduceat(box[:2], first, axis=1), np.maximum.reduceat(box[2:], first, axis=1)
        is_straight = np.logical_and.reduceat(self._is_straight[filled], first)
        is_thin = (high - low).min(axis=0) <= _THIN
        whole, owner = np.concatenate((low, high)), self._owner[filled[first]]
        thin, thick = is_straight & is_thin, is_straight & ~is_thin
        lines = np.concatenate((boxes, whole[:, thin]), axis=1)
        return lines, np.concatenate((owners, owner[thin])), whole[:, thick], owner[thick]


def _segments(handles: Sequence[Handle], counts: Ints) -> tuple[Ints, Segments]:
    """For each segment of paths the number of its path; and the segments, none of drawings with curves."""
    kept = np.ones(len(handles), bool)
    long = (counts > _SIMPLE).nonzero()[0]
    if len(long):
        kind = read_segments([handles[k] for k in long.tolist()], [_SIMPLE] * len(long)).kind
        kept[long[(kind.reshape(-1, _SIMPLE) == CURVE).any(axis=1)]] = False
        numbers = kept.nonzero()[0]
        handles, counts = [handles[k] for k in numbers.tolist()], counts[numbers]
    else:
        numbers = np.arange(len(handles))
    segments = read_segments(handles, counts.tolist())
    owner = numbers.repeat(counts)
    is_curve = segments.kind == CURVE
    if np.count_nonzero(is_curve):
        short = owner[is_curve & (counts.repeat(counts) <= _SIMPLE)]
        if len(short):
            kept[short] = False
            which = kept[owner]
            owner, segments = owner[which], Segments._make(column[which] for column in segments)
    return owner, segments


def _moved(x: _T, y: _T, matrices: Iterable[_T]) -> tuple[_T, _T]:
    """Points under `matrices` (6, or 6 x n)."""
    a, b, c, d, e, f = matrices
    return a * x + c * y + e, b * x + d * y + f


def _placed(first: Iterable[_T], then: Iterable[_T]) -> tuple[_T, ...]:
    """The matrices (6, or 6 x n) that apply `first`, and `then` after it."""
    a, b, c, d, e, f = first
    u, v, w, z, s, t = then
    return a * u + b * w, a * v + b * z, c * u + d * w, c * v + d * z, u * e + w * f + s, v * e + z * f + t
