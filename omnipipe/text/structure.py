"""What a page's blocks are told by, and the blocks of all of its columns in one order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.blocks.arrange import arrange
from omnipipe.text.blocks.code import has_code
from omnipipe.text.blocks.emphasis import set_off
from omnipipe.text.blocks.flow import splits_words
from omnipipe.text.blocks.headings import body_size, heading_sizes, settle_levels, size_shares
from omnipipe.text.blocks.rows import PageStyle
from omnipipe.text.blocks.tags import read_tags
from omnipipe.text.part import Part
from omnipipe.text.style import MATH, MONO
from omnipipe.text.words.accents import find_side, join_accents
from omnipipe.text.words.fonts import word_styles
from omnipipe.text.words.links import linked_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.opened import OpenPage
    from omnipipe.text.options import TextOptions

_OPERATORS = re.compile(r"[=+<>\u2190-\u21ff\u2200-\u22ff\u2a00-\u2aff\u0370-\u03ff^_]|\w")
_SYMBOLS = re.compile(r"[\u2200-\u220e\u2210\u2211\u2213-\u2216\u221a-\u22bf\u2a00-\u2aff]")
_FIRST_SYMBOL, _NUM_SYMBOLS = np.uint16(0x2200), 0x900
_MIN_FORMULA = 5
"""Words in a font of formulas, or mathematical symbols, from which a page has formulas."""


def page_style(opened: OpenPage, options: TextOptions, is_scan: bool = False, *, rtl: bool = False) -> PageStyle:
    """What blocks need to know of a page, which is read from right to left with `rtl`.

    The fonts of text that was put under a scanned page (`is_scan`) are guesses, and say nothing.
    """
    words = opened.words
    shares = size_shares(words, rtl=True) if rtl else opened.sizes
    body = body_size(*shares) if rtl else opened.body
    objects = np.zeros(len(words.char), np.uint64) if is_scan else words.objects
    styles = word_styles(words, objects)
    bits = styles.tobytes()
    counts = np.bincount(styles, words.last - words.first).tolist()
    marked = set_off(bits, counts) if options.emphasis else b""
    links = linked_words(words, opened.links) if options.links else {}
    is_ascii = words.text.isascii()
    accents = "" if is_ascii else find_side(opened.textpage, words)
    tags = read_tags(opened.page, words, objects) if options.headings or options.lists else None
    return PageStyle(
        body,
        heading_sizes(*shares, body),
        words,
        bits,
        marked,
        options,
        links,
        len(words.spread) > 0 or has_code(counts, words.text),
        accents,
        tags,
        not is_ascii and splits_words(words),
        rtl,
    )


def has_formula(style: PageStyle) -> bool:
    """Whether the page shows formulas: by its fonts, or by its symbols."""
    words, text = style.words, style.text
    # What is below the first symbol wraps around.
    may_be = not text.isascii() and np.count_nonzero(words.units - _FIRST_SYMBOL < _NUM_SYMBOLS) >= _MIN_FORMULA
    if may_be and len(_SYMBOLS.findall(text)) >= _MIN_FORMULA:
        return True
    # The only bit that a font of formulas may have besides is that of fixed width.
    if style.styles.count(MATH) + style.styles.count(MATH | MONO) < _MIN_FORMULA:
        return False
    found = np.flatnonzero(np.frombuffer(style.styles, np.uint8) & MATH)
    strings = (text[words.first[i] : words.last[i]] for i in found.tolist())
    return sum(bool(_OPERATORS.search(string)) for string in strings) >= _MIN_FORMULA


def to_blocks(columns: Sequence[list[Part]], style: PageStyle) -> list[Part]:
    """The blocks of `columns` in reading order, headings with consistent levels."""
    parts = settle_levels(arrange(columns, style))
    if style.accents:
        parts = [
            part if part.type == "code" else part._replace(text=join_accents(part.text, style.accents))
            for part in parts
        ]
    return parts
