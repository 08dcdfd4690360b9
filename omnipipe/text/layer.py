"""The text layer of one PDF page as markdown in reading order, with what is needed to judge whether to trust it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.chars import Words, read_words
from omnipipe.text.lines import from_frame, join_words
from omnipipe.text.markdown import Part, by_share, heading_sizes, size_shares, to_parts, to_rows
from omnipipe.text.measure import Measures, is_rtl, measure
from omnipipe.text.order import reading_order

if TYPE_CHECKING:
    import pypdfium2

BlockTuple = tuple[
    str, tuple[float, float, float, float] | None, int, int | None, str, str | None, float | None, str | None
]
"""The fields of `omnipipe.page.Block`, in its order: type, bbox, order, level, text, html, confidence, source."""

LineTuple = tuple[str, tuple[float, float, float, float], float | None]
"""The fields of `omnipipe.page.Line`, in its order: text, bbox, confidence."""


_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_REPLACED = dict.fromkeys(map(chr, (*range(0x20), *range(0x7F, 0xA0))), "") | {"\ufffe": "-"}


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
    placed = _parts(words, options)
    text = _clean("\n\n".join(_as_markdown(part) for _, part in placed))
    if not placed:
        return TextLayer(text, (), (), measures)
    boxes = _upright(page, placed)
    blocks = tuple(
        (part.type, box, order, part.level, _clean(part.text), None, None, "text_layer")
        for order, ((_, part), box) in enumerate(zip(placed, boxes, strict=True))
    )
    return TextLayer(text, blocks, (), measures)


def _parts(words: Words, options: TextOptions) -> list[tuple[int, Part]]:
    """The blocks of a page in reading order, each with the direction of its text."""
    placed: list[tuple[int, Part]] = []
    rtl = is_rtl(words.units)
    sizes, shares = size_shares(words)
    body = float(sizes[shares.argmax()])
    levels = heading_sizes(sizes, shares, body)
    for turn in by_share(words.turn):
        pieces = join_words(words, np.flatnonzero(words.turn == turn), turn)
        for column in reading_order(pieces, rtl):
            rows = to_rows(pieces, column, words.text)
            placed += [(turn, part) for part in to_parts(rows, body, levels, options, words.text)]
    return placed


def _as_markdown(part: Part) -> str:
    return f"{'#' * part.level} {part.text}" if part.level else part.text


def _clean(text: str) -> str:
    """`text` without control characters, lone surrogates and PDFium's mark for a hyphen."""
    return _UNWANTED.sub(lambda match: _REPLACED.get(match.group(), "\ufffd"), text) if _UNWANTED.search(text) else text


def _upright(page: pypdfium2.PdfPage, placed: list[tuple[int, Part]]) -> list[tuple[float, float, float, float]]:
    """The blocks' boxes as shares of the upright page."""
    turns = np.array([turn for turn, _ in placed])
    frame = np.array([part[3:7] for _, part in placed], np.float64)
    box = np.empty_like(frame)
    for turn in set(turns.tolist()):
        box[turns == turn] = from_frame(frame[turns == turn], turn)
    left, bottom, right, top = page.get_bbox()
    width, height = max(right - left, 1e-6), max(top - bottom, 1e-6)
    x = (box[:, [0, 2]] - left) / width
    y = (box[:, [1, 3]] - bottom) / height
    across, down = {0: (x, 1 - y), 90: (y, x), 180: (1 - x, y), 270: (1 - y, 1 - x)}[page.get_rotation()]
    shares = np.concatenate((np.sort(across, axis=1), np.sort(down, axis=1)), axis=1)[:, [0, 2, 1, 3]]
    np.clip(np.nan_to_num(shares), 0.0, 1.0, out=shares)
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in shares.tolist()]
