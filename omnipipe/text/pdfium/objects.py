"""What a page draws beside text: images, and filled paths that may be letters turned into outlines."""

from __future__ import annotations

import ctypes
from itertools import compress, repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.pdfium.native import Handle, bare, pointer_to, pointers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pypdfium2

_count_objects = bare(pdfium.FPDFPage_CountObjects, ctypes.c_int)
_get_object = bare(pdfium.FPDFPage_GetObject, Handle)
_get_type = bare(pdfium.FPDFPageObj_GetType, ctypes.c_int)
_get_bounds = bare(pdfium.FPDFPageObj_GetBounds, ctypes.c_int)
_count_inside = bare(pdfium.FPDFFormObj_CountObjects, ctypes.c_int)
_get_inside = bare(pdfium.FPDFFormObj_GetObject, Handle)
_count_segments = bare(pdfium.FPDFPath_CountSegments, ctypes.c_int)
_get_draw_mode = bare(pdfium.FPDFPath_GetDrawMode, ctypes.c_int)

_get_fill = bare(pdfium.FPDFPageObj_GetFillColor, ctypes.c_int)

_NUMBERS = np.zeros(2, np.int32)
_LEVELS = np.zeros(4, np.uint32)
_SIDES = np.zeros(4, np.float32)
_at_numbers, _at_levels, _at_sides = pointers(_NUMBERS), pointers(_LEVELS), pointers(_SIDES)
"""Where PDFium writes, and the pointers to it."""

Box = tuple[float, float, float, float]

_DRAWN = (
    pdfium.FPDF_PAGEOBJ_PATH,
    pdfium.FPDF_PAGEOBJ_IMAGE,
    pdfium.FPDF_PAGEOBJ_SHADING,
    pdfium.FPDF_PAGEOBJ_FORM,
)
_MAY_HOLD_IMAGES = frozenset((pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM))
_PLAIN = {pdfium.FPDF_PAGEOBJ_TEXT, pdfium.FPDF_PAGEOBJ_PATH}
_MAX_HANDLES = 20_000
_MAX_OBJECTS = 2000
_MAX_DEPTH = 4
_MIN_SEGMENTS = 6
"""A letter's outline has at least this many segments."""


def is_filled(path: Handle) -> bool:
    """Whether a path is filled."""
    return bool(_get_draw_mode(path, *_at_numbers) and _NUMBERS[0])


def fill_of(found: Handle) -> list[int] | None:
    """Red, green, blue and opacity (0 to 255) that something is filled in; None where PDFium knows none."""
    return _LEVELS.tolist() if _get_fill(found, *_at_levels) else None


class Drawn:
    """What `page` draws, in its order, while it is open: PDFium is asked once for each object, whoever needs it."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._raw = pointer_to(page.raw)
        self._handles: list[Handle] = []
        self._kinds: list[int] = []
        self.count: int = _count_objects(self._raw)
        """How many objects there are."""

    def first(self, num: int) -> tuple[list[Handle], list[int]]:
        """The first `num` objects and their kinds, all where there are fewer."""
        known = len(self._handles)
        more = self.between(known, min(num, self.count)) if num > known else []
        self._handles += more
        self._kinds += map(_get_type, more)
        return (self._handles, self._kinds) if num >= len(self._handles) else (self._handles[:num], self._kinds[:num])

    def kinds_of(self, handles: Iterable[Handle]) -> list[int]:
        """The kinds of objects."""
        return list(map(_get_type, handles))

    def between(self, start: int, end: int) -> list[Handle]:
        """The objects from the number `start` to before `end`."""
        return list(map(_get_object, repeat(self._raw), range(start, end)))


class PageObjects(NamedTuple):
    """`image_share`: share of the page (0 to 1) under images. `num_glyph_paths`: paths like outlined letters."""

    image_share: float
    num_glyph_paths: int


def page_objects(page: pypdfium2.PdfPage, drawn: Drawn | None = None, box: Box | None = None) -> PageObjects:
    """What `page` draws; looks at the first 2,000 objects only. `box` is that of the page, if known."""
    left, bottom, right, top = box or page.get_bbox()
    area = max((right - left) * (top - bottom), 1e-6)
    high = 0.06 * max(right - left, top - bottom)
    covered = 0.0
    paths, images = _objects(drawn or Drawn(page))
    for found in images:
        x0, y0, x1, y1 = _bounds(found)
        covered += max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, top) - max(y0, bottom))
    # Most paths are lines and boxes, which have few segments.
    counts = list(map(_count_segments, paths))
    glyphs = sum(
        [_num_outlines(path, num, high) for path, num in zip(paths, counts, strict=True) if num >= _MIN_SEGMENTS]
    )
    return PageObjects(min(1.0, covered / area), glyphs)


def is_picture(page: pypdfium2.PdfPage, box: Box | None = None) -> bool:
    """Whether one of the first or last things that `page` draws is an image over most of it, as on scanned pages.

    `box` is that of the page, if known.
    """
    raw = pointer_to(page.raw)
    count = _count_objects(raw)
    left, bottom, right, top = box or page.get_bbox()
    for i in {0, 1, count - 2, count - 1} & set(range(count)):
        found = _get_object(raw, i)
        if _get_type(found) == pdfium.FPDF_PAGEOBJ_IMAGE:
            x0, y0, x1, y1 = _bounds(found)
            if (x1 - x0) * (y1 - y0) > 0.7 * (right - left) * (top - bottom):
                return True
    return False


def backdrops(page: pypdfium2.PdfPage, drawn: Drawn | None = None) -> Iterator[Box]:
    """Boxes of what `page` draws that text in white may stand on: images, shadings, coloured areas, and forms with more
    than text and paths.

    Left, bottom, right and top in points. The whole page where there is too much to look at.
    """
    drawn = drawn or Drawn(page)
    handles, kinds = drawn.first(_MAX_HANDLES)
    others = [(kind, one) for kind, one in zip(kinds, handles, strict=True) if kind in _DRAWN]
    num_inside = sum(_count_inside(one) for kind, one in others if kind == pdfium.FPDF_PAGEOBJ_FORM)
    if drawn.count + num_inside > _MAX_HANDLES or len(others) > _MAX_OBJECTS:
        yield page.get_bbox()
        return
    for kind, found in others:
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            is_backdrop = _is_coloured_area(found)
        elif kind == pdfium.FPDF_PAGEOBJ_FORM:
            inside = map(_get_type, map(_get_inside, repeat(found), range(_count_inside(found))))
            is_backdrop = not _PLAIN.issuperset(inside)
        else:
            is_backdrop = True
        if is_backdrop:
            yield _bounds(found)


def _objects(drawn: Drawn) -> tuple[list[Handle], list[Handle]]:
    """The paths and the images of a page. A form with an image inside counts as the image, with the form's box."""
    handles, kinds = drawn.first(_MAX_OBJECTS)
    paths = list(compress(handles, map(pdfium.FPDF_PAGEOBJ_PATH.__eq__, kinds)))
    images = []
    if pdfium.FPDF_PAGEOBJ_IMAGE in kinds or pdfium.FPDF_PAGEOBJ_FORM in kinds:
        for k in compress(range(len(kinds)), map(_MAY_HOLD_IMAGES.__contains__, kinds)):
            if kinds[k] == pdfium.FPDF_PAGEOBJ_IMAGE:
                images.append(handles[k])
                continue
            for inner, handle in _inside(handles[k], 1):
                (paths if inner == pdfium.FPDF_PAGEOBJ_PATH else images).append(handle)
    return paths, images


def _inside(form: Handle, depth: int) -> Iterator[tuple[int, Handle]]:
    pictured = False
    for i in range(min(_count_inside(form), _MAX_OBJECTS)):
        found = _get_inside(form, i)
        kind = _get_type(found)
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            yield kind, found
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
            for inner, handle in _inside(found, depth + 1):
                pictured = pictured or inner == pdfium.FPDF_PAGEOBJ_IMAGE
                if inner == pdfium.FPDF_PAGEOBJ_PATH:
                    yield inner, handle
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            pictured = True
    if pictured:
        yield pdfium.FPDF_PAGEOBJ_IMAGE, form


def _is_coloured_area(path: Handle) -> bool:
    """Whether `path` is filled, and not in white."""
    if not is_filled(path):
        return False
    levels = fill_of(path)
    return levels is None or min(levels[:3]) < 250


def _bounds(found: Handle) -> Box:
    """Left, bottom, right and top in points; zeros where PDFium knows none."""
    if not _get_bounds(found, *_at_sides):
        return 0.0, 0.0, 0.0, 0.0
    left, bottom, right, top = _SIDES.tolist()
    return left, bottom, right, top


def _num_outlines(path: Handle, segments: int, high: float) -> int:
    """How many outlined letters `path` of so many segments may be: filled, not framed, no higher than `high` points a
    letter."""
    if not is_filled(path) or _NUMBERS[1]:
        return 0
    x0, y0, x1, y1 = _bounds(path)
    # Across or up the page: outlined text may be turned.
    if min(x1 - x0, y1 - y0) > high and segments < 200:
        return 0
    return max(1, segments // 40)
