"""The blocks of a page's columns in one order: paragraphs go on in the next column, notes come after the columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omnipipe.text.blocks.captions import mark_footnotes
from omnipipe.text.blocks.paragraphs import ends_sentence, is_unfinished, join_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omnipipe.text.blocks.rows import PageStyle
    from omnipipe.text.part import Part

_MAX_SKIPPED, _MAX_LABEL = 30, 120
"""Blocks within a figure, and characters of one of them."""

_ENDING = 30
"""Characters at the end of a block; with a break among them it is lines, not a paragraph."""

_BREAKS_OFF = re.compile(r"[\w,]$")
_BESIDE = ("caption", "footnote", "table", "figure", "code")
"""What may stand between two halves of a paragraph."""


def arrange(columns: Sequence[list[Part]], page: PageStyle) -> list[Part]:
    """The blocks of `columns` in reading order."""
    columns = mark_footnotes([column for column in columns if column], page)
    out: list[Part] = []
    notes: list[Part] = []
    for column in columns:
        notes += [part for part in column if part.type == "footnote"]
        column = [part for part in column if part.type != "footnote"]
        last = _open_end(out, page.body)
        first = None if last is None else _continuation(out[last], column)
        if last is None or first is None:
            out += column
            continue
        # What stood between comes after the paragraph.
        between = out[last + 1 :]
        out = [*out[: last + 1], column[first]._replace(joins=True), *between, *column[:first], *column[first + 1 :]]
    return out + notes


def _continuation(part: Part, column: Sequence[Part]) -> int | None:
    """Which block of the next column goes on from `part`: the first, or the first below a figure and its words."""
    for i, following in enumerate(column[:_MAX_SKIPPED]):
        if following.type in _BESIDE:
            continue
        if goes_on(part, following):
            return i
        if following.type != "text" or len(following.text) > _MAX_LABEL or ends_sentence(following.text):
            return None
    return None


def goes_on(part: Part, following: Part) -> bool:
    """Whether the paragraph `part` goes on in `following`, at the top of the next column."""
    if following.type != "text" or not part.is_open or abs(part.size - following.size) > 0.05 * part.size:
        return False
    # A name may start the next column; what a long paragraph lacks is then the end of its sentence.
    is_long = min(len(part.text), len(following.text)) > 100 and following.text[0].isalpha()
    is_long = is_long and "\n" not in part.text[-_ENDING:]
    return is_unfinished(part.text, following.text) or (is_long and bool(_BREAKS_OFF.search(part.text)))


def join_parts(parts: Iterable[Part], dehyphenate: bool, known: str) -> list[tuple[str, int | None, str]]:
    """Type, level and text of blocks for the markdown: those that go on are joined with the block before them."""
    out: list[tuple[str, int | None, str]] = []
    for part in parts:
        if part.joins and out:
            kind, level, text = out.pop()
            out.append((kind, level, join_texts(text, part.text, dehyphenate, known)))
        else:
            out.append((part.type, part.level, part.text))
    return out


def _open_end(parts: Sequence[Part], body: float) -> int | None:
    """The last paragraph that breaks off, with nothing but captions and the words of figures after it.

    The words of figures are smaller than those of running text (`body`, in points), or few.
    """
    for i in range(len(parts) - 1, max(-1, len(parts) - 1 - _MAX_SKIPPED), -1):
        part = parts[i]
        if part.type in _BESIDE:
            continue
        if part.type not in ("text", "list") or ends_sentence(part.text):
            return None
        if part.is_open and len(part.text) > _MAX_LABEL / 2 and part.size > 0.9 * body:
            return i
        if len(part.text) > _MAX_LABEL:
            return None
    return None
