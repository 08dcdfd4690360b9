"""Footnotes at the foot of each column, which are read after the text of all columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omnipipe.page import Block
from omnipipe.text.compose import PAGE_FURNITURE

_SMALLER = 0.93
"""Times the usual size of letters that those of footnotes have at most."""
_LOW = 0.5
"""Share of the page's height below which footnotes begin."""
_SHARED = 0.5
"""Share of the narrower of two blocks that lies above or below the other one in one column."""
_MARK = re.compile(r"(?:\d{1,3}|[*†‡§¹²³])[.)]?\s?[^\W\d_]")


def find_notes(blocks: Sequence[Block], letters: Sequence[float], usual: float) -> set[int]:
    """Indices of the text blocks that are footnotes; `letters` says how large the letters of each block are.

    In a column they are the last blocks, all in smaller letters, and one of them at least begins with a mark; there is
    text in `usual` letters above them.
    """
    found: set[int] = set()
    for index, block in enumerate(blocks):
        if not _is_small(block, letters[index], usual) or not _MARK.match(block.text):
            continue
        column = [i for i, other in enumerate(blocks) if i != index and _is_in_column(other, block)]
        below = [i for i in column if _top(blocks[i]) > _top(block)]
        above = sorted((i for i in column if i not in below), key=lambda i: -_top(blocks[i]))
        if not all(_is_small(blocks[i], letters[i], usual) for i in below):
            continue
        # The rest of a note that begins in the column before, or one whose mark was not read.
        first = next((n for n, i in enumerate(above) if not _is_small(blocks[i], letters[i], usual)), None)
        if first is not None and letters[above[first]] > _SMALLER * usual:
            found |= {index, *below, *above[:first]}
    return found


def _is_small(block: Block, letter: float, usual: float) -> bool:
    return block.type in ("text", "footnote", "list") and 0 < letter <= _SMALLER * usual and _top(block) > _LOW


def _is_in_column(other: Block, block: Block) -> bool:
    if other.bbox is None or block.bbox is None or other.type in PAGE_FURNITURE:
        return False
    across = min(other.bbox[2], block.bbox[2]) - max(other.bbox[0], block.bbox[0])
    return across > _SHARED * min(other.bbox[2] - other.bbox[0], block.bbox[2] - block.bbox[0])


def _top(block: Block) -> float:
    return block.bbox[1] if block.bbox is not None else 0.0
