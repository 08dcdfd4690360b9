"""Rows and blocks of a page, in the reading frame (points, `top` above `bottom`, growing downwards)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.lines.pieces import GAP
from omnipipe.text.style import BOLD, ITALIC, MATH, MONO, SYMBOL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omnipipe.text.blocks.tags import Tags
    from omnipipe.text.columns.order import Column
    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.options import TextOptions
    from omnipipe.text.words.chars import Words

_ALL = BOLD | ITALIC | MONO | MATH

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


_new_row = partial(tuple.__new__, Row)
"""As `Row`, of all of its fields in one, in half of its time."""


@dataclass(frozen=True, slots=True)
class PageStyle:
    """What blocks need to know of their page.

    `body` is the size of running text, `levels` are the sizes of headings (largest first), `words` the page's words
    and its text (to see how a broken word is written elsewhere), `styles` the bits of each word, `marked` those that
    set it off from the text around it. `links` maps words to addresses. `codes`: fixed width means code here.
    `accents`: on which side of its letter a loose accent stands (before, after; empty for none). `tags`: what the
    structure tree of the file says, None without a good one. `splits_words`: lines end within
    words without a hyphen. `rtl`: the page is read from right to left.
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
    rtl: bool = False

    @property
    def text(self) -> str:
        """The page's text in the order of its content."""
        return self.words.text


def mirrored(row: Row, body: float) -> Row:
    """`row` as it would stand if the page were turned over: what is read from the right is then read from the left.

    Latin words are set a little smaller than the text around them: with them, a line is still in the size `body`.
    """
    size = body if 0.8 * body < row.size < body else row.size
    return row._replace(left=-row.right, right=-row.left, size=size)


def to_rows(pieces: Pieces, column: Column, text: str, styles: bytes = b"") -> list[Row]:
    """The rows of one column of `reading_order`; `styles` are the bits of each word of the page."""
    flat, starts = column
    first, last = pieces.first[flat], pieces.last[flat]
    sides = pieces.left[flat], pieces.top[flat], pieces.right[flat], pieces.bottom[flat]
    weight = (last - first).astype(np.float32)
    sizes = pieces.size[flat] * weight
    words, firsts, lasts = pieces.word[flat].tolist(), first.tolist(), last.tolist()
    if len(starts) == len(flat):
        boxes = (*[side.tolist() for side in sides], (sizes / weight).tolist())
        return _rows(words, [text[start:end].split() for start, end in zip(firsts, lasts, strict=True)], boxes, styles)
    left, top, right, bottom = sides
    boxes = (
        np.minimum.reduceat(left, starts).tolist(),
        np.minimum.reduceat(top, starts).tolist(),
        np.maximum.reduceat(right, starts).tolist(),
        np.maximum.reduceat(bottom, starts).tolist(),
        (np.add.reduceat(sizes, starts) / np.add.reduceat(weight, starts)).tolist(),
    )
    lefts, rights = left.tolist(), right.tolist()
    opens = starts.tolist()
    rows = _rows([words[i] for i in opens], [text[firsts[i] : lasts[i]].split() for i in opens], boxes, styles)
    for place, (start, end) in enumerate(pairwise([*opens, len(flat)])):
        if end - start > 1:
            runs = [(words[i], lefts[i], rights[i], text[firsts[i] : lasts[i]].split()) for i in range(start + 1, end)]
            rows[place] = _joined(rows[place], (lefts[start], rights[start]), runs, styles)
    return rows


def _rows(words: list[int], texts: list[list[str]], boxes: tuple[list[float], ...], styles: bytes) -> list[Row]:
    """Rows of one piece each, by their first words, the words of their texts and their sides and sizes."""
    shared = [0] * len(words)
    if styles:
        for i, (word, tokens) in enumerate(zip(words, texts, strict=True)):
            if styles[word] & SYMBOL and len(tokens[0]) == 1:
                tokens[0] = "•"
            here = styles[word : word + len(tokens)]
            # Most text is plain.
            if 0 not in here:
                style = _ALL
                for one in set(here):
                    style &= one
                shared[i] = style
    spans = [((word, len(tokens)),) for word, tokens in zip(words, texts, strict=True)]
    fields = zip(map(" ".join, texts), *boxes, repeat(False), words, spans, shared, strict=False)
    return list(map(_new_row, fields))


def _joined(
    row: Row, sides: tuple[float, float], runs: list[tuple[int, float, float, list[str]]], styles: bytes
) -> Row:
    """`row`, the first piece of which has these sides, with its other pieces: word, left, right and words of each."""
    start, end = sides
    text, spans, gaps = row.text, [*row.spans], False
    wide = GAP * row.size
    for i, (word, left, right, tokens) in enumerate(runs):
        if not gaps and (left - end > wide or start - right > wide):
            # What parts a bullet or a number from its item is no gap.
            gaps = i > 0 or not MARKER.match(text)
        if tokens:
            text = f"{text} {' '.join(tokens)}" if text else " ".join(tokens)
        spans.append((word, len(tokens)))
        start, end = left, right
    return row._replace(text=text, gaps=gaps, spans=tuple(spans), style=shared_style(styles, spans))


def shared_style(styles: bytes, spans: Sequence[tuple[int, int]]) -> int:
    """The bits that all words of `spans` have."""
    style = _ALL if styles else 0
    for word, count in spans:
        here = styles[word : word + count]
        if 0 in here:
            return 0
        for one in set(here):
            style &= one
    return style
