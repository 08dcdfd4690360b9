"""Headings of numbered sections in the size of the text: bold ones that stand by themselves, and centred ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.contacts import is_reached_by
from omnipipe.text.style import BOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.blocks.rows import PageStyle, Row

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĖĘĚĢĪĶŁĻĽŃŅŇŐŘŚŞŠŤŪŮŰŲŹŻŽΑ-ΩЀ-Я\u2e80-\u9fff\uac00-\ud7a3"
_NUMBER = (
    rf"(?:\d{{1,2}}(?:\.\d{{1,2}}){{0,4}}\.?|[A-Z](?:\.\d{{1,2}}){{1,4}}\.?"
    rf"|[IVX]{{1,6}}(?:\.\d{{1,2}}){{1,3}}\.?|[IVX]{{2,6}}\.|[IVX]\.(?= [{_UPPER}]{{3}}))"
)
_SECTION = re.compile(rf"{_NUMBER} +[\"“‘(]?[{_UPPER}]|\d{{1,2}}(?:\.\d{{1,3}}){{1,4}}\.? +[^\W\d_]")
_OPENING = re.compile(rf"(?:[A-Z]|[IVX]{{1,5}}|\d{{1,2}}(?:\.\d{{1,2}}){{0,4}})\.? +[{_UPPER}]")
_WORD = re.compile(r"[^\W\d_]{3}(?!\d)|[\u2e80-\u9fff\uac00-\ud7a3]{2}")
_ENDS_OTHERWISE = ".,;:-\ufffe\u3002\uff0c\uff1a\uff1b"
_FORMULA = re.compile("[=<>+\u2190-\u21ff\u2200-\u22ff]")
_ENTRY = re.compile(r"\. ?\. ?\.|\s\d{1,4}$")
"""What ends a line of a table of contents, and a date."""
_CERTAIN = re.compile(r"[\dA-Z]+\.")

_MAX_CHARS = 160
_MOST_BOLD = 0.3
"""Of the words of a page: where more are bold, it says nothing."""

_CENTRED, _INDENT, _SHORT = 1.5, 3.0, 2.0
"""Font sizes: how far the middle of a line is from that of its column at most, how far its start is from the column's
at least, and how far its end is from the column's at least."""


def is_bold_section(group: Sequence[Row], edge: float, page: PageStyle, column: Sequence[Row]) -> bool:
    """Whether a block, a line or two, is the heading of a numbered section whatever follows: all of it is bold, and
    text is not. `edge` is where the lines of its `column` end."""
    head, last = group[0], group[-1]
    if len(group) > 2 or not all(row.style & BOLD for row in group) or last.right > edge - _SHORT * last.size:
        return False
    text = " ".join([row.text for row in group])
    if not _is_section(text) or any(_has_gaps(row, is_first=row is head) for row in group):
        return False
    # Numbered lines right below each other are a list.
    if any(
        abs(row.bottom - near.bottom) < 2 * row.size and row.style & BOLD and _depth(row.text) == _depth(text)
        for near in group
        for row in column
        if row is not near and abs(row.left - head.left) < 0.5 * head.size and _SECTION.match(row.text)
    ):
        return False
    bold = int(np.count_nonzero(np.frombuffer(page.styles, np.uint8) & BOLD))
    return bold < _MOST_BOLD * len(page.styles)


def is_centred_section(head: Row, row: Row, edge: float) -> bool:
    """Whether a line is the centred heading of a numbered section above `row`, a line of text that starts its column,
    which ends at `edge`."""
    em = head.size
    if head.left < row.left + _INDENT * em or not _is_section(head.text) or _has_gaps(head, is_first=True):
        return False
    # "2.3. ábra. ..." is a caption.
    if not _CERTAIN.match(head.text) or head.text.partition(" ")[2][:1].islower():
        return False
    return abs(head.left + head.right - row.left - edge) < 2 * _CENTRED * em and row.right > edge - _SHORT * em


def opens_section(previous: Row, row: Row) -> bool:
    """Whether `row` is a numbered heading in bold right below another."""
    if not previous.style & row.style & BOLD or "." not in row.text[:3]:
        return False
    return bool(_SECTION.match(row.text) and _OPENING.match(previous.text)) and _depth(row.text) > 0


def _is_section(text: str) -> bool:
    return (
        len(text) <= _MAX_CHARS
        and bool(_SECTION.match(text))
        and bool(_WORD.search(text))
        and text[-1] not in _ENDS_OTHERWISE
        and not _FORMULA.search(text)
        and not _ENTRY.search(text)
        and not is_reached_by(text)
    )


def _has_gaps(row: Row, *, is_first: bool) -> bool:
    """Whether words stand far apart, but for the first, a number."""
    return row.gaps and not (is_first and len(row.spans) == 2 and row.spans[0][1] == 1)


def _depth(text: str) -> int:
    return text.partition(" ")[0].rstrip(".").count(".")
