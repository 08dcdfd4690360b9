"""Annotations that write on a page, filled-in fields of forms above all, made part of what the page itself draws.

PDFium keeps annotations apart from the content: neither its text nor, without an environment for forms, its pictures
have what stands in a field.
"""

from __future__ import annotations

import ctypes

import pypdfium2
import pypdfium2.raw as pdfium

from omnipipe.page import ProblemError
from omnipipe.text.opened import OpenPage
from omnipipe.text.pdfium.native import Handle, bare, pointer_to
from omnipipe.text.words.links import Links, read_links

_WRITING = frozenset({pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP})
_UNSEEN = frozenset({pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP})
_MAX_ANNOTATIONS = 5_000
_EMPTY = 2
"""Bytes of an appearance that is not there: the end of a string in UTF-16."""
_TINY = 0.02

_get = bare(pdfium.FPDFPage_GetAnnot, Handle)
_kind_of = bare(pdfium.FPDFAnnot_GetSubtype, ctypes.c_int)
_close = bare(pdfium.FPDFPage_CloseAnnot, None)


class PageLoader:
    """Loads pages of a document with what their annotations write as part of their content. `name` is for messages."""

    def __init__(self, document: pypdfium2.PdfDocument, name: str) -> None:
        self._document = document
        self._name = name
        # Of pages that have lost theirs.
        self._links: dict[int, Links] = {}

    def load(self, index: int) -> pypdfium2.PdfPage:
        """Page `index`; the caller closes it.

        Raises:
            ProblemError: `corrupt`.
        """
        page = self._load(index)
        if not has_writing(page):
            return page
        try:
            links = read_links(page)
            if merge_annotations(page):
                self._links[index] = links
        finally:
            page.close()
        return self._load(index)

    def load_text(self, index: int) -> OpenPage:
        """Page `index` opened for its text; the caller closes both.

        Raises:
            ProblemError: `corrupt`.
        """
        page = self.load(index)
        try:
            return OpenPage(page, self._links.get(index))
        except BaseException:
            page.close()
            raise

    def _load(self, index: int) -> pypdfium2.PdfPage:
        try:
            return self._document.get_page(index)
        except pypdfium2.PdfiumError as problem:
            message = f"{self._name} page {index + 1} of {len(self._document)} does not load."
            raise ProblemError("corrupt", message) from problem


def has_writing(page: pypdfium2.PdfPage) -> bool:
    """Whether one of the page's first 5,000 annotations is a field of a form, text typed over the page, or a stamp."""
    count = pdfium.FPDFPage_GetAnnotCount(page.raw)
    if count <= 0:
        return False
    handle = pointer_to(page.raw)
    for number in range(min(count, _MAX_ANNOTATIONS)):
        annotation = _get(handle, number)
        if not annotation:
            continue
        kind = _kind_of(annotation)
        _close(annotation)
        if kind in _WRITING:
            return True
    return False


def merge_annotations(page: pypdfium2.PdfPage) -> bool:
    """Whether the page's annotations, its links as well, are gone and what they showed is part of its content.

    That is seen once the page is loaded anew.
    """
    if not pdfium.FPDFPage_GetMediaBox(page.raw, *(ctypes.c_float() for _ in range(4))):
        # Of a size that the page inherits PDFium makes that of a letter.
        pdfium.FPDFPage_SetMediaBox(page.raw, *page.get_bbox())
    if _lacks_appearances(page):
        # What a field or a note shows is made from its value when the page is drawn.
        page.render(scale=_TINY, may_draw_forms=False).close()
    return bool(pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS)


def _lacks_appearances(page: pypdfium2.PdfPage) -> bool:
    for number in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MAX_ANNOTATIONS)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        # An empty field, as most are, shows nothing. (Parts of one field, without names, have its value above them.)
        is_empty = kind == pdfium.FPDF_ANNOT_WIDGET and _has(annotation, b"T") and not _has(annotation, b"V")
        is_drawn = not is_empty and kind not in _UNSEEN
        size = pdfium.FPDFAnnot_GetAP(annotation, pdfium.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None, 0)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if is_drawn and size <= _EMPTY:
            return True
    return False


def _has(annotation: object, key: bytes) -> bool:
    return bool(pdfium.FPDFAnnot_HasKey(annotation, key))
