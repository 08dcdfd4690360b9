"""Whether a page that draws little or nothing has lost what it drew: PDFium skips in silence what it cannot decode.

Asked of such pages only, one in sixty of ordinary documents, so it may cost milliseconds.
"""

from __future__ import annotations

import ctypes
import re
import zlib
from io import BytesIO
from itertools import islice
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

_OBJECTS_LOOKED_AT = 200
_FORM_OBJECTS = 2000
_MAX_DEPTH = 40
"""As deep as PDFium follows forms that draw forms; it leaves out in silence what lies deeper."""
_MAX_POINTS = 4_000_000
_TAIL_BYTES = 2048
_WINDOW_BYTES = 64
_MAX_FILE_BYTES = 1 << 26
_MAX_COPY_BYTES = 1 << 24

_START = re.compile(rb"startxref\s+(\d+)")
_REFERENCES = re.compile(rb"/Contents\s*(?:\[([^\]]*)\]|(\d+ 0 R))")
_NUMBERS = re.compile(rb"(\d+) 0 R")
_LENGTH = re.compile(rb"/Length\s+(\d+)")
_STREAM = re.compile(rb"\bstream\r?\n")


def lost_images(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> list[float]:
    """Shares of the page (0 to 1) that those of its first 200 images have which cannot be decoded."""
    left, bottom, right, top = page.get_bbox()
    area = max((right - left) * (top - bottom), 1e-6)
    shares = []
    images = page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_IMAGE,), max_depth=3)
    for image in islice(images, _OBJECTS_LOOKED_AT):
        if not _is_decoded(document, page, image):
            x0, y0, x1, y1 = image.get_bounds()
            covered = max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, top) - max(y0, bottom))
            shares.append(min(1.0, covered / area))
    return shares


def has_deep_forms(page: pypdfium2.PdfPage) -> bool:
    """Whether forms draw forms deeper than PDFium follows, among the first 2,000 objects of the page."""
    handles = (pdfium.FPDFPage_GetObject(page.raw, at) for at in range(pdfium.FPDFPage_CountObjects(page.raw)))
    left = [(1, handle) for handle in islice(handles, _FORM_OBJECTS)]
    num_seen = 0
    while left and num_seen < _FORM_OBJECTS:
        depth, handle = left.pop()
        num_seen += 1
        if pdfium.FPDFPageObj_GetType(handle) != pdfium.FPDF_PAGEOBJ_FORM:
            continue
        if depth > _MAX_DEPTH:
            return True
        count = min(_FORM_OBJECTS - len(left), pdfium.FPDFFormObj_CountObjects(handle))
        left += [(depth + 1, pdfium.FPDFFormObj_GetObject(handle, at)) for at in range(count)]
    return False


def find_damage(path: Path, *, size: int, offset: int) -> str | None:
    """What is wrong with the frame of the PDF file `path`, so that PDFium had to guess its objects; None if nothing is.

    Looked at are its end marker, and whether its last `startxref` leads to cross-references (ISO 32000-2, 7.5.5), also
    where it is counted from a header that stands further in. `size` is the file's and `offset` that header's, in bytes.
    """
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
        starts = _START.findall(tail)
        if b"%%EOF" not in tail or not starts:
            return "the file is cut off"
        for base in {0, offset}:
            # The number may be any, also one that no file has room for.
            file.seek(min(size, base + int(starts[-1])))
            found = file.read(_WINDOW_BYTES).lstrip()
            if found.startswith(b"xref") or re.match(rb"\d+\s+\d+\s+obj\b", found):
                return None
    return "the file's cross-references are damaged"


def has_lost_contents(document: pypdfium2.PdfDocument, index: int, path: Path) -> bool:
    """Whether a content stream of the page at `index` cannot be inflated to its end.

    PDFium has no call for the stream itself: it copies the page, streams untouched, into a document of its own form. Of
    files that are encrypted, or say so, nothing is claimed: what does not inflate may be whole, under another key.
    """
    with path.open("rb") as file:
        if b"/Encrypt" in file.read(_MAX_FILE_BYTES):
            return False
    copy = pypdfium2.PdfDocument.new()
    try:
        copy.import_pages(document, [index])
        kept = BytesIO()
        copy.save(kept)
    except pypdfium2.PdfiumError:
        return False
    finally:
        copy.close()
    data = kept.getvalue()
    return len(data) <= _MAX_COPY_BYTES and any(_is_broken(stream) for stream in _content_streams(data))


def _is_decoded(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage, image: pypdfium2.PdfObject) -> bool:
    x0, y0, x1, y1 = image.get_bounds()
    # Drawn by itself, at a pixel a point: a tenth of the time where the coding has smaller sizes in it (JPEG 2000).
    if (x1 - x0) * (y1 - y0) <= _MAX_POINTS and _draws(
        pdfium.FPDFImageObj_GetRenderedBitmap(document.raw, page.raw, image.raw)
    ):
        return True
    # A stencil without ink draws nothing either.
    bitmap = pdfium.FPDFImageObj_GetBitmap(image.raw)
    pdfium.FPDFBitmap_Destroy(bitmap)
    return bool(bitmap)


def _draws(bitmap: object) -> bool:
    """Whether a bitmap of pdfium, which is freed, has any colour or opacity in it."""
    if not bitmap:
        return False
    size = pdfium.FPDFBitmap_GetStride(bitmap) * pdfium.FPDFBitmap_GetHeight(bitmap)
    content = ctypes.string_at(pdfium.FPDFBitmap_GetBuffer(bitmap), size)
    pdfium.FPDFBitmap_Destroy(bitmap)
    return content != bytes(size)


def _content_streams(data: bytes) -> list[bytes]:
    """The inflatable content streams, still deflated, of a file with one page that PDFium wrote."""
    references = _REFERENCES.search(data)
    if references is None:
        return []
    streams = []
    for number in _NUMBERS.findall(references[1] or references[2]):
        start = re.search(rb"(?:^|[\r\n])%s 0 obj\b" % number, data)
        stream = _STREAM.search(data, start.end()) if start else None
        if start is None or stream is None:
            continue
        dictionary = data[start.end() : stream.start()]
        length = _LENGTH.search(dictionary)
        if b"/FlateDecode" in dictionary and dictionary.count(b"Decode") == 1 and length:
            streams.append(data[stream.end() : stream.end() + int(length[1])])
    return streams


def _is_broken(stream: bytes) -> bool:
    inflate = zlib.decompressobj()
    try:
        while stream and not inflate.eof:
            inflate.decompress(stream, 1 << 20)
            stream = inflate.unconsumed_tail
    except zlib.error:
        return True
    return not inflate.eof
