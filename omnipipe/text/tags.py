"""Headings that a tagged PDF names in its structure tree."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.native import bare

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.chars import Words

_MAX_ELEMENTS = 200
"""Trees with more elements on a page (large tables) are left alone: they would take longer than the page's text."""

_MIN_COVERED = 0.9
"""Share of the page's characters that a good tree has in its elements."""

_HEADINGS = {"Title": 1, "H": 2, **{f"H{level}": level for level in range(1, 7)}}
_BUFFER = 64

_P = ctypes.c_void_p
_content_id = bare(pdfium.FPDFPageObj_GetMarkedContentID, ctypes.c_int)


def heading_levels(page: pypdfium2.PdfPage, words: Words, objects: NDArray[np.uint64]) -> bytes:
    """The level (1 to 6) of each word that stands in a heading, 0 for others; empty where no good tree names one.

    `objects` are the addresses of the words' text objects. A good tree has nearly all of the page's text in it.
    """
    if not pdfium.FPDFCatalog_IsTagged(page.pdf.raw):
        return b""
    found, owner = np.unique(objects, return_inverse=True)
    ids = [_content_id(_P(one)) if one else -1 for one in found.tolist()]
    # The number of pieces of content tells how large the tree is, before PDFium builds it.
    if not 0 < len(set(ids) - {-1}) <= _MAX_ELEMENTS:
        return b""
    levels = _levels(page)
    if not any(levels.values()):
        return b""
    covered = np.array([one in levels for one in ids], bool)[owner]
    lengths = words.last - words.first
    if int(lengths[covered].sum()) < _MIN_COVERED * int(lengths.sum()):
        return b""
    return np.array([levels.get(one, 0) for one in ids], np.uint8)[owner].tobytes()


def _levels(page: pypdfium2.PdfPage) -> dict[int, int]:
    """The heading level of each piece of marked content in the tree, 0 for what is no heading."""
    tree = pdfium.FPDF_StructTree_GetForPage(page.raw)
    levels: dict[int, int] = {}
    if not tree:
        return levels
    try:
        for number, (element, level) in enumerate(_elements(tree)):
            if number > _MAX_ELEMENTS:
                return {}
            for i in range(pdfium.FPDF_StructElement_GetMarkedContentIdCount(element)):
                levels[pdfium.FPDF_StructElement_GetMarkedContentIdAtIndex(element, i)] = level
    finally:
        pdfium.FPDF_StructTree_Close(tree)
    levels.pop(-1, None)
    return levels


def _elements(tree: object) -> Iterator[tuple[object, int]]:
    """The elements of a tree with their heading level; those within a heading have its level."""
    buffer = ctypes.create_string_buffer(_BUFFER)
    count = min(pdfium.FPDF_StructTree_CountChildren(tree), _MAX_ELEMENTS)
    waiting = [(pdfium.FPDF_StructTree_GetChildAtIndex(tree, i), 0) for i in range(count)]
    while waiting:
        element, level = waiting.pop()
        if not element:
            continue
        length = pdfium.FPDF_StructElement_GetType(element, buffer, _BUFFER)
        name = buffer.raw[: max(0, min(length, _BUFFER) - 2)].decode("utf-16-le", "replace")
        level = level or _HEADINGS.get(name, 0)
        yield element, level
        count = min(pdfium.FPDF_StructElement_CountChildren(element), _MAX_ELEMENTS)
        waiting += [(pdfium.FPDF_StructElement_GetChildAtIndex(element, i), level) for i in range(count)]
