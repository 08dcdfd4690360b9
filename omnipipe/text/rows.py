"""Rows and blocks of a page, in the reading frame (points, `top` above `bottom`, growing downwards)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.lines import GAP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omnipipe.text.chars import Words
    from omnipipe.text.lines import Pieces
    from omnipipe.text.options import TextOptions
    from omnipipe.text.order import Column
    from omnipipe.text.tags import Tags

BOLD, ITALIC, MONO, MATH, SYMBOL = 1, 2, 4, 8, 16
"""Bits of a word's style."""

MARKER = re.compile(
    r"(?:[^\w\s]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\[\d{1,3}\]|\(?(?:\d{1,3}\.){1,4}\d{1,3}\)?)\Z"
)
"""A bullet, or a number as items and sections have it."""


class Row(NamedTuple):
    """One row of text: its words, its box, its size, whether it has wide gaps, and the index of its first word.

    `spans` are the words of its pieces: the first, and how many. `style` are the bits that all of its words share.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    gaps: bool
    word: int
    spans: tuple[tuple[int, int], ...] = ()
    style: int = 0


class Part(NamedTuple):
    """A block: type, heading level, text, box; `html` for tables.

    `size` is the font size in points. `is_open`: its last line is full, so that it may go on in the next column;
    `joins`: it goes on from the text before it. `depth` is that of an item's list (from 1) where the file names it,
    else 0.
    """

    type: str
    level: int | None
    text: str
    left: float
    top: float
    right: float
    bottom: float
    html: str | None = None
    size: float = 0.0
    is_open: bool = False
    joins: bool = False
    depth: int = 0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in points."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True, slots=True)
class PageStyle:
    """What blocks need to know of their page.

    `body` is the size of running text, `levels` are the sizes of headings (largest first), `words` the page's words
    and its text (to see how a broken word is written elsewhere), `styles` the bits of each word, `marked` those that
    set it off from the text around it. `links` maps words to addresses. `codes`: fixed width means code here.
    `accents`: on which side of its letter a loose accent stands (before, after; empty for none). `tags`: what the
    structure tree of the file says, None without a good one. `splits_words`: lines end within
    words without a hyphen.
    """

    body: float
    levels: Sequence[float]
    words: Words
    styles: bytes
    marked: bytes
    options: TextOptions
    links: Mapping[int, str] = field(default_factory=dict)
    codes: bool = False
    accents: str = ""
    tags: Tags | None = None
    splits_words: bool = False

    @property
    def text(self) -> str:
        """The page's text in the order of its content."""
        return self.words.text


def to_rows(pieces: Pieces, column: Column, text: str, styles: bytes = b"") -> list[Row]:
    """The rows of one column of `reading_order`; `styles` are the bits of each word of the page."""
    flat, starts = column
    first, last = pieces.first[flat].tolist(), pieces.last[flat].tolist()
    left, right, size = pieces.left[flat], pieces.right[flat], pieces.size[flat]
    weight = (pieces.last - pieces.first)[flat].astype(np.float32)
    numbers = zip(
        starts.tolist(),
        [*starts[1:].tolist(), len(flat)],
        np.minimum.reduceat(left, starts).tolist(),
        np.minimum.reduceat(pieces.top[flat], starts).tolist(),
        np.maximum.reduceat(right, starts).tolist(),
        np.maximum.reduceat(pieces.bottom[flat], starts).tolist(),
        (np.add.reduceat(size * weight, starts) / np.add.reduceat(weight, starts)).tolist(),
        strict=True,
    )
    lefts, rights, words = left.tolist(), right.tolist(), pieces.word[flat].tolist()
    rows = []
    for start, end, x0, y0, x1, y1, em in numbers:
        tokens = text[first[start] : last[start]].split()
        if styles and styles[words[start]] & SYMBOL and len(tokens[0]) == 1:
            tokens[0] = "•"
        spans = [(words[start], len(tokens))]
        gaps = False
        for i in range(start + 1, end):
            more = text[first[i] : last[i]].split()
            tokens += more
            spans.append((words[i], len(more)))
            wide = GAP * em
            if lefts[i] - rights[i - 1] > wide or lefts[i - 1] - rights[i] > wide:
                # What parts a bullet or a number from its item is no gap.
                gaps = gaps or i > start + 1 or not MARKER.match(" ".join(tokens[: -len(more)]))
        style = shared_style(styles, spans)
        rows.append(Row(" ".join(tokens), x0, y0, x1, y1, em, gaps, words[start], tuple(spans), style))
    return rows


def shared_style(styles: bytes, spans: Sequence[tuple[int, int]]) -> int:
    """The bits that all words of `spans` have."""
    style = (BOLD | ITALIC | MONO | MATH) if styles else 0
    for word, count in spans:
        here = styles[word : word + count]
        if 0 in here:
            return 0
        for one in set(here):
            style &= one
    return style
