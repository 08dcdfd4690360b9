"""Lines joined into running text: broken words made whole, full lines run on, short ones keep their break."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING

from omnipipe.text.paragraphs import HYPHENS, join_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.rows import PageStyle, Row

_NO_SPACE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")

_COMBINING = {
    "¨": "\u0308",
    "ˆ": "\u0302",
    "˜": "\u0303",
    "ˇ": "\u030c",
    "˘": "\u0306",
    "¯": "\u0304",
    "˙": "\u0307",
    "˚": "\u030a",
    "˝": "\u030b",
}
_ACCENT = re.compile(f"([{''.join(_COMBINING)}])([A-Za-zıȷ])")
_CEDILLA = re.compile("([cCsStT])¸")
_ACCENTS = re.compile(f"[¸{''.join(_COMBINING)}]")
_DOTLESS = {"ı": "i", "ȷ": "j"}

_SPECIAL = re.compile(r"^(?=#{1,6}(?: |$)|>|[-+*] |```|~~~|={2,}$|-{2,}$|_{3,}$|\*{3,}$)", re.MULTILINE)
_FIRST = frozenset("#>-+*`~=_")


def flow(group: Sequence[Row], edge: float, page: PageStyle) -> str:
    """The rows as one text: full lines run on, short ones keep their line break."""
    if len(group) == 1:
        return group[0].text
    edge = min(edge, _own_edge(group))
    # In justified text a gap now and then is only a wide space.
    is_table = 3 * sum(row.gaps for row in group) > len(group)
    out = group[0].text
    for previous, row in pairwise(group):
        last = out[-1:]
        if last and last in HYPHENS and not (is_table and previous.gaps):
            out = join_word(out, row.text, page.options.dehyphenate, page.text)
        elif (is_table and (previous.gaps or row.gaps)) or not _runs_on(previous, row, edge):
            out += "\n" + row.text
        elif _NO_SPACE.match(last) and _NO_SPACE.match(row.text):
            out += row.text
        else:
            out += " " + row.text
    return out


def is_full(row: Row, edge: float, left: float) -> bool:
    """Whether `row` ends at the edge of its column, which starts at `left`, as far as ragged lines do."""
    return row.right > edge - max(2.5 * row.size, 0.3 * (edge - left))


def has_loose_accents(text: str) -> bool:
    """Whether accents stand beside their letters, as old TeX writes them."""
    return bool(_ACCENTS.search(text))


def join_accents(text: str) -> str:
    """`text` with accents before a letter (a cedilla: after it) joined with it, where one character is both."""
    return _CEDILLA.sub(lambda m: unicodedata.normalize("NFC", m[1] + "\u0327"), _ACCENT.sub(_accented, text))


def escape(text: str) -> str:
    """Running text whose lines do not start as headings, quotes, lists, code or rules of markdown do."""
    if text[:1] not in _FIRST and "\n" not in text:
        return text
    return _SPECIAL.sub(r"\\", text)


def _accented(match: re.Match[str]) -> str:
    letter = _DOTLESS.get(match[2], match[2])
    joined = unicodedata.normalize("NFC", letter + _COMBINING[match[1]])
    return joined if len(joined) == 1 else match[0]


def _own_edge(group: Sequence[Row]) -> float:
    """Where the lines of a justified paragraph end; infinite where they end here and there."""
    ends = [row.right for row in group[:-1]]
    edge = max(ends)
    full = sum(end > edge - 0.5 * group[0].size for end in ends)
    return edge if len(ends) > 2 and full > 0.7 * len(ends) else float("inf")


def _runs_on(previous: Row, row: Row, edge: float) -> bool:
    """Whether the first word of `row` would not have fitted at the end of `previous`."""
    word = row.text.split(" ", 1)[0]
    return previous.right + (0.5 * len(word) + 0.8) * previous.size > edge
