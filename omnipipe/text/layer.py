"""The text layer of one PDF page as markdown in reading order, with what is needed to judge whether to trust it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.chars import Words, read_words
from omnipipe.text.lines import from_frame, join_words
from omnipipe.text.markdown import Part, by_share, heading_sizes, size_shares, to_parts, to_rows
from omnipipe.text.measure import Measures, measure
from omnipipe.text.order import reading_order

if TYPE_CHECKING:
    import pypdfium2

BlockTuple = tuple[
    str, tuple[float, float, float, float] | None, int, int | None, str, str | None, float | None, str | None
]
"""The fields of `omnipipe.page.Block`, in its order: type, bbox, order, level, text, html, confidence, source."""

LineTuple = tuple[str, tuple[float, float, float, float], float | None]
"""The fields of `omnipipe.page.Line`, in its order: text, bbox, confidence."""


_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\uffff]")
_LONE = re.compile("[\\ud800-\\udfff]")
_UNWANTED = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\uffff\\ud800-\\udfff]")


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


class TextLayer(NamedTuple):
    """The text layer of one page, in plain picklable values.

    `text` is markdown in reading order, always encodable as UTF-8. Boxes are (x0, y0, x1, y1) as shares (0
    to 1) of the upright page (after /Rotate), origin at the top left.
    """

    text: str
    blocks: tuple[BlockTuple, ...]
    lines: tuple[LineTuple, ...]
    measures: Measures


def read_text_layer(page: pypdfium2.PdfPage, options: TextOptions) -> TextLayer:
    """The text layer of `page`; an empty one where the page has no text. Never raises on what a page may hold."""
    textpage = page.get_textpage()
    try:
        words = read_words(textpage)
        measures = measure(page, textpage, words)
    finally:
        textpage.close()
    if words is None:
        return TextLayer("", (), (), measures)
    placed = _parts(words, options, measures.rtl > 0.5)
    if _UNWANTED.search(words.text):
        placed = [(turn, part._replace(text=_clean(part.text))) for turn, part in placed]
    blocks = tuple(
        (part.type, box, order, part.level, part.text, None, None, "text_layer")
        for order, ((_, part), box) in enumerate(zip(placed, _upright(page, placed), strict=True))
    )
    text = "\n\n".join(f"{'#' * part.level} {part.text}" if part.level else part.text for _, part in placed)
    return TextLayer(text, blocks, (), measures)


def _parts(words: Words, options: TextOptions, rtl: bool) -> list[tuple[int, Part]]:
    """The blocks of a page in reading order, each with the direction of its text."""
    placed: list[tuple[int, Part]] = []
    sizes, shares = size_shares(words)
    body = float(sizes[shares.argmax()])
    levels = heading_sizes(sizes, shares, body)
    for turn in by_share(words.turn):
        pieces = join_words(words, np.flatnonzero(words.turn == turn), turn)
        for column in reading_order(pieces, rtl):
            rows = to_rows(pieces, column, words.text)
            placed += [(turn, part) for part in to_parts(rows, body, levels, options, words.text)]
    return placed


def _clean(text: str) -> str:
    """`text` without control characters, lone surrogates and PDFium's mark for a hyphen."""
    return _LONE.sub("\ufffd", _CONTROL.sub("", text.replace("\ufffe", "-")))


def _upright(page: pypdfium2.PdfPage, placed: list[tuple[int, Part]]) -> list[tuple[float, float, float, float]]:
    """The blocks' boxes as shares of the upright page."""
    left, bottom, right, top = page.get_bbox()
    width, height = max(right - left, 1e-6), max(top - bottom, 1e-6)
    rotation = page.get_rotation()
    boxes = []
    for turn, part in placed:
        box = from_frame(part.left, part.top, part.right, part.bottom, turn)
        x0, x1 = _share((box[0] - left) / width), _share((box[2] - left) / width)
        y0, y1 = _share((box[1] - bottom) / height), _share((box[3] - bottom) / height)
        if rotation == 0:
            boxes.append((x0, 1 - y1, x1, 1 - y0))
        elif rotation == 90:
            boxes.append((y0, x0, y1, x1))
        elif rotation == 180:
            boxes.append((1 - x1, y0, 1 - x0, y1))
        else:
            boxes.append((1 - y1, 1 - x1, 1 - y0, 1 - x0))
    return boxes


def _share(value: float) -> float:
    return 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
