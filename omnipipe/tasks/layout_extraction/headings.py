"""Headings of OCR pages that the layout model overlooks: larger, bolder or in capitals, alone above running text."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from omnipipe.page import Box
from omnipipe.tasks.layout_extraction.pieces import Piece, rows_of
from omnipipe.tasks.ocr_extraction.entries import is_entry

_MAX_LINES = 3
_MAX_LETTERS = 120
"""Letters of a heading at most."""
_TELLING = 20
"""Letters that a line has at least that tells how text is usually set."""
_FEW = 8
"""Letters of a line whose size is not known well at most."""
_SLACK = 0.3
"""Heights of a line by which its box is wider than its text."""
_CAPITALS = 1.15
"""Times wider that capitals are."""
_LARGE, _VERY_LARGE = 1.25, 1.5
"""Times the usual size of letters that headings in heavier ones have, and those in any."""
_USUAL = 0.95
"""Times the usual size of letters that headings in bold letters or capitals have at least."""
_BOLD, _HEAVIER = 1.3, 1.15
"""Times the usual width of strokes that bold letters have, and that larger ones have at least."""
_NEAR = 4.0
"""Heights of a heading within which the text that it is above begins."""
_ALONE = 12.0
"""Heights of a line that are free beside a heading above short lines: beside the heads of tables there are others."""
_SHORT = 0.75
"""Share of the width of the text below that a heading fills at most which nothing but its number tells."""
_LONG, _PARAGRAPH = 30, 60
"""Letters that the first line of running text has at least, or all of a paragraph in a narrow column."""
_SECTION = re.compile(r"^(?:\d{1,2}|[A-Z]|[IVX]+)(?:\.\d{1,2})*\.? ?[^\W\d_]{2}")
_SUBSECTION = re.compile(r"^(?:\d{1,2}|[A-Z])(?:\.\d{1,2})+\.? ?[^\W\d_a-z]|^\d{1,2}\. [^\W\d_a-z]{4}")
_WORD = re.compile(r"[^\W\d_]{3}|[\u2e80-\u9fff\uac00-\ud7a3]")
_SIGNS = re.compile(r"[^\w\s.,:'’()&/?!-]|_")
_LABEL = re.compile(r"(?:fig(?:ure|\.)?|tab(?:le|\.)?|abb(?:ildung|\.)|tabelle)\b", re.IGNORECASE)
_ENTRY = re.compile(r"\s\d{1,4}$")
_PAGE_NUMBER = re.compile(r"^\d{1,6}\b|\b\d{1,6}$")
_ENDS_OTHERWISE = ".,;:-"


class _Style(NamedTuple):
    """How large the letters of a line are and how wide their strokes, times those of the page's usual text."""

    size: float
    weight: float | None


def find_headings(pieces: Sequence[Piece], kinds: Sequence[str | None], widths: Sequence[float | None]) -> set[int]:
    """Indices of the lines of `pieces` that are headings, all lines of a paragraph or none.

    `kinds` is what is known of each, None of text; `widths` are those of their strokes.
    """
    styles = _styles(pieces, widths)
    paragraphs: dict[int, list[int]] = {}
    for index, piece in enumerate(pieces):
        paragraphs.setdefault(piece.paragraph, []).append(index)
    groups = [*paragraphs.values()]
    found: set[int] = set()
    top = {*rows_of(pieces)[0]} if pieces else set()
    for at in range(len(groups) - 1, -1, -1):
        own, below = groups[at], groups[at + 1] if at + 1 < len(groups) else []
        if any(kinds[index] not in (None, "caption") for index in own) or not _is_worded([pieces[i] for i in own]):
            continue
        if kinds[own[0]] == "caption" and not _SECTION.match(pieces[own[0]].text):
            continue
        if _is_listed(own, [*groups[at - 1][-1:], *below[:1]] if at else below[:1], pieces):
            continue
        if own[0] in top and _is_running([pieces[index] for index in own], [pieces[i] for i in top - {*own}]):
            continue
        style = _common(own, styles)
        after = _Below(below, pieces, kinds, found)
        if _is_heading(own, style, _common(below[:2], styles), after):
            found |= {*own}
    return found


def is_next_heading(own: Sequence[Piece], line: Piece) -> bool:
    """Whether `line` is none of the heading that `own` are the first lines of, but begins the next one."""
    if _SUBSECTION.match(line.text) and _SECTION.match(own[0].text):
        return True
    few, many = sorted((_size(own[-1]), _size(line)))
    return many > _LARGE * few and min(len(own[-1].text), len(line.text)) > _FEW // 2


class _Below:
    """What follows a heading."""

    def __init__(
        self, lines: Sequence[int], pieces: Sequence[Piece], kinds: Sequence[str | None], found: set[int]
    ) -> None:
        self.pieces = pieces
        self.box = _around([pieces[index].box for index in lines]) if lines else None
        self.first = pieces[lines[0]] if lines else None
        self.is_heading = bool(lines) and (lines[0] in found or kinds[lines[0]] == "title")
        size = sum(len(pieces[index].text) for index in lines)
        is_text = bool(lines) and kinds[lines[0]] in (None, "list", "formula")
        self.is_long = is_text and (len(pieces[lines[0]].text) >= _LONG or size >= _PARAGRAPH)

    def is_near(self, box: Box, height: float) -> bool:
        """Whether it begins below `box` of a heading whose lines have `height`."""
        if self.box is None or self.first is None:
            return False
        is_over = min(self.box[2], box[2]) > max(self.box[0], box[0])
        return is_over and -0.5 * height < self.first.box[1] - box[3] < _NEAR * height


def _is_heading(own: Sequence[int], style: _Style, usual: _Style, after: _Below) -> bool:
    """Whether the lines `own` are a heading above what comes after, which is set in the style `usual`."""
    pieces = after.pieces
    box, first = _around([pieces[index].box for index in own]), pieces[own[0]]
    text = " ".join(pieces[index].text for index in own)
    is_bold = style.weight is not None and style.weight >= _BOLD * max(1.0, usual.weight or 1.0)
    is_heavier = style.weight is None or style.weight >= _HEAVIER
    is_bold = is_bold and (style.size >= _LARGE or not text[0].islower())
    is_large = style.size >= (_LARGE if is_heavier or len(text) > _FEW else _VERY_LARGE)
    if not after.is_near(box, first.height):
        return style.size >= _VERY_LARGE and is_heavier and after.box is not None and _is_alone(own, pieces, _ALONE)
    if (is_large and is_bold) or style.size >= _VERY_LARGE:
        return _is_alone(own, pieces, 0.0 if after.is_long or after.is_heading else _ALONE, after.box)
    if not (after.is_long or after.is_heading) or not _is_alone(own, pieces, 0.0, after.box):
        return False
    if (is_bold and style.size >= _USUAL) or is_large:
        return True
    if after.first is None or len(own) > 1:
        return False
    if _SECTION.match(text) and style.weight is not None and is_heavier and style.size >= _USUAL:
        return True
    if text.isupper():
        return style.size >= _USUAL and not after.first.text.isupper()
    is_short = after.box is not None and box[2] - box[0] < _SHORT * (after.box[2] - after.box[0])
    return is_short and bool(_SUBSECTION.match(text)) and not _SECTION.match(after.first.text)


def _styles(pieces: Sequence[Piece], widths: Sequence[float | None]) -> list[_Style]:
    sizes = [_size(piece) for piece in pieces]
    telling = [index for index, piece in enumerate(pieces) if len(piece.text) >= _TELLING]
    usual = statistics.median([sizes[index] for index in telling] or [0.0])
    known = [width for width in (widths[index] for index in telling) if width]
    stroke = statistics.median(known) if known else 0.0
    return [
        _Style(size / usual if usual else 0.0, width / stroke if width and stroke else None)
        for size, width in zip(sizes, widths, strict=True)
    ]


def _size(piece: Piece) -> float:
    """How large its letters are, without what makes short lines and capitals seem larger."""
    across = piece.box[2] - piece.box[0] - _SLACK * piece.height
    size = math.sqrt(max(0.0, across * piece.height) / max(1, len(piece.text)))
    return size / _CAPITALS if piece.text.isupper() else size


def _common(lines: Sequence[int], styles: Sequence[_Style]) -> _Style:
    """What all `lines` have at least."""
    weights = [styles[index].weight for index in lines]
    known = [weight for weight in weights if weight is not None]
    weight = min(known) if known and len(known) == len(weights) else None
    return _Style(min((styles[index].size for index in lines), default=0.0), weight)


def _is_worded(own: Sequence[Piece]) -> bool:
    """Whether the text may be a heading's."""
    text = " ".join(piece.text for piece in own)
    if len(own) > _MAX_LINES or len(text) > _MAX_LETTERS or not _WORD.search(text) or _LABEL.match(text):
        return False
    return text[0].isalnum() and text[-1] not in _ENDS_OTHERWISE and not _SIGNS.search(text)


def _is_listed(own: Sequence[int], around: Sequence[int], pieces: Sequence[Piece]) -> bool:
    """Whether the lines are an entry in a table of contents, as one of the lines around them is."""
    last = pieces[own[-1]].text
    return is_entry(last) or (bool(_ENTRY.search(last)) and any(_ENTRY.search(pieces[index].text) for index in around))


def _is_running(own: Sequence[Piece], beside: Sequence[Piece]) -> bool:
    """Whether the first line of a page is rather a running head: with the page's number, or with short texts beside."""
    if _PAGE_NUMBER.search(own[0].text) and not _SECTION.match(own[0].text):
        return True
    return any(len(piece.text) < _LONG for piece in beside)


def _is_alone(own: Sequence[int], pieces: Sequence[Piece], reach: float, column: Box | None = None) -> bool:
    """Whether nothing stands beside the lines, within the width of `column` and `reach` heights of a line."""
    box = _around([pieces[index].box for index in own])
    # Heights are shares of the page's height, and pages are higher than wide.
    free = reach * pieces[own[0]].height
    left, right = min(box[0] - free, (column or box)[0]), max(box[2] + free, (column or box)[2])
    members = {*own}
    return not any(
        other.box[1] < (box[1] + box[3]) / 2 < other.box[3] and min(other.box[2], right) > max(other.box[0], left)
        for index, other in enumerate(pieces)
        if index not in members
    )


def _around(boxes: Sequence[Box]) -> Box:
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s)
