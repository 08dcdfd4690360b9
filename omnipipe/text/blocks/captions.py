"""Captions of figures and tables, and footnotes, by what they start with, their size and their place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omnipipe.text.blocks.paragraphs import ends_sentence
from omnipipe.text.style import BOLD, ITALIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.blocks.rows import PageStyle, Row
    from omnipipe.text.part import Part

_KINDS = (
    "figure|fig|table|tab|listing|algorithm|scheme|plate|chart|exhibit|box|abbildung|abb|tabelle|übersicht|figura"
    "|tableau|tabla|cuadro|tabela|tabella|gráfico|afbeelding|tabel|рисунок|рис|таблица|табл"
    "|таблиця|мал|сурет|слика|табела|obrázek|obr|tabulka|rysunek|rys|kuva|taulukko|figur|tabell|σχήμα|εικόνα|πίνακας"
    "|شكل|الشكل|شکل|جدول|الجدول|تصویر|نمودار|איור|טבלה|תמונה"
)
_OPENS = frozenset(kind[:3] for kind in _KINDS.split("|"))
"""How the names of what has captions start: most texts are told apart by that."""

_CAPTION = re.compile(rf"^(?:{_KINDS})\.? ?(?:[A-Z]?\d+(?:[.\-–]\d+)*[a-z]?|[IVX]+)(?=\W|$)", re.IGNORECASE)
_CJK_CAPTION = re.compile(r"^(?:[図表图圖]|그림|표) ?\d+(?:[.\-–]\d+)*")
_CJK_OPENS = frozenset("図表图圖그표")
_SEPARATOR = re.compile(r"^ ?(?:[:.|—–-](?: |$)|：)")
_CLOSED = re.compile(r" ?[:.|—](?: |$)")
_MARKER = re.compile(r"^(?:\d{1,3} ?(?=[^\W\d_]|[“\"‘'(])|[*†‡§¶∗]+ ?(?=\w)|[a-z] (?=[A-Z]))")
_EMPHASIS = re.compile(r"(\*{1,3})(?=[^\s*])[^*\n]*(?<=[^\s*])\1(?!\*)")
_REFERENCE = re.compile(r"^(?:\[\d|\d{1,3}[.)] )")
_FOOT, _FOOT_UNMARKED, _FOOT_END = 0.3, 0.6, 0.8
"""Shares of the height of a page's text: below the first start notes, below the second those without a mark; all end
below the third."""

_MIN_NOTE = 12
"""Characters of a note; shorter ones are the words of a figure."""


def may_be_caption(text: str) -> bool:
    """Whether `text` starts as what has captions does: a quick answer that is sometimes yes."""
    return text[:3].lower() in _OPENS or text[:1] in _CJK_OPENS


def is_caption(text: str, row: Row, page: PageStyle, num_rows: int) -> bool:
    """Whether a block that starts with `row` is the caption of a figure or table, not a sentence about one."""
    if text[:3].lower() in _OPENS:
        label = _CAPTION.match(text)
    else:
        label = _CJK_CAPTION.match(text) if text[:1] in _CJK_OPENS else None
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
    label = _CAPTION.match(text) if text[:3].lower() in _OPENS and text[0].isupper() else None
    return bool(label and _CLOSED.match(text, label.end()))


def mark_footnotes(columns: Sequence[list[Part]], page: PageStyle) -> list[list[Part]]:
    """`columns` with the notes in small type at the foot of the page as footnotes."""
    everything = [part for column in columns for part in column]
    if not everything:
        return list(columns)
    top, bottom = min([part.top for part in everything]), max([part.bottom for part in everything])
    foot, lowest, reach = (top + share * (bottom - top) for share in (_FOOT, _FOOT_UNMARKED, _FOOT_END))
    small = 0.93 * page.body
    marked = []
    for column in columns:
        start = len(column)
        while start and column[start - 1].type in ("text", "list") and 0 < column[start - 1].size <= small:
            start -= 1
        tail = column[start:]
        while tail and tail[0].top < (foot if _is_marked(tail[0]) else lowest):
            start, tail = start + 1, tail[1:]
        if tail and not _is_marked(tail[0]) and not _breaks_off(column[:start], page.body):
            skipped = next((i for i, part in enumerate(tail) if _is_marked(part)), len(tail))
            start, tail = start + skipped, tail[skipped:]
        if tail and tail[-1].bottom > reach and _are_notes(tail, column[:start], page.body):
            column = [*column[:start], *(part._replace(type="footnote") for part in tail)]
        marked.append(column)
    return marked


def _is_marked(part: Part) -> bool:
    return bool(_has_marker(part.text) or _REFERENCE.match(part.text))


def _has_marker(text: str) -> bool:
    """Whether `text` opens with the mark of a note; the asterisks around words in bold or italics are none."""
    return bool(_MARKER.match(text.replace("*", "") if _EMPHASIS.match(text) else text))


def _are_notes(tail: Sequence[Part], above: Sequence[Part], body: float) -> bool:
    if min(len(part.text) for part in tail) < _MIN_NOTE:
        return False
    if any(_REFERENCE.match(part.text) for part in tail):
        # Numbered as entries of a list of references are: notes interrupt a sentence.
        return _breaks_off(above, body)
    if any(_has_marker(part.text) for part in tail):
        return True
    # A note without a mark, as the small print on the first page of a paper.
    is_print = len(tail) <= 4 and len(tail[0].text) > 80 and "\n" not in tail[0].text
    return is_print and _breaks_off(above, body)


def _breaks_off(above: Sequence[Part], body: float) -> bool:
    """Whether running text stops within a sentence."""
    if not above or above[-1].type != "text" or not above[-1].is_open or above[-1].size < 0.96 * body:
        return False
    return len(above[-1].text) > 100 and not ends_sentence(above[-1].text)
