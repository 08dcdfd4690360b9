"""Rows of a column as blocks of markdown: paragraphs, headings, lists, captions, code."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.blocks.captions import is_caption, may_be_caption, opens_caption
from omnipipe.text.blocks.code import code_part, code_runs
from omnipipe.text.blocks.emphasis import mark_runs
from omnipipe.text.blocks.flow import escape, flow, is_full
from omnipipe.text.blocks.headings import (
    MIN_HEADING,
    SET_OFF,
    TAGGED,
    heading_sizes,
    is_set_off,
    level_by_size,
    size_shares,
)
from omnipipe.text.blocks.line_spacing import wide_pitch
from omnipipe.text.blocks.listing import as_item, is_marked, is_wrapped, nest, unmarked_item
from omnipipe.text.blocks.paragraphs import ends_sentence
from omnipipe.text.blocks.row_size import goes_on_in_size, pitch_of
from omnipipe.text.blocks.rows import PageStyle, Row, mirrored, to_rows
from omnipipe.text.blocks.section_heads import is_bold_section, opens_section
from omnipipe.text.blocks.tags import NO_TAG, parts_at, starts_item, tag_of
from omnipipe.text.part import Part
from omnipipe.text.style import BOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.words.chars import Words

_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")

__all__ = ["PageStyle", "Part", "Row", "by_share", "heading_sizes", "size_shares", "to_parts", "to_rows"]


def to_parts(rows: Sequence[Row], page: PageStyle) -> list[Part]:
    """The blocks of one column."""
    if not rows:
        return []
    if page.rtl and _are_rtl(rows):
        return [_turned_over(part) for part in nest(_parts_from_right(rows, page))]
    edge = _right_edge(rows)
    parts: list[Part] = []
    if not page.codes:
        return nest(_text_parts(rows, edge, page))
    for has_code, run in code_runs(rows, edge, page):
        if has_code:
            parts.append(code_part(run, page))
        else:
            parts += _text_parts(run, edge, page)
    return nest(parts)


def _are_rtl(rows: Sequence[Row]) -> bool:
    """Whether half of the rows have words that are written from right to left."""
    return 2 * sum([bool(_RTL.search(row.text)) for row in rows]) >= len(rows)


def _parts_from_right(rows: Sequence[Row], page: PageStyle) -> list[Part]:
    """The blocks of a column that is read from right to left, as they would stand if the page were turned over."""
    edge = _right_edge([mirrored(row, page.body) for row in rows])
    parts: list[Part] = []
    for has_code, run in code_runs(rows, _right_edge(rows), page) if page.codes else [(False, rows)]:
        if has_code:
            parts.append(_turned_over(code_part(run, page)))
        else:
            parts += _text_parts([mirrored(row, page.body) for row in run], edge, page)
    return parts


def _turned_over(part: Part) -> Part:
    return part._replace(left=-part.right, right=-part.left)


def _text_parts(rows: Sequence[Row], edge: float, page: PageStyle) -> list[Part]:
    parts: list[Part] = []
    group: list[Row] = [rows[0]]
    headings = page.options.headings
    spacing = wide_pitch(rows, edge)
    for previous, row in pairwise(rows):
        # Headings are short lines.
        is_head = headings and previous.right <= edge - 2 * previous.size and is_set_off(group, row, edge, page)
        parts_here = page.tags and parts_at(page.tags, previous, row)
        if parts_here or (
            parts_here is None and (is_head or _starts_block(previous, row, group, edge, rows, spacing, page.words))
        ):
            parts.append(_part(group, edge, page, rows, is_head=is_head))
            group = []
        group.append(row)
    parts.append(_part(group, edge, page, rows))
    return parts


def _right_edge(rows: Sequence[Row]) -> float:
    """Where full lines of the column end."""
    ends = sorted([row.right for row in rows])
    return ends[-max(1, len(ends) // 10)]


def _starts_block(
    previous: Row,
    row: Row,
    group: Sequence[Row],
    edge: float,
    column: Sequence[Row],
    spacing: float,
    words: Words,
) -> bool:
    text, left, _, right, _, size, gaps, _, _, style = row
    em = size if size > previous.size else previous.size
    if abs(previous.size - size) > 0.12 * em and not goes_on_in_size(previous, row, edge, words):
        return True
    pitch = pitch_of(previous, row, words)
    is_short = previous.right < edge - 3 * em
    goes_on = text[:1].islower()
    is_near = pitch < 1.12 * spacing and (goes_on or _goes_below(previous, row, edge))
    if (pitch < 2 * em or is_near) and not is_short and not gaps and goes_on:
        return False
    if (previous.style ^ style) & BOLD and text[:1].isupper():
        stands_alone = style & BOLD and right < edge - 3 * em and ends_sentence(previous.text)
        if is_short or stands_alone:
            return True
    usual = group[1].bottom - group[0].bottom if len(group) > 1 else 1.45 * em
    if not is_near and pitch > 1.3 * em and (pitch > 2.2 * em or (pitch > 1.25 * usual and pitch > usual + 0.25 * em)):
        return True
    if is_marked(text):
        return not is_wrapped(previous, row, column, edge)
    if opens_caption(text) or opens_section(previous, row):
        return True
    indented = left > previous.left + 0.7 * em and len(group) > 1 and left > group[1].left + 0.7 * em
    if not (is_short or indented) or gaps or not ends_sentence(previous.text):
        return False
    return indented or not _is_full(previous, group)


def _goes_below(previous: Row, row: Row, edge: float) -> bool:
    """Whether `row` may go on from `previous`, a full line, as widely spaced text does: no heading, and not set off."""
    is_head = (previous.style | row.style) & BOLD
    return not is_head and row.left < previous.left + 0.7 * row.size and is_full(previous, edge, row.left)


def _is_full(row: Row, group: Sequence[Row]) -> bool:
    """Whether `row` reaches the edge of its own paragraph, which may be narrower than its column."""
    return len(group) > 2 and row.right > max([other.right for other in group]) - row.size


def _part(group: Sequence[Row], edge: float, page: PageStyle, column: Sequence[Row], *, is_head: bool = False) -> Part:
    head = group[0]
    box = (head.left, head.top, head.right, head.bottom)
    if len(group) > 1:
        _, lefts, tops, rights, bottoms, *_ = zip(*group, strict=True)
        box = (min(lefts), min(tops), max(rights), max(bottoms))
    text = flow(group, edge, page, column)
    level = SET_OFF if is_head else None
    tag = tag_of(page.tags, head) if page.tags else NO_TAG
    is_likely = may_be_caption(text)
    opens = is_likely and opens_caption(text)
    if page.tags and tag.kind == "list" and page.tags.has_titles:
        level = None
    elif page.options.headings and not opens:
        if head.size >= MIN_HEADING * page.body:
            level = level_by_size(group, text, page) or level
        if tag.kind == "title" and len(text) <= 240:
            level = TAGGED + tag.level
        if level is None and head.style & BOLD and is_bold_section(group, edge, page, column):
            level = SET_OFF
    if level is not None and not opens:
        return Part("title", level, text.replace("\n", " "), *box, None, head.size)
    kind = "caption" if is_likely and is_caption(text, head, page, len(group)) else "text"
    is_open = is_full(group[-1], edge, box[0])
    if page.marked or page.links:
        text = mark_runs(text, group, page)
    if kind == "text" and page.options.lists:
        item = as_item(text)
        if item is None and page.tags and starts_item(page.tags, head):
            item = unmarked_item(text)
        if item is not None:
            return Part("list", None, item, *box, None, head.size, is_open, False, tag.level)
    return Part(kind, None, escape(text), *box, None, head.size, is_open)


def by_share(turns: NDArray[np.intp]) -> list[int]:
    """The directions of text that occur, the most frequent first; not that of slanted text, and one at least."""
    counts = np.bincount(turns, minlength=4).tolist()
    return sorted((turn for turn in range(4) if counts[turn]), key=lambda turn: -counts[turn]) or [0]
