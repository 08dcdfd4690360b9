"""PDF documents through PDFium. Runs in the reader's child process only, which PDFium may take down."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePath
from time import perf_counter

import pypdfium2
import pypdfium2.raw as pdfium

from omnipipe.page import Pixels, ProblemError
from omnipipe.reading.annotations import PageLoader
from omnipipe.reading.encode import encode
from omnipipe.reading.facts import LayerText, PageFacts, ReadOptions, RenderPolicy
from omnipipe.reading.lost import find_damage, has_deep_forms, has_lost_contents, lost_images
from omnipipe.reading.neighbours import Neighbours
from omnipipe.reading.source import PageSource, Watch
from omnipipe.text.layer import TextLayer, read_open_page
from omnipipe.text.pdfium.objects import Drawn
from omnipipe.text.triage import Ink, Verdict, judge, measure_ink
from omnipipe.text.trust.measure import Measures

_METADATA = {
    "Title": "title",
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "Creator": "creator",
    "Producer": "producer",
    "CreationDate": "created",
    "ModDate": "modified",
}
_MAX_METADATA_CHARS = 2000

# PDFium looks for the header in the first 1,024 bytes.
_HEADER_WINDOW = 1000

# A page needs an object of its own; a file that claims more pages than this has a page tree that repeats itself.
_FREE_PAGES = 1000
_MIN_BYTES_A_PAGE = 8

# Shares of a page: a scan without more is a stamp or a page number beside what is lost; and an image that is a scan.
_LITTLE_INK = 0.01
_MOST_OF_A_PAGE = 0.5

_FEW_CHARS = 4
_OBJECTS_LOOKED_AT = 50
_SEARCHED_BYTES = 1 << 26


class PdfSource(PageSource):
    """An open PDF. `offset` is where its header starts and `size` what the whole file has, in bytes."""

    format = "pdf"

    def __init__(self, path: str, passwords: Sequence[str], *, size: int, offset: int = 0) -> None:
        self._path = Path(path)
        self._name = self._path.name[:80]
        # PDFium reads from the bytes as long as the document is open.
        self._bytes = self._path.read_bytes()[offset:] if offset > _HEADER_WINDOW else None
        self._document = _open(path, self._bytes, passwords)
        self._has_forms = False
        self.page_count = len(self._document)
        self._pages = PageLoader(self._document, self._name)
        self._neighbours = Neighbours(self._pages.load_text, self.page_count)
        if self.page_count > _FREE_PAGES and self.page_count * _MIN_BYTES_A_PAGE > size:
            count = self.page_count
            self.close()
            raise ProblemError(
                "too_large",
                f"{self._name} claims {count:,} pages in {size:,} bytes: its page tree repeats the same few pages.",
            )
        self._refuse_if_made_by_viewers()
        self.metadata = _metadata(self._document)
        self._damage = find_damage(self._path, size=size, offset=offset)
        if self._damage is not None:
            # Pages may be missing, and nobody can tell how many.
            self.metadata["damage"] = self._damage

    def read(self, index: int, options: ReadOptions, watch: Watch) -> PageFacts:
        start = perf_counter()
        opened = self._neighbours.open(index) if options.text_layer else None
        page = opened.page if opened is not None else self._pages.load(index)
        try:
            width, height = page.get_size()
            rotation = opened.rotation if opened is not None else page.get_rotation()
            layer: TextLayer | None = None
            if opened is not None:
                layer = read_open_page(opened, options.text, lambda: self._neighbours.sample(index, watch))
                self._neighbours.keep(index, opened.margins)
            measures = layer.measures if layer is not None else Measures()
            ink: Ink | None = None
            verdict = judge(measures, None, options.text)

            def facts() -> PageFacts:
                ratio = ink.ratio if ink is not None else None
                seconds = perf_counter() - start
                has_words = layer is not None and (measures.num_chars or layer.blocks)
                kept = LayerText(*layer[:3], layer.flags) if layer is not None and has_words else None
                return _facts(width, height, rotation, ratio, kept, verdict, seconds)

            if verdict.needs_ink and _has_area(width, height):
                watch.early(facts())
                ink = measure_ink(page, layer)
                verdict = judge(measures, ink, options.text)
            if ink is not None and ink.ratio < _LITTLE_INK and (verdict.is_blank or verdict.needs_ocr):
                self._refuse_if_lost(page, index, verdict.is_blank)
            return facts()
        finally:
            if opened is not None:
                opened.close()
            page.close()

    def render(self, index: int, policy: RenderPolicy) -> Pixels:
        # Widgets are drawn only with a form environment that was there before the page was loaded.
        if not self._has_forms and self._document.get_formtype() != pdfium.FORMTYPE_NONE:
            self._document.init_forms()
        self._has_forms = True
        self._neighbours.close_pages()
        page = self._pages.load(index)
        try:
            width, height = page.get_size()
            if not _has_area(width, height):
                raise ProblemError("corrupt", f"{self._name} page {index + 1} has a box without area.")
            scale = _scale(page, policy)
            if policy.multiple_of > 1:
                bitmap = _stretched(page, policy.on_grid(width * scale, height * scale), policy.mode)
            else:
                bitmap = page.render(scale=scale, grayscale=policy.mode == "L", rev_byteorder=True)
            try:
                return encode(_rows(bitmap), bitmap.width, bitmap.height, policy)
            finally:
                bitmap.close()
        finally:
            page.close()

    def estimate_ocr_share(self) -> float:
        # Where the first sample has text the others would cost more than a better estimate is worth.
        sample = _sample(self.page_count)
        if self._has_text(sample[0]):
            return 0.0
        return (1 + sum(not self._has_text(index) for index in sample[1:])) / len(sample)

    def close(self) -> None:
        self._neighbours.close_pages()
        self._document.close()

    def _refuse_if_made_by_viewers(self) -> None:
        """Raise for a form without pages of its own (ISO 32000-1, 12.7.8): the one it has asks for another viewer."""
        if self.page_count == 1 and self._document.get_formtype() == pdfium.FORMTYPE_XFA_FULL:
            self.close()
            raise ProblemError(
                "unsupported",
                f"{self._name} is a form whose pages a viewer makes (dynamic XFA); its only page asks to wait or for "
                "another viewer. Print it to a PDF in Adobe Reader, and read that.",
            )

    def _refuse_if_lost(self, page: pypdfium2.PdfPage, index: int, is_blank: bool) -> None:
        """Raise where the page draws nothing, or little, because what it draws is damaged."""
        lost = lost_images(self._document, page)
        if any(share > _MOST_OF_A_PAGE for share in lost):
            why = "the image over it cannot be decoded"
        elif not is_blank:
            return
        elif lost:
            why = "an image cannot be decoded"
        elif self._damage is not None:
            why = f"{self._damage}, so what it drew may be lost"
        elif has_lost_contents(self._document, index, self._path):
            why = "its content stream is damaged"
        elif has_deep_forms(page):
            raise ProblemError(
                "unsupported",
                f"{self._name} page {index + 1} draws nothing: its forms (Form XObjects) lie more than 40 deep in each "
                "other, and PDFium follows no deeper. Print it to a PDF in another viewer, and read that.",
            )
        else:
            return
        nothing = "nothing" if is_blank else "next to nothing"
        raise ProblemError("corrupt", f"{self._name} page {index + 1} draws {nothing}: {why}.")

    def _has_text(self, index: int) -> bool:
        try:
            page = self._pages.load(index)
        except ProblemError:
            return False
        try:
            # The characters themselves cost more than all the rest of an index.
            if _has_text_objects(page):
                return True
            textpage = page.get_textpage()
            try:
                return bool(textpage.count_chars() >= _FEW_CHARS)
            finally:
                textpage.close()
        except pypdfium2.PdfiumError:
            return False
        finally:
            page.close()


def _facts(
    width: float,
    height: float,
    rotation: int,
    ink_ratio: float | None,
    layer: LayerText | None,
    verdict: Verdict,
    seconds: float,
) -> PageFacts:
    has_layer = layer is not None
    return PageFacts(
        width_pt=width if math.isfinite(width) and width > 0 else None,
        height_pt=height if math.isfinite(height) and height > 0 else None,
        rotation=rotation,
        ink_ratio=ink_ratio,
        has_text_layer=has_layer,
        layer=layer,
        needs_ocr=verdict.needs_ocr,
        is_blank=verdict.is_blank,
        quality=verdict.quality if has_layer else None,
        reasons=verdict.reasons,
        read_ms=seconds * 1000,
    )


def _open(path: str, content: bytes | None, passwords: Sequence[str]) -> pypdfium2.PdfDocument:
    source = Path(path) if content is None else content
    code = pdfium.FPDF_ERR_UNKNOWN
    for password in (None, *_spellings(passwords)):
        try:
            return _load_document(source, password)
        except pypdfium2.PdfiumError as problem:
            code = problem.err_code
            if code != pdfium.FPDF_ERR_PASSWORD:
                break
    raise _refusal(path, code, len(passwords))


def _load_document(source: Path | bytes, password: bytes | None) -> pypdfium2.PdfDocument:
    raw = _load_raw(source, password)
    if not raw:
        # PDFium leaves its last error as it was on some ways to fail, so that it may be that of another document:
        # after junk, which always sets it, the same attempt shows what is its own.
        pdfium.FPDF_LoadMemDocument64(b"junk", 4, None)
        raw = _load_raw(source, password)
    if not raw:
        raise pypdfium2.PdfiumError("no document", err_code=pdfium.FPDF_GetLastError())
    return pypdfium2.PdfDocument(raw)


def _load_raw(source: Path | bytes, password: bytes | None) -> object:
    """A raw document with at least one page, or None."""
    if isinstance(source, bytes):
        raw = pdfium.FPDF_LoadMemDocument64(source, len(source), password)
    else:
        raw = pdfium.FPDF_LoadDocument(os.fsencode(source) + b"\0", password)
    if raw and pdfium.FPDF_GetPageCount(raw) < 1:
        pdfium.FPDF_CloseDocument(raw)
        return None
    return raw or None


def _spellings(passwords: Sequence[str]) -> list[bytes]:
    """Each password as bytes: UTF-8, as SASLprep writes it (PDF 2.0), and Latin-1 (before); no spelling twice."""
    spellings: dict[bytes, None] = {}
    for password in passwords:
        for form in (password, unicodedata.normalize("NFKC", password.replace("\xad", ""))):
            for encoding in ("utf-8", "latin-1"):
                try:
                    spellings[form.encode(encoding) + b"\0"] = None
                except UnicodeEncodeError:
                    continue
    return list(spellings)


def _refusal(path: str, code: int, num_passwords: int) -> ProblemError:
    """Why PDFium did not open `path`. For damage PDFium itself may report "success"; the bytes say more."""
    name = PurePath(path).name[:80]
    if code == pdfium.FPDF_ERR_PASSWORD:
        if num_passwords:
            return ProblemError("encrypted", f"{name} needs a password; none of the {num_passwords} given opens it.")
        return ProblemError("encrypted", f"{name} needs a password. Give it with --password or --password-file.")
    if code == pdfium.FPDF_ERR_SECURITY:
        return ProblemError("encrypted", f"{name} is encrypted in a way that PDFium does not know.")
    data, end = _start_and_end(Path(path))
    if b"/BrotliDecode" in data:
        return ProblemError("unsupported", f"{name} has Brotli streams, which PDFium does not read.")
    if b"/Encrypt" in data and b"/Adobe.PubSec" in data:
        return ProblemError("encrypted", f"{name} is encrypted for certificates, not by a password.")
    if b"%%EOF" not in end:
        return ProblemError("corrupt", f"{name} is cut off: it has no end marker.")
    return ProblemError("corrupt", f"{name} has no pages to be found: its page tree or cross-references are damaged.")


def _start_and_end(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        start = file.read(_SEARCHED_BYTES)
        file.seek(max(0, file.seek(0, 2) - 2048))
        return start, file.read()


def _metadata(document: pypdfium2.PdfDocument) -> dict[str, str]:
    found = {}
    for key, value in document.get_metadata_dict(skip_empty=True).items():
        text = value.encode("utf-8", "replace").decode().replace("\0", "").strip()
        if text:
            found[_METADATA.get(key, key.lower())] = text[:_MAX_METADATA_CHARS]
    if num_files := document.count_attachments():
        # Of a portfolio the only page says to open it elsewhere: what it holds must not be missing without a word.
        found["attachments"] = str(num_files)
    return found


def _has_area(width: float, height: float) -> bool:
    return math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0


def _scale(page: pypdfium2.PdfPage, policy: RenderPolicy) -> float:
    width, height = page.get_size()
    longest = max(width, height)
    scale: float = policy.dpi / 72
    if longest * scale < policy.small_side:
        # Scans are often put on pages of the wrong size; at the nominal resolution their letters would be lost.
        scale = max(scale, min(2 * scale, policy.small_side / longest, _scan_scale(page)))
    scale = min(scale, policy.longest_side / longest)
    pixels = max(1.0, width * scale) * max(1.0, height * scale)
    if pixels > policy.max_pixels:
        scale *= math.sqrt(policy.max_pixels / pixels)
    # pypdfium2 rounds sides up: without this the longest side is now and then one pixel over.
    return scale * (1 - 1e-9)


def _scan_scale(page: pypdfium2.PdfPage) -> float:
    """Pixels a point of the image that covers most of `page`; infinite where none does."""
    page_width, page_height = page.get_size()
    for drawn in islice(page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_IMAGE,), max_depth=2), _OBJECTS_LOOKED_AT):
        try:
            left, bottom, right, top = drawn.get_bounds()
            pixels = float(max(drawn.get_px_size()))
        except pypdfium2.PdfiumError:
            continue
        width, height = right - left, top - bottom
        if width * height > 0.5 * page_width * page_height:
            scale: float = pixels / max(1e-6, width, height)
            return scale
    return math.inf


def _stretched(page: pypdfium2.PdfPage, size: tuple[int, int], mode: str) -> pypdfium2.PdfBitmap:
    """`page` drawn at exactly `size` pixels, as `page.render` does for sides in the page's own ratio."""
    grey = mode == "L"
    kind = pdfium.FPDFBitmap_Gray if grey else pdfium.FPDFBitmap_BGR
    flags = pdfium.FPDF_ANNOT | (pdfium.FPDF_GRAYSCALE if grey else pdfium.FPDF_REVERSE_BYTE_ORDER)
    bitmap = pypdfium2.PdfBitmap.new_native(*size, format=kind, rev_byteorder=not grey)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
    where = (bitmap, page, 0, 0, *size, 0, flags)
    pdfium.FPDF_RenderPageBitmap(*where)
    if page.formenv:
        pdfium.FPDF_FFLDraw(page.formenv, *where)
    return bitmap


def _rows(bitmap: pypdfium2.PdfBitmap) -> bytes:
    row = bitmap.width * bitmap.n_channels
    data = bytes(bitmap.buffer)
    if bitmap.stride == row:
        return data
    return b"".join(data[y * bitmap.stride : y * bitmap.stride + row] for y in range(bitmap.height))


def _has_text_objects(page: pypdfium2.PdfPage) -> bool:
    _, kinds = Drawn(page).first(_OBJECTS_LOOKED_AT)
    return kinds.count(pdfium.FPDF_PAGEOBJ_TEXT) >= _FEW_CHARS


def _sample(count: int) -> list[int]:
    # Loading a page costs as much as reading it: of short documents one page has to do.
    size = 1 if count <= 8 else 2 if count <= 64 else 4
    # Plus k: with even steps a book whose left pages are blank would be all blank.
    return [min(count - 1, (2 * k + 1) * count // (2 * size) + k) for k in range(size)]
