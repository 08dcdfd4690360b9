"""What a page draws beside text: images, and filled paths that may be letters turned into outlines."""

from __future__ import annotations

import ctypes
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pypdfium2.raw as pdfium

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pypdfium2

_MAX_OBJECTS = 2000
_MAX_DEPTH = 4
_MIN_SEGMENTS = 6
"""A letter's outline has at least this many segments."""


class PageObjects(NamedTuple):
    """`image_share`: share of the page (0 to 1) under images. `num_glyph_paths`: paths like outlined letters."""

    image_share: float
    num_glyph_paths: int


def page_objects(page: pypdfium2.PdfPage) -> PageObjects:
    """What `page` draws; looks at the first 2,000 objects only."""
    left, bottom, right, top = page.get_bbox()
    area = max((right - left) * (top - bottom), 1e-6)
    high = 0.06 * max(right - left, top - bottom)
    covered = 0.0
    glyphs = 0
    for kind, found in _objects(page):
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            x0, y0, x1, y1 = _bounds(found)
            covered += max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, top) - max(y0, bottom))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            glyphs += _num_outlines(found, high)
    return PageObjects(min(1.0, covered / area), glyphs)


def is_picture(page: pypdfium2.PdfPage) -> bool:
    """Whether one of the first or last things that `page` draws is an image over most of it, as on scanned pages."""
    raw = page.raw
    count = pdfium.FPDFPage_CountObjects(raw)
    left, bottom, right, top = page.get_bbox()
    for i in {0, 1, count - 2, count - 1} & set(range(count)):
        found = pdfium.FPDFPage_GetObject(raw, i)
        if pdfium.FPDFPageObj_GetType(found) == pdfium.FPDF_PAGEOBJ_IMAGE:
            x0, y0, x1, y1 = _bounds(found)
            if (x1 - x0) * (y1 - y0) > 0.7 * (right - left) * (top - bottom):
                return True
    return False


def _objects(page: pypdfium2.PdfPage) -> Iterator[tuple[int, object]]:
    """Kind and handle of what the page draws. A form with an image inside counts as the image, with the form's box."""
    raw = page.raw
    handles = list(
        map(partial(pdfium.FPDFPage_GetObject, raw), range(min(pdfium.FPDFPage_CountObjects(raw), _MAX_OBJECTS)))
    )
    for kind, found in zip(map(pdfium.FPDFPageObj_GetType, handles), handles, strict=True):
        if kind == pdfium.FPDF_PAGEOBJ_FORM:
            yield from _inside(found, 1)
        elif kind != pdfium.FPDF_PAGEOBJ_TEXT:
            yield kind, found


def _inside(form: object, depth: int) -> Iterator[tuple[int, object]]:
    pictured = False
    for i in range(min(pdfium.FPDFFormObj_CountObjects(form), _MAX_OBJECTS)):
        found = pdfium.FPDFFormObj_GetObject(form, i)
        kind = pdfium.FPDFPageObj_GetType(found)
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


def _bounds(found: object) -> tuple[float, float, float, float]:
    """Left, bottom, right and top in points; zeros where PDFium knows none."""
    box = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(found, *box):
        return 0.0, 0.0, 0.0, 0.0
    return box[0].value, box[1].value, box[2].value, box[3].value


def _num_outlines(path: object, high: float) -> int:
    """How many outlined letters `path` may be: filled, not framed, no higher than `high` points a letter."""
    segments = pdfium.FPDFPath_CountSegments(path)
    if segments < _MIN_SEGMENTS:
        return 0
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not pdfium.FPDFPath_GetDrawMode(path, fill, stroke) or not fill.value or stroke.value:
        return 0
    x0, y0, x1, y1 = _bounds(path)
    # Across or up the page: outlined text may be turned.
    if min(x1 - x0, y1 - y0) > high and segments < 200:
        return 0
    return max(1, int(segments) // 40)
