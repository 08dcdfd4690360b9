"""What is good enough ends here; the rest is open again, for the stages that come after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from omnipipe.page import Page
from omnipipe.stages.base import Stage


class Verify(Stage):
    """Reopens pages that OCR read badly. They keep their text: it is what they fall back to.

    `quality` of an OCR page is the share of its characters that may be expected to be right, foretold from how sure the
    engine was of them.
    """

    batch_size: ClassVar[int] = 64

    min_quality: float = Field(0.95, ge=0, le=1, description="OCR pages of less quality (0 to 1) are open again.")
    reopen_empty: bool = Field(True, description="Also pages with ink on which OCR found no text.")

    def wants(self, page: Page) -> bool:
        """Pages that OCR has finished."""
        return page.status == "ok" and page.route == "ocr"

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        """The same pages; those that are not good enough are open, and say why."""
        return [self._verified(page) for page in pages]

    def _verified(self, page: Page) -> Page:
        if not page.text:
            reason = "OCR found no text" if self.reopen_empty else None
        elif page.quality is not None and page.quality < self.min_quality:
            reason = f"OCR quality {page.quality:.2f} is under {self.min_quality:g}"
        else:
            reason = None
        if reason is None:
            return page
        return page.with_(status="open", route_reason=reason, text=page.text or None)
