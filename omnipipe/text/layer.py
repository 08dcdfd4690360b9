"""The text layer of one PDF page as markdown in reading order, with what is needed to judge whether to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pypdfium2

BlockTuple = tuple[
    str, tuple[float, float, float, float] | None, int, int | None, str, str | None, float | None, str | None
]
"""The fields of `omnipipe.page.Block`, in its order: type, bbox, order, level, text, html, confidence, source."""

LineTuple = tuple[str, tuple[float, float, float, float], float | None]
"""The fields of `omnipipe.page.Line`, in its order: text, bbox, confidence."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How a text layer is written down and how strictly it is judged; all of it decides what a row says."""

    dehyphenate: bool = True
    """Join words that were broken at the end of a line."""
    headings: bool = True
    """Mark lines in larger type as headings."""
    lists: bool = True
    """Mark bullets and numbers as list items."""
    lines: bool = False
    """Give each line with its box as well."""
    min_quality: float = 0.5
    """Text layers below this quality (0 to 1) are not trusted and the page goes to OCR."""


class Measures(NamedTuple):
    """What was measured on a text layer. Shares are 0 to 1 of its visible characters unless said otherwise."""

    num_chars: int = 0
    """Characters that are not white space, controls included."""
    num_words: int = 0
    replaced: float = 0.0
    """U+FFFD, non-characters and lone surrogates."""
    private: float = 0.0
    """Private-use characters."""
    control: float = 0.0
    """Control characters."""
    cid: float = 0.0
    """Characters within `(cid:12)`."""
    unmapped: float = 0.0
    """Of a sample of characters: those for which the font names no Unicode."""
    invisible: float = 0.0
    """Of a sample of characters: those drawn invisibly (text render mode 3)."""
    language: float | None = None
    """How much like a language it reads, 0 to 1; None where there is too little text to say, or no way to tell."""
    shift: int = 0
    """The constant that the letters are off by: 0 where they are not."""
    mixed: float = 0.0
    """Of the pairs of neighbouring letters: those of two scripts that no word mixes."""
    rare: float = 0.0
    """Of the Han and Hangul characters: those outside of the everyday sets."""
    mojibake: float = 0.0
    """Of the letters: those of the upper half of Latin-1."""
    image_share: float = 0.0
    """Share of the page under images."""
    num_glyph_paths: int = 0
    """Filled paths that look like outlined letters."""
    num_drawn: int = 0
    """Objects on the page that are not text."""
    text_share: float = 0.0
    """Share of the page under the boxes of its words."""


class TextLayer(NamedTuple):
    """The text layer of one page, in plain picklable values.

    `text` is markdown in reading order, always encodable as UTF-8. Boxes are (x0, y0, x1, y1) as shares (0 to 1) of the upright page (after
    /Rotate), origin at the top left.
    """

    text: str
    blocks: tuple[BlockTuple, ...]
    lines: tuple[LineTuple, ...]
    measures: Measures


def read_text_layer(page: pypdfium2.PdfPage, options: TextOptions) -> TextLayer:
    """The text layer of `page`; an empty one where the page has no text. Never raises on what a page may hold."""
    textpage = page.get_textpage()
    try:
        text = textpage.get_text_range(errors="replace").encode("utf-8", "replace").decode()
    finally:
        textpage.close()
    text = text.replace("\r\n", "\n")
    size = len("".join(text.split()))
    blocks: tuple[BlockTuple, ...] = (("text", None, 0, None, text, None, None, "text_layer"),) if size else ()
    return TextLayer(text, blocks, (), Measures(num_chars=size, num_words=len(text.split())))
