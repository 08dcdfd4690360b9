"""The text of a page as PDFium has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pypdfium2
import pypdfium2.raw as pdfium

if TYPE_CHECKING:
    from typing import Protocol

    class RawText(Protocol):
        """Who has PDFium's text of a page: `TextPage`, and the class of pypdfium2 by this name."""

        raw: Any


class TextPage:
    """The text of `page` until it is closed, which must be before the page is.

    pypdfium2's own watches over that with objects that take as long to make as ten calls into PDFium.
    """

    __slots__ = ("raw",)

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self.raw: Any = pdfium.FPDFText_LoadPage(page.raw)
        if not self.raw:
            raise pypdfium2.PdfiumError("Failed to load text page.")

    def close(self) -> None:
        """Free the text."""
        if self.raw:
            pdfium.FPDFText_ClosePage(self.raw)
            self.raw = None
