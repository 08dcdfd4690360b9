"""Links to the web that lie over words."""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.words.chars import Words

_MAX_LINKS = 300
_AT_ONCE = 64
"""Boxes that are held against all words at a time."""

_WEB = re.compile(r"(?:https?://|mailto:)[^\s<>\"\\^`{|}]{1,2000}\Z", re.IGNORECASE)
_SPACE_LIKE = str.maketrans({"(": "%28", ")": "%29"})


class Links(NamedTuple):
    """Areas of a page (left, bottom, right, top, in points) with the address behind each (brackets escaped)."""

    boxes: list[tuple[float, float, float, float]]
    addresses: list[str]


def read_links(page: pypdfium2.PdfPage) -> Links:
    """The links to the web (http, https, mailto) of a page, of its first 300."""
    place, link = ctypes.c_int(0), pdfium.FPDF_LINK()
    boxes: list[tuple[float, float, float, float]] = []
    addresses: list[str] = []
    if not pdfium.FPDFLink_Enumerate(page.raw, place, link):
        return Links(boxes, addresses)
    for _ in range(_MAX_LINKS):
        address = _address(page, link)
        if address:
            new = _boxes(link)
            boxes += new
            addresses += [address] * len(new)
        if not pdfium.FPDFLink_Enumerate(page.raw, place, link):
            break
    return Links(boxes, addresses)


def linked_words(words: Words, links: Links) -> dict[int, str]:
    """The address of each word under a link."""
    boxes, addresses = links
    found: dict[int, str] = {}
    for start in range(0, len(boxes), _AT_ONCE):
        inside = _inside(words, np.array(boxes[start : start + _AT_ONCE]))
        # Of links that lie over each other the last one counts.
        found.update((word, addresses[start + at]) for at, word in zip(*inside, strict=True))
    return found


def _inside(words: Words, boxes: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """The pairs of a box and a word whose middle it holds, in the order of the boxes."""
    x, y = ((words.box[:, side] + words.box[:, side + 2]) / 2 for side in (0, 1))
    left, bottom, right, top = boxes.T[:, :, None]
    at, word = ((x >= left) & (x <= right) & (y >= bottom) & (y <= top)).nonzero()
    return at.tolist(), word.tolist()


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


def _boxes(link: ctypes.c_void_p) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right and top of the areas of a link, in points: one a line where the file says so."""
    boxes = []
    for i in range(min(pdfium.FPDFLink_CountQuadPoints(link), 50)):
        quad = pdfium.FS_QUADPOINTSF()
        if pdfium.FPDFLink_GetQuadPoints(link, i, quad):
            x, y = (quad.x1, quad.x2, quad.x3, quad.x4), (quad.y1, quad.y2, quad.y3, quad.y4)
            boxes.append((min(x), min(y), max(x), max(y)))
    rect = pdfium.FS_RECTF()
    if not boxes and pdfium.FPDFLink_GetAnnotRect(link, rect):
        bottom, top = sorted((rect.bottom, rect.top))
        boxes.append((rect.left, bottom, rect.right, top))
    return boxes
