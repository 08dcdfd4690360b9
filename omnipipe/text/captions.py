"""Captions of figures and tables, and footnotes, by what they start with, their size and their place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omnipipe.text.paragraphs import ENDS
from omnipipe.text.rows import BOLD, ITALIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.rows import PageStyle, Part, Row

_KINDS = (
    "figure|fig|table|tab|listing|algorithm|scheme|plate|chart|exhibit|box|abbildung|abb|tabelle|übersicht|figura"
    "|tableau|tabla|cuadro|tabela|tabella|gráfico|afbeelding|tabel|рисунок|рис|таблица|табл"
)
_CAPTION = re.compile(rf"^(?:{_KINDS})\.? ?(?:[A-Z]?\d+(?:[.\-–]\d+)*[a-z]?|[IVX]+)(?=\W|$)", re.IGNORECASE)
_CJK_CAPTION = re.compile(r"^[図表图圖] ?\d+")
_SEPARATOR = re.compile(r"^ ?[:.|—–-](?: |$)")
_MARKER = re.compile(r"^(?:\d{1,3} ?(?=[^\W\d_]|[“\"‘'(])|[*†‡§¶∗]+ ?(?=\w)|[a-z] (?=[A-Z]))")
_REFERENCE = re.compile(r"^(?:\[\d|\d{1,3}[.)] )")
_FOOT, _FOOT_UNMARKED = 0.3, 0.6
"""Footnotes start below this share of the page's height, those without a mark below the second."""


def is_caption(text: str, row: Row, page: PageStyle, num_rows: int) -> bool:
    """Whether a block that starts with `row` is the caption of a figure or table, not a sentence about one."""
    label = _CAPTION.match(text) or _CJK_CAPTION.match(text) if text[:1].isalpha() else None
    if not label:
        return False
    rest = text[label.end() :]
    if _SEPARATOR.match(rest) or not rest:
        return True
    if page.marked and page.marked[row.word] & (BOLD | ITALIC):
        return True
    return num_rows <= 4 and row.size < 0.97 * page.body and not rest.lstrip()[:1].islower()


def opens_caption(text: str) -> bool:
    """Whether a line starts as captions do, whatever stands above it."""
    label = _CAPTION.match(text) if text[:1].isupper() else None
    return bool(label and re.match(r"^ ?[:.|—](?: |$)", text[label.end() :]))


def mark_footnotes(columns: Sequence[list[Part]], page: PageStyle) -> list[list[Part]]:
    """`columns` with the notes in small type at the foot of the page as footnotes."""
    everything = [part for column in columns for part in column]
    if not everything:
        return list(columns)
    top, bottom = min(part.top for part in everything), max(part.bottom for part in everything)
    foot, lowest = top + _FOOT * (bottom - top), top + _FOOT_UNMARKED * (bottom - top)
    small = 0.93 * page.body
    marked = []
    for column in columns:
        start = len(column)
        while start and column[start - 1].type in ("text", "list") and 0 < column[start - 1].size <= small:
            start -= 1
        tail = column[start:]
        while tail and tail[0].top < (foot if _is_marked(tail[0].text) else lowest):
            start, tail = start + 1, tail[1:]
        if _are_notes(tail, column[:start]):
            column = [*column[:start], *(part._replace(type="footnote") for part in tail)]
        marked.append(column)
    return marked


def _is_marked(text: str) -> bool:
    return bool(_MARKER.match(text) or _REFERENCE.match(text))


def _are_notes(tail: Sequence[Part], above: Sequence[Part]) -> bool:
    if not tail:
        return False
    if any(_REFERENCE.match(part.text) for part in tail):
        # Numbered as entries of a list of references are: notes interrupt a sentence.
        return _breaks_off(above)
    if any(_MARKER.match(part.text) for part in tail):
        return True
    # A note without a mark, as on the first page of a paper.
    return _breaks_off(above) and len(tail) <= 4


def _breaks_off(above: Sequence[Part]) -> bool:
    return bool(above) and above[-1].type == "text" and above[-1].is_open and not ENDS.search(above[-1].text)
