"""Lines joined into running text: broken words made whole, full lines run on, short ones keep their break."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.blocks.paragraphs import DASH, HYPHENS, breaks_range, join_word
from omnipipe.text.columns.contacts import is_contact
from omnipipe.text.style import BOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.blocks.rows import PageStyle, Row
    from omnipipe.text.words.chars import Words

_NO_SPACE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_FIRST_CJK = "\u2e80"

_SPECIAL = re.compile(r"#{1,6}(?: |$)|>|[-+*] |```|~~~|={2,}$|-{2,}$|_{3,}$|\*{3,}$")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_HANGUL_SPACED = re.compile("[\uac00-\ud7a3] +\r?\n[\uac00-\ud7a3]")
_LEADER = re.compile(
    r"(?<!\.)(?<!\. )(?:\. ?){5,} *"
    r"(?:[ivxlc]{1,6}|[^\w\s]?\d[\d., –-]{0,200}(?<![, –-])(?: ?[^\s\d,–-]{1,3})?)$"
)
_CUT_OFF = re.compile(r"[^\W\d] [^\W\dA-ZÀ-ÞΑ-ΩЀ-Я]{2,3}$")
"""A line that ends in a short word in small letters goes on."""
_NARROW = 22.0
"""Font sizes; addresses, labels and entries of indexes are hardly ever wider than this."""
_SAMPLE = 100
"""Lines of a column that are looked at, at most."""
_MOST = 0.7
"""Of the lines of a column of addresses and the like: those that start as names and numbers do."""
_PAGES = re.compile(r", ?\d{1,4}(?: ?[–-] ?\d{1,4})?$")
_LEAST_INDEX = 8
"""Lines of a column of an index at least."""
_ENTRY = 300
"""Characters that an entry of a table of contents or an index has at most."""
_LABEL = 24
"""Characters that a label before a colon has at most."""
_FIRST = frozenset("#>-+*`~=_")


def flow(group: Sequence[Row], edge: float, page: PageStyle, column: Sequence[Row] = ()) -> str:
    """The rows as one text: full lines run on, short ones keep their line break; `column` are the rows around them."""
    if len(group) == 1:
        return group[0].text
    if len(group) > 3:
        edge = min(edge, _own_edge(group))
    # In justified text a gap now and then is only a wide space.
    is_table = 3 * sum([row.gaps for row in group]) > len(group)
    is_index = _are_of_index(group, column)
    if not is_index and _are_entries(group, column):
        edge = float("inf")
    out = group[0].text
    for previous, row in pairwise(group):
        last = out[-1:]
        if last and last in HYPHENS and not (is_table and previous.gaps):
            out = join_word(out, row.text, page.options.dehyphenate, page.text)
        elif last == DASH and breaks_range(out, row.text) and not (is_table and previous.gaps):
            out += row.text
        elif is_index:
            out += (" " if _is_same_entry(previous, row, edge) else "\n") + row.text
        elif (
            (is_table and (previous.gaps or row.gaps)) or not _runs_on(previous, row, edge) or _is_entry(out[-_ENTRY:])
        ):
            out += "\n" + row.text
        elif last < _FIRST_CJK and not page.splits_words:
            out += " " + row.text
        else:
            out += row.text if _goes_on(last, previous, row, page) else " " + row.text
    return out


def splits_words(words: Words) -> bool:
    """Whether lines of Korean end within words: where a word ends, the file then has a space before the line break."""
    # What is below the first syllable wraps around.
    is_hangul = words.units - np.uint16(0xAC00) < 0x2BA4
    return bool(np.count_nonzero(is_hangul)) and bool(_HANGUL_SPACED.search(words.text))


def _goes_on(last: str, previous: Row, row: Row, page: PageStyle) -> bool:
    """Whether no space stands between two lines: in Chinese and Japanese, and within a word of Korean."""
    if last >= _FIRST_CJK and _NO_SPACE.match(last):
        return bool(_NO_SPACE.match(row.text))
    return (
        page.splits_words and bool(_HANGUL.match(last) and _HANGUL.match(row.text)) and not _ends_word(previous, page)
    )


def _ends_word(row: Row, page: PageStyle) -> bool:
    word, count = row.spans[-1]
    end = int(page.words.last[min(word + count, len(page.words.last)) - 1])
    return page.text[end : end + 1] == " "


def _is_entry(text: str) -> bool:
    """Whether the last line of `text` is an entry of a table of contents, an index or a list of prices: dots lead to
    its number."""
    return (". ." in text or ".." in text) and bool(_LEADER.search(text, text.rfind("\n") + 1))


def is_full(row: Row, edge: float, left: float) -> bool:
    """Whether `row` ends at the edge of its column, which starts at `left`, as far as ragged lines do."""
    return row.right > edge - max(2.5 * row.size, 0.3 * (edge - left))


def escape(text: str) -> str:
    """Running text whose lines do not start as headings, quotes, lists, code or rules of markdown do."""
    if text[:1] not in _FIRST and "\n" not in text:
        return text
    lines = text.split("\n")
    return "\n".join(["\\" + line if line[:1] in _FIRST and _SPECIAL.match(line) else line for line in lines])


def _are_entries(group: Sequence[Row], column: Sequence[Row]) -> bool:
    """Whether short lines below each other are each a text of its own, as those of addresses: all start as names and
    numbers do, and so do most in their column; two lines start as labels do."""
    if not all(_opens_entry(row.text) for row in group):
        return False
    em = group[0].size
    is_narrow = max([row.right for row in group]) - min([row.left for row in group]) <= _NARROW * em
    if not is_narrow:
        return False
    if len(group) > 2 and is_contact([row.text for row in group]):
        return True
    if all(row.style & BOLD for row in group) or (len(group) == 2 and not all(_has_label(row.text) for row in group)):
        return False
    lefts, rights = [row.left for row in group], [row.right for row in group]
    if len(group) > 2 and _is_even(lefts, em) and _is_even(rights[:-1], em):
        return False
    if any(_CUT_OFF.search(row.text) for row in group[:-1]):
        return False
    some = column[:: 1 + len(column) // _SAMPLE]
    return sum([_opens_entry(row.text) for row in some]) >= _MOST * len(some)


def _are_of_index(group: Sequence[Row], column: Sequence[Row]) -> bool:
    """Whether short lines below each other are entries of an index, as half of their column are: a comma and the number
    of a page end them."""
    if not any(row.text[-1:].isdecimal() for row in group[:-1]) or len(column) < _LEAST_INDEX:
        return False
    if max([row.right for row in group]) - min([row.left for row in group]) > _NARROW * group[0].size:
        return False
    some = column[:: 1 + len(column) // _SAMPLE]
    return 2 * sum([bool(_PAGES.search(row.text)) for row in some]) > len(some)


def _is_same_entry(previous: Row, row: Row, edge: float) -> bool:
    """Whether an entry of an index goes on in `row`: after a comma, with dots, or from a full line without a number."""
    end = previous.text[-1:]
    return end == "," or row.text.startswith(". ") or (not end.isdecimal() and _runs_on(previous, row, edge))


def _opens_entry(text: str) -> bool:
    first = text[:1]
    return first.isupper() or first.isdecimal() or first in "+(" or "@" in text or text.startswith(("www.", "http"))


def _has_label(text: str) -> bool:
    return text[:1].isupper() and 1 < text.find(": ") < _LABEL


def _is_even(places: Sequence[float], em: float) -> bool:
    return max(places) - min(places) < 0.15 * em


def _own_edge(group: Sequence[Row]) -> float:
    """Where the lines of a justified paragraph of four or more end; infinite where they end here and there."""
    ends = [row.right for row in group[:-1]]
    edge = max(ends)
    near = edge - 0.5 * group[0].size
    full = sum([end > near for end in ends])
    return edge if full > 0.7 * len(ends) else float("inf")


def _runs_on(previous: Row, row: Row, edge: float) -> bool:
    """Whether the first word of `row` would not have fitted at the end of `previous`."""
    end = row.text.find(" ")
    length = end if end >= 0 else len(row.text)
    return previous.right + (0.5 * length + 0.8) * previous.size > edge
