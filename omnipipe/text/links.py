"""Links to the web that lie over words."""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2.raw as pdfium

if TYPE_CHECKING:
    import pypdfium2

    from omnipipe.text.chars import Words

_MAX_LINKS = 300
_WEB = re.compile(r"(?:https?://|mailto:)[^\s<>\"\\^`{|}]{1,2000}\Z", re.IGNORECASE)
_SPACE_LIKE = str.maketrans({"(": "%28", ")": "%29"})


def find_links(page: pypdfium2.PdfPage, words: Words) -> dict[int, str]:
    """The address (http, https, mailto; brackets escaped) of each word under a link."""
    place, link = ctypes.c_int(0), pdfium.FPDF_LINK()
    found: dict[int, str] = {}
    if not pdfium.FPDFLink_Enumerate(page.raw, place, link):
        return found
    middle = (words.box[:, :2] + words.box[:, 2:]) / 2
    for _ in range(_MAX_LINKS):
        address = _address(page, link)
        if address:
            for box in _boxes(link):
                inside = np.logical_and(middle >= box[:2], middle <= box[2:]).all(axis=1)
                found.update(dict.fromkeys(np.flatnonzero(inside).tolist(), address))
        if not pdfium.FPDFLink_Enumerate(page.raw, place, link):
            break
    return found


def _address(page: pypdfium2.PdfPage, link: ctypes.c_void_p) -> str | None:
    action = pdfium.FPDFLink_GetAction(link)
    if not action or pdfium.FPDFAction_GetType(action) != pdfium.PDFACTION_URI:
        return None
    document = page.pdf.raw
    length = pdfium.FPDFAction_GetURIPath(document, action, None, 0)
    if not 0 < length < 2100:
        return None
    buffer = ctypes.create_string_buffer(length)
    pdfium.FPDFAction_GetURIPath(document, action, buffer, length)
    address = buffer.value.decode("utf-8", "replace").strip().replace(" ", "%20")
    return address.translate(_SPACE_LIKE) if _WEB.match(address) else None


def _boxes(link: ctypes.c_void_p) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Left, bottom, right and top of the areas of a link, in points: one a line where the file says so."""
    boxes = []
    for i in range(min(pdfium.FPDFLink_CountQuadPoints(link), 50)):
        quad = pdfium.FS_QUADPOINTSF()
        if pdfium.FPDFLink_GetQuadPoints(link, i, quad):
            x, y = (quad.x1, quad.x2, quad.x3, quad.x4), (quad.y1, quad.y2, quad.y3, quad.y4)
            boxes.append(np.array([min(x), min(y), max(x), max(y)]))
    rect = pdfium.FS_RECTF()
    if not boxes and pdfium.FPDFLink_GetAnnotRect(link, rect):
        bottom, top = sorted((rect.bottom, rect.top))
        boxes.append(np.array([rect.left, bottom, rect.right, top]))
    return boxes
