"""The OCR stage: pages with a picture get their text, line boxes and confidence."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from omnipipe.config import operation
from omnipipe.errors import ConfigError
from omnipipe.page import Page
from omnipipe.reading.facts import RenderPolicy
from omnipipe.stages.base import Stage, StageContext

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.result import OcrEngine, OcrResult

_READ_WELL = 0.95
"""Mean confidence from which the letters are those of the page."""

EngineName = Literal["rapidocr", "tesseract", "fast"]


class Ocr(Stage):
    """Reads open pages that have a picture. The model is loaded at the first such page, not in `open`.

    A page becomes `ok` with route `ocr`, text in markdown and `quality` the share of its characters that may
    be expected to be right. A picture on which no text is found is `ok` as well, with empty text, no quality and the
    flag `no_text_found`.
    """

    batch_size: ClassVar[int] = 1
    needs_pixels: ClassVar[bool] = True
    pictures: ClassVar[dict[EngineName, RenderPolicy]] = {
        "rapidocr": RenderPolicy(dpi=150, longest_side=3000, max_pixels=6_000_000, format="raw", mode="L"),
        "tesseract": RenderPolicy(dpi=200, longest_side=4000, max_pixels=10_000_000, format="raw", mode="L"),
        "fast": RenderPolicy(dpi=200, longest_side=4000, max_pixels=10_000_000, format="raw", mode="L"),
    }
    """The picture that each engine reads best; what `Render` should make."""

    engine: EngineName = Field(
        "rapidocr", description="rapidocr needs only pip; tesseract is faster on clean pages; fast tries it first."
    )
    languages: tuple[str, ...] = Field(
        (),
        description="Languages of the pages by Tesseract's names (eng, deu). Tesseract reads with their data, eng if"
        " none is named; RapidOCR reads all it knows and takes no doubtful letters that they lack.",
    )
    min_confidence: float = Field(0.5, ge=0, le=1, description="Lines read with less confidence (0 to 1) are dropped.")
    fix_rotation: bool = Field(True, description="Turn pages that lie sideways or upside down before reading them.")
    line_boxes: bool = Field(True, description="Keep each line with its box and confidence.")
    threads: int = operation(1, ge=1, description="Threads of a model; one process a core beats more threads.")

    _reader: OcrEngine | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _languages_have_a_reader(self) -> Self:
        from omnipipe.tasks.ocr_extraction.languages import letters_of

        if self.engine != "tesseract":
            try:
                letters_of(self.languages)
            except ConfigError as error:
                raise ValueError(str(error)) from error
        return self

    def identity(self) -> Mapping[str, object]:
        """Whether the model that tells which way up a page lies is there: without it some come out otherwise."""
        from omnipipe.tasks.ocr_extraction.compass import Compass

        return {"has_compass": self.fix_rotation and Compass.is_there()}

    @property
    def picture(self) -> RenderPolicy:
        """The picture that the chosen engine reads best."""
        return self.pictures[self.engine]

    def wants(self, page: Page) -> bool:
        """Open pages with a picture."""
        return page.is_open and page.image is not None

    def open(self, context: StageContext) -> None:
        """Check that the engine is installed; nothing is loaded yet.

        Raises:
            MissingExtraError: A package or language data are not installed.
        """
        self._reader = self.build()

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        """Each page with its text."""
        return [self._extract(page) for page in pages]

    def close(self) -> None:
        """Free the model."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _extract(self, page: Page) -> Page:
        if self._reader is None or page.image is None:
            raise ConfigError(f"page {page.id} came to a closed OCR stage or without a picture. Call open, and render.")
        from omnipipe.tasks.ocr_extraction.picture import turned_pixels

        start = time.perf_counter()
        result = self._reader.extract(page.image)
        took = (time.perf_counter() - start) * 1000
        width, height = page.width_pt, page.height_pt
        if result.rotation_applied in (90, 270):
            width, height = height, width
        return page.with_(
            status="ok",
            route="ocr",
            text=result.content,
            text_format="markdown",
            blocks=result.blocks,
            lines=result.lines if self.line_boxes else (),
            flags=(*page.flags, *_flags(result)),
            width_pt=width,
            height_pt=height,
            rotation_applied=((page.rotation_applied or 0) + result.rotation_applied) % 360,
            image_width=result.width,
            image_height=result.height,
            quality=result.quality,
            engine=result.engine,
            model=result.model,
            language=self._language(result),
            infer_ms=round(took, 3),
            # The stages after this one see the page as it was read.
            image=turned_pixels(page.image, result.rotation_applied),
        )

    def _language(self, result: OcrResult) -> str | None:
        """The script of a page that was read well: of others the letters may be of another script than they look."""
        from omnipipe.tasks.ocr_extraction.languages import script_tag

        is_sure = (result.confidence or 0.0) >= _READ_WELL
        return script_tag(line.text for line in result.lines) if is_sure else None

    def build(self) -> OcrEngine:
        """The chosen engine, nothing loaded.

        Raises:
            MissingExtraError: A package or language data are not installed.
        """
        from omnipipe.tasks.ocr_extraction import (
            FastOCR,
            FastOCRConfig,
            RapidOCR,
            RapidOCRConfig,
            Tesseract,
            TesseractConfig,
        )

        first = TesseractConfig(
            languages=self.languages or ("eng",), min_confidence=self.min_confidence, fix_rotation=self.fix_rotation
        )
        if self.engine == "tesseract":
            return Tesseract(first)
        rapid = RapidOCRConfig(
            languages=self.languages,
            min_confidence=self.min_confidence,
            fix_rotation=self.fix_rotation,
            threads=self.threads,
        )
        if self.engine == "rapidocr":
            return RapidOCR(rapid)
        return FastOCR(FastOCRConfig(first=first.model_copy(update={"fix_rotation": False}), second=rapid))


def _flags(result: OcrResult) -> list[str]:
    from omnipipe.text.compose import NEVER_SHOWN

    found = [] if result.content else ["no_text_found"]
    return [*found, "text:hidden"] if any(block.type == NEVER_SHOWN for block in result.blocks) else found
