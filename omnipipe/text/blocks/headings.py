"""Headings: lines in larger type, in bold or italics above running text, or in capitals standing alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.blocks.section_heads import is_centred_section
from omnipipe.text.columns.contacts import is_contact, is_reached_by
from omnipipe.text.part import Part
from omnipipe.text.style import BOLD, ITALIC
from omnipipe.text.words.script import ARABIC, HEBREW, SCRIPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.blocks.rows import PageStyle, Row
    from omnipipe.text.words.chars import Words

MAX_LEVELS = 4
MIN_HEADING = 1.14
"""A heading is set at least this many times larger than the body."""

TAGGED = 10
"""Levels that the structure tree of the file names are above this, until they are settled."""

SET_OFF = MAX_LEVELS + 1
"""The level of headings that only their style sets off, until those of the page are known."""

_SECTION = re.compile(r"^(?:\d+|[A-Z]|[IVX]+)(?:\.\d+)*\.? \S")
_NUMBERED = re.compile(r"^(\d{1,3}(?:\.\d{1,3}){0,4})\.? +[^\W\d_]")
_SUBSECTION = re.compile(r"\d{1,2}(?:\.\d{1,2}){1,4}\.? +[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]{2}|[\u2e80-\u9fff\uac00-\ud7a3]")
_FORMULA = re.compile("[=\u2190-\u21ff\u2200-\u22ff]")
_LONG_WORD = re.compile(r"[^\W\d_]{3}")
_CJK = re.compile("[\u3040-\u9fff]")
_SHORTEST_PROSE, _SHORTEST_CJK = 18, 12
"""Characters that a paragraph has more of, and characters of Chinese or Japanese."""
_FEW_WORDS, _MANY_WORDS = 8, 12
"""Words of one that starts within a sentence, and of another, at least."""
_MOST_LIKE = 1.35
"""Times the size of running text: that of such paragraphs at most, as far as they have no end."""
_SENTENCE_ENDS = ".;:\u3002\uff1b\uff1a\uff0e"
_CAPITALS = re.compile(r"[^\W\d_a-z\u0590-\u109f\u1100-\u1c7f\u2e80-\ud7ff\uf900-\ufaff\ufb1d-\ufeff]{4}")
"""Capitals in a row, if the text has no small letters; scripts that have neither are left out."""
_CASELESS = "[\u0590-\u109f\u1100-\u1c7f\u3005-\u30ff\u3400-\ud7ff]"
_CASELESS_SECTION = re.compile(
    rf"(?:\d{{1,3}}(?:\.\d{{1,3}}){{0,4}} +{_CASELESS}|\uc81c ?\d+ ?[\uc7a5\uc808]"
    r"|\u7b2c ?[\d\u4e00-\u9fff]{1,4} ?[\u7ae0\u8282\u7bc0\u7de8\u7f16\u90e8\u7bc7])[^\u3002\uff0e]*$"
)
"""Numbers of sections, in front of such a script or in its words: what capitals are for other ones."""
_ENDS_OTHERWISE = ".,;:-\ufffe\u3001\u3002\uff0c\uff0e\uff1a\uff1b\u060c\u061b\u06d4\u0964"


def size_shares(words: Words, *, rtl: bool = False) -> tuple[list[float], list[float]]:
    """Font sizes of the page, rounded to half points, and the share of characters in each; with `rtl` of those of
    Hebrew and Arabic, as Latin words beside them are often set smaller."""
    weight = words.last - words.first
    if rtl:
        script = SCRIPT.take(words.units[words.first], mode="clip")
        is_right = (script == HEBREW) | (script == ARABIC)
        weight = weight * is_right if np.count_nonzero(is_right) else weight
    by_size = np.bincount(np.rint(words.size * 2).astype(np.intp), weight)
    found = by_size.nonzero()[0]
    counts = by_size[found].tolist()
    total = max(sum(counts), 1.0)
    return (found / 2).tolist(), [count / total for count in counts]


def body_size(sizes: Sequence[float], shares: Sequence[float]) -> float:
    """The size of running text; where notes take up most of a page it is the larger one."""
    least = 0.6 * max(shares)
    return max([size for size, share in zip(sizes, shares, strict=True) if share >= least])


def heading_sizes(sizes: Sequence[float], shares: Sequence[float], body: float) -> list[float]:
    """Sizes that mark headings, largest first; sizes within 4 % of each other are one."""
    levels: list[float] = []
    least = MIN_HEADING * body
    for size, share in zip(reversed(sizes), reversed(shares), strict=True):
        if size >= least and share < 0.3 and (not levels or size < 0.96 * levels[-1]):
            levels.append(size)
    return levels[:MAX_LEVELS]


def level_by_size(group: Sequence[Row], text: str, page: PageStyle) -> int | None:
    """The level (1 to 4) of a block in larger type; None where it is no heading."""
    size = group[0].size
    if size < MIN_HEADING * page.body or len(group) > 4 or len(text) > 240 or not _WORD.search(text):
        return None
    if is_reached_by(text) or (len(group) > 2 and is_contact([row.text for row in group])):
        return None
    if _FORMULA.search(text) and len(_LONG_WORD.findall(text)) < 2:
        return None
    if len(text) > _SHORTEST_PROSE and _is_prose(text, is_small=size < _MOST_LIKE * page.body):
        return None
    if any(row.gaps for row in group) and not _SECTION.match(text):
        return None
    return next((i for i, other in enumerate(page.levels, 1) if size > 0.96 * other), None)


def _is_prose(text: str, *, is_small: bool) -> bool:
    """Whether a text in larger type is a paragraph: a sentence of some length, or the end of one. Where references or
    code take up most of a page, they are what its text is measured by."""
    if text[0].isdecimal():
        return False
    is_ended = text[-1] in _SENTENCE_ENDS
    if len(_CJK.findall(text)) > _SHORTEST_CJK:
        return is_ended
    num = text.count(" ") + 1
    # Names of programs open titles in small letters.
    if text[0].islower() and is_small:
        return num >= _FEW_WORDS
    return num >= _MANY_WORDS and is_ended


def is_set_off(group: Sequence[Row], row: Row, edge: float, page: PageStyle) -> bool:
    """Whether `group` is a short line or two in another style than `row`, the running text that follows."""
    first, head = group[0], group[-1]
    shared = first.style & head.style & ~row.style
    above = len(group) == 1 and row.bottom - head.bottom > 1.3 * row.size
    # Most lines are neither set in a style of their own nor stand alone.
    if not (above or shared & (BOLD | ITALIC)):
        return False
    text = first.text
    if above and is_centred_section(head, row, edge):
        return True
    if head.right > edge - 2 * head.size or len(group) > 3 or row.gaps or head.text[-1:] in _ENDS_OTHERWISE:
        return False
    if not text[:1].isalnum() or any(one.gaps or len(one.text) > 90 for one in group):
        return False
    if not _WORD.search(text) or (len(row.text) < 30 and row.right < edge - 0.25 * (edge - row.left)):
        return False
    if len(group) > 2:
        shared &= group[1].style
    if shared & BOLD or (shared & ITALIC and row.top - head.bottom < 1.2 * row.size):
        return not page.styles[row.word] & shared & (BOLD | ITALIC) and not is_reached_by(head.text)
    if above and _SUBSECTION.match(text) and page.styles[first.word] & ~page.styles[row.word] & BOLD:
        # Other words may be in the type of code, or in that of another script, which have no bold one.
        is_bold = len(page.styles) > first.word + 1 and page.styles[first.word + 1] & BOLD
        return bool(is_bold or _CASELESS_SECTION.match(text)) and not is_reached_by(text)
    if above and _CASELESS_SECTION.match(text):
        return not is_reached_by(text)
    if not above or text.upper() != text or row.text.isupper():
        return False
    return bool(_CAPITALS.search(text)) and not is_reached_by(text)


def settle_levels(parts: list[Part]) -> list[Part]:
    """`parts` with levels without gaps, of numbered headings by the depth of their numbers, like ones of one level.

    "2" is of level 2 (the title of the document is above it), "2.1" of level 3. Headings in the size of a numbered one
    take its level; larger ones stay above it.
    """
    titles = [part for part in parts if part.type == "title"]
    if not titles:
        return parts
    used = sorted({part.level or 1 for part in titles if (part.level or 1) < SET_OFF})
    # What only its style sets off is never the title of a document.
    ranks = {**{level: rank for rank, level in enumerate(used, 1)}, SET_OFF: max(2, len(used) + 1)}
    named = [part for part in titles if (part.level or 0) > TAGGED]
    if named:
        return _below_named(parts, ranks, named)
    parts = [_at_level(part, ranks[part.level or 1]) if part.type == "title" else part for part in parts]
    depths = {
        round(part.size, 1): min(match[1].count(".") + 2, 6)
        for part in reversed(titles)
        if (match := _NUMBERED.match(part.text))
    }
    if not depths:
        return parts
    settled = []
    for part in parts:
        if part.type == "title":
            match = _NUMBERED.match(part.text)
            if match:
                level = min(match[1].count(".") + 2, 6)
            else:
                alike = [depth for size, depth in depths.items() if abs(size - part.size) < 0.03 * size]
                smaller = [depth for size, depth in depths.items() if size < 0.97 * part.size]
                larger = [depth for size, depth in depths.items() if size > 1.03 * part.size]
                level = alike[0] if alike else part.level or 1
                if not alike and smaller:
                    level = min(level, max(1, min(smaller) - 1))
                elif not alike and larger:
                    level = max(level, min(6, max(larger) + 1))
            part = _at_level(part, level)
        settled.append(part)
    return settled


def _at_level(part: Part, level: int) -> Part:
    return part if part.level == level else part._replace(level=level)


def _below_named(parts: list[Part], ranks: dict[int, int], named: list[Part]) -> list[Part]:
    """`parts` with the levels that the file names; other headings stand below those unless they are larger."""
    largest = max(part.size for part in named)
    lowest = max(part.level or 0 for part in named) - TAGGED
    settled = []
    for part in parts:
        if part.type == "title":
            level = part.level or 1
            if level > TAGGED:
                level -= TAGGED
            else:
                level = 1 if part.size > 1.03 * largest else min(ranks[level] + lowest, 6)
            part = _at_level(part, level)
        settled.append(part)
    return settled
