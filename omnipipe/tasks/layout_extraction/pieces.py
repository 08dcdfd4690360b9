"""What stays together when the parts of a page are put in order: lines of OCR, or whole blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from omnipipe.page import Block, Box, Line
from omnipipe.tasks.layout_extraction.slant import Slant
from omnipipe.tasks.ocr_extraction.aside import is_aside

_PAGE: Box = (0.0, 0.0, 1.0, 1.0)
_TALL = 3.0
"""Times as high as the next piece: what runs up or down the page beside it has no row."""
_SIGNS = dict.fromkeys(map(ord, "-•●▪■◦○‣"))
"""Signs that a block may have more or fewer of than its lines."""


class Piece(NamedTuple):
    """A line of OCR, or a block where there are no lines. `paragraph` numbers the block, `block`, that it is of.

    `box` is where it stands once the page is straight, `seen` where it stands on the page as it is.
    """

    text: str
    box: Box
    seen: Box
    confidence: float | None
    paragraph: int
    block: Block

    @property
    def height(self) -> float:
        """Share of the page's height."""
        return self.box[3] - self.box[1]

    @property
    def letter(self) -> float:
        """How large its letters are: the root of the share of the page that one takes, with what is around it.

        Heights alone tell less: an engine's boxes are higher than their lines by more or less.
        """
        return math.sqrt(max(0.0, (self.box[2] - self.box[0]) * self.height) / max(1, len(self.text)))

    def is_aside(self, aspect: float) -> bool:
        """Whether it runs up or down a page that is `aspect` times as wide as high."""
        return is_aside(self.text, (self.box[2] - self.box[0]) * aspect, self.height)


def to_pieces(blocks: Sequence[Block], lines: Sequence[Line], slant: Slant | None = None) -> list[Piece]:
    """The lines of `blocks` where `lines` are theirs, in the same order; else the blocks themselves."""
    level = slant.level if slant is not None else _same
    shares = _shares(blocks, lines)
    if shares is None:
        return [
            Piece(block.text, level(block.bbox or _PAGE), block.bbox or _PAGE, block.confidence, index, block)
            for index, block in enumerate(blocks)
        ]
    return [
        Piece(line.text, level(line.bbox), line.bbox, line.confidence, index, blocks[index])
        for index, share in enumerate(shares)
        for line in share
    ]


def rows_of(pieces: Sequence[Piece]) -> list[list[int]]:
    """Indices of what stands beside one another, from left to right, and from top to bottom."""
    rows: list[list[int]] = []
    for index in sorted(range(len(pieces)), key=lambda i: pieces[i].box[1] + pieces[i].box[3]):
        last = pieces[rows[-1][0]].box if rows else None
        middle = (pieces[index].box[1] + pieces[index].box[3]) / 2
        is_low = last is not None and last[3] - last[1] > _TALL * pieces[index].height
        if last is not None and last[1] < middle < last[3] and not is_low:
            rows[-1].append(index)
        else:
            rows.append([index])
    return [sorted(row, key=lambda index: pieces[index].box[0]) for row in rows]


def _shares(blocks: Sequence[Block], lines: Sequence[Line]) -> list[list[Line]] | None:
    """The lines of each block; None where the blocks are not made of these lines."""
    left = list(reversed(lines))
    shares: list[list[Line]] = []
    for block in blocks:
        # A block is its lines with blanks between them, without hyphens at their ends, and with `- ` for a bullet.
        wanted = _num_letters(block.text)
        share: list[Line] = []
        while left and (wanted > 0 or not share):
            share.append(left.pop())
            wanted -= _num_letters(share[-1].text)
        if wanted != 0 or not share:
            return None
        shares.append(share)
    return shares if shares and not left else None


def _same(box: Box) -> Box:
    return box


def _num_letters(text: str) -> int:
    return len("".join(text.split()).translate(_SIGNS))
