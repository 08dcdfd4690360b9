"""Draws the pages that still need pixels, and no others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from omnipipe.page import Page, PageError, Pixels
from omnipipe.reading.facts import MAX_IMAGE_PIXELS, RenderPolicy
from omnipipe.stages.base import Stage, StageContext
from omnipipe.stages.grouping import by_document

_DEFAULT = RenderPolicy(longest_side=3000, format="raw", mode="L")
_SETTINGS = tuple(field.name for field in fields(RenderPolicy))


class Render(Stage):
    """Gives each open page its upright picture, to a size policy. A page that cannot be drawn becomes `failed`.

    What is not set is as the next stage that looks at pixels likes it best; RapidOCR's wishes where no stage has any.
    """

    batch_size: ClassVar[int] = 4
    makes_pixels: ClassVar[bool] = True

    dpi: float | None = Field(None, gt=0, le=1200, description="Dots an inch of PDF pages; images keep their pixels.")
    longest_side: int | None = Field(None, ge=16, le=20000, description="Longer pictures (pixels) are scaled down.")
    max_pixels: int | None = Field(
        None, ge=256, le=180_000_000, description="Larger pictures (pixels) are scaled down."
    )
    small_side: int | None = Field(
        None, ge=0, description="PDF pages with a shorter longest side (pixels) are drawn at up to twice the dpi."
    )
    format: Literal["raw", "png", "jpeg"] | None = Field(
        None, description="raw for OCR in this process, else what is sent."
    )
    mode: Literal["L", "RGB"] | None = Field(
        None, description="L is grey, a third of the bytes; RGB for models that see."
    )
    quality: int | None = Field(None, ge=1, le=95, description="JPEG quality.")
    multiple_of: int | None = Field(
        None, ge=1, le=256, description="Each side (pixels) is a multiple of it: a model's own grid."
    )
    max_image_pixels: int | None = Field(
        None, gt=0, le=MAX_IMAGE_PIXELS, description="Frames of image files above it are not decoded."
    )

    _context: StageContext | None = PrivateAttr(default=None)

    @property
    def policy(self) -> RenderPolicy:
        """These settings as the reader takes them."""
        return replace(_DEFAULT, **{name: value for name in _SETTINGS if (value := getattr(self, name)) is not None})

    def suited(self, picture: RenderPolicy | None) -> Render:
        """This stage with all that it does not say taken from `picture`, and nothing left unsaid."""
        policy = replace(picture or _DEFAULT, **self.model_dump(exclude_none=True))
        return Render(**{name: getattr(policy, name) for name in _SETTINGS})

    def wants(self, page: Page) -> bool:
        """Open pages without a picture."""
        return page.is_open and page.image is None

    def open(self, context: StageContext) -> None:
        """Remember whose reader to use."""
        self._context = context

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        """Each page with its picture, its size in pixels and the milliseconds that it took."""
        return by_document(pages, self._context, self._ask, _finish)

    def close(self) -> None:
        """Let the reader go; the worker owns it."""
        self._context = None

    def _ask(self, context: StageContext, path: str, indices: list[int]) -> Iterator[tuple[Pixels, float] | PageError]:
        start = time.perf_counter()
        for found in context.reader.render_pages(path, indices, self.policy):
            now = time.perf_counter()
            yield found if isinstance(found, PageError) else (found, (now - start) * 1000)
            start = time.perf_counter()


def _finish(page: Page, found: tuple[Pixels, float]) -> Page:
    pixels, milliseconds = found
    return page.with_(
        image=pixels, image_width=pixels.width, image_height=pixels.height, render_ms=round(milliseconds, 3)
    )
