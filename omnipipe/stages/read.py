"""The first stage: what each page says of itself, and whether its text layer can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field, PrivateAttr

from omnipipe.page import Block, Line, Page, PageError
from omnipipe.reading.facts import MAX_IMAGE_PIXELS, LayerText, PageFacts, ReadOptions
from omnipipe.stages.base import Stage, StageContext
from omnipipe.stages.grouping import by_document
from omnipipe.text.options import TextOptions


class Read(Stage):
    """Reads pages in the worker's reader process.

    A page with a good text layer becomes `ok` with route `text_layer`, a page without ink `blank` with empty text, a
    page that cannot be read `failed`. All others stay open for the stages that look at pixels; `route_reason` says
    why.
    """

    batch_size: ClassVar[int] = 256

    text_layer: bool = Field(True, description="Take the text that a PDF carries where it can be trusted.")
    min_quality: float = Field(0.5, ge=0, le=1, description="Text layers judged lower (0 to 1) are not trusted.")
    dehyphenate: bool = Field(True, description="Join words that were broken at the end of a line.")
    headings: bool = Field(True, description="Mark lines in larger type as headings.")
    lists: bool = Field(True, description="Mark bullets and numbers as list items.")
    tables: bool = Field(True, description="Write the tables of text layers as such, with rows, columns and spans.")
    emphasis: bool = Field(True, description="Mark bold and italic words within running text.")
    links: bool = Field(True, description="Write words under a link to the web as a markdown link.")
    keep_headers: bool = Field(False, description="Leave running heads and page numbers in the markdown.")
    line_boxes: bool = Field(False, description="Keep each line of a text layer with its box.")
    max_image_pixels: int = Field(
        MAX_IMAGE_PIXELS, gt=0, le=MAX_IMAGE_PIXELS, description="Frames of image files above it are not decoded."
    )

    _context: StageContext | None = PrivateAttr(default=None)
    _options: ReadOptions | None = PrivateAttr(default=None)

    @property
    def options(self) -> ReadOptions:
        """These settings as the reader takes them."""
        text = TextOptions(
            dehyphenate=self.dehyphenate,
            headings=self.headings,
            lists=self.lists,
            tables=self.tables,
            emphasis=self.emphasis,
            links=self.links,
            keep_headers=self.keep_headers,
            lines=self.line_boxes,
            min_quality=self.min_quality,
        )
        return ReadOptions(text_layer=self.text_layer, text=text, max_image_pixels=self.max_image_pixels)

    def open(self, context: StageContext) -> None:
        """Remember whose reader to use."""
        self._context = context
        self._options = self.options

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        """Each page with what is known of it."""
        return by_document(pages, self._context, self._ask, self._finish)

    def close(self) -> None:
        """Let the reader go; the worker owns it."""
        self._context = None

    def _ask(self, context: StageContext, path: str, indices: list[int]) -> Iterator[PageFacts | PageError]:
        return context.reader.read_pages(path, indices, self._options or self.options)

    def _finish(self, page: Page, facts: PageFacts) -> Page:
        # One copy of the record a page: two cost as much as its part of the commit.
        changes: dict[str, object] = {
            "width_pt": facts.width_pt,
            "height_pt": facts.height_pt,
            "rotation_applied": facts.rotation,
            "ink_ratio": facts.ink_ratio,
            "has_text_layer": facts.has_text_layer if self.text_layer else None,
            "text_layer_quality": facts.quality,
            "route_reason": facts.reasons[0] if facts.reasons else None,
            "flags": (*page.flags, *facts.reasons[1:]),
            "read_ms": round(facts.read_ms, 3),
        }
        if facts.is_blank:
            changes |= {"status": "blank", "text": "", "text_format": "markdown"}
            if facts.layer is not None:
                changes["blocks"] = tuple(map(Block._make, facts.layer.blocks))
                changes["flags"] = (*page.flags, *facts.reasons[1:], *facts.layer.flags)
        elif facts.layer is not None and not facts.needs_ocr:
            changes |= _answer(facts.layer, facts.quality)
            if facts.layer.flags:
                changes["flags"] = (*page.flags, *facts.reasons[1:], *facts.layer.flags)
        return page.with_(**changes)


def _answer(layer: LayerText, quality: float | None) -> dict[str, object]:
    return {
        "status": "ok",
        "route": "text_layer",
        "text": layer.text,
        "text_format": "markdown",
        "blocks": tuple(map(Block._make, layer.blocks)),
        "lines": tuple(map(Line._make, layer.lines)),
        "quality": quality,
    }
