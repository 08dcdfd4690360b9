"""What the reader process is asked and what it answers: plain, small, picklable.

This module is imported in the child as well, where every import costs start-up time: standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from omnipipe.text.options import TextOptions

if TYPE_CHECKING:
    from omnipipe.text.layer import BlockTuple, LineTuple

MAX_IMAGE_PIXELS = 180_000_000
"""Pixels of one frame of an image file that are decoded at most: A0 at 400 dpi is 245 million, A1 at 400 dpi 123."""


class DocumentFacts(NamedTuple):
    """What is known of a document before any page is read.

    `format` is pdf, png, jpeg, tiff, webp, bmp, gif or jp2, by content. `ocr_share` (0 to 1) estimates how many of
    its pages need OCR, from at most four pages; None where nobody asked.
    """

    format: str
    page_count: int
    metadata: dict[str, str]
    ocr_share: float | None = None


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How pages are read. With `text_layer` off no text is taken, and only blank pages are told apart."""

    text_layer: bool = True
    text: TextOptions = field(default_factory=TextOptions)
    max_image_pixels: int = MAX_IMAGE_PIXELS


class LayerText(NamedTuple):
    """What a row takes of a text layer: markdown, and blocks and lines as plain tuples in the order of their fields,
    and flags.

    The measures that the triage took stay where they were taken: they cost as much to send as the text.
    """

    text: str
    blocks: tuple[BlockTuple, ...]
    lines: tuple[LineTuple, ...]
    flags: tuple[str, ...] = ()


class PageFacts(NamedTuple):
    """One page as the child saw it. `layer` is None where the page has no text layer or it was not asked for.

    Sizes are those of the upright page in points, None for images that do not say their resolution; `rotation` (0, 90,
    180, 270) is what the file asks for and what is already applied. `ink_ratio` (0 to 1) is None where it was not
    needed. `quality` (0 to 1) and `reasons` are the triage's verdict on the text layer.
    """

    width_pt: float | None
    height_pt: float | None
    rotation: int
    ink_ratio: float | None
    has_text_layer: bool
    layer: LayerText | None
    needs_ocr: bool
    is_blank: bool
    quality: float | None
    reasons: tuple[str, ...]
    read_ms: float


@dataclass(frozen=True, slots=True)
class RenderPolicy:
    """The size and form of a page's picture.

    PDF pages are drawn at `dpi`, image files keep their pixels; both are scaled down until the longer side has at most
    `longest_side` pixels and the whole at most `max_pixels`. A PDF page whose longer side would have less than
    `small_side` pixels is drawn at up to twice `dpi`, but a scan no finer than it was scanned.

    With `multiple_of` (pixels) each side is stretched or squeezed to the nearest multiple that the caps allow, at least
    one: a model whose own grid that is takes the picture as it is, and boxes stay shares of the page.

    `raw` is rows of `mode` pixels without padding; `quality` (1 to 95) is JPEG's. Image files above
    `max_image_pixels` are refused before they are decoded.
    """

    dpi: float = 150.0
    longest_side: int = 2400
    max_pixels: int = 6_000_000
    small_side: int = 1200
    multiple_of: int = 1
    format: Literal["raw", "png", "jpeg"] = "raw"
    mode: Literal["L", "RGB"] = "RGB"
    quality: int = 85
    max_image_pixels: int = MAX_IMAGE_PIXELS

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The size of the picture of an image file of `width` x `height` pixels."""
        scale = min(1.0, self.longest_side / max(width, height), (self.max_pixels / (width * height)) ** 0.5)
        if self.multiple_of > 1:
            return self.on_grid(width * scale, height * scale)
        return max(1, int(width * scale)), max(1, int(height * scale))

    def on_grid(self, width: float, height: float) -> tuple[int, int]:
        """The multiples of `multiple_of` nearest to `width` and `height`, which keep to the caps."""
        step = self.multiple_of
        longest = max(1, self.longest_side // step)
        across, down = (min(longest, max(1, round(side / step))) for side in (width, height))
        while across * down * step * step > self.max_pixels and (across > 1 or down > 1):
            # The side that was rounded up the most loses least.
            if down <= 1 or (across > 1 and across * step - width >= down * step - height):
                across -= 1
            else:
                down -= 1
        return across * step, down * step
