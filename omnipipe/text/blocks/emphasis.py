"""Bold and italic words and links within a block, marked as markdown does."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.text.style import BOLD, ITALIC, MATH, MONO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omnipipe.text.blocks.rows import PageStyle, Row

_MARKS = {BOLD: "**", ITALIC: "*", BOLD | ITALIC: "***"}
_STYLED = re.compile(rb"([^\0])\1*", re.DOTALL)
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_STARTS, _ENDS = " \n.,;:!?)]}”’", " \n.,;([{“‘"
"""What a run does not start with, and what it does not end with."""

_CLOSERS = {")": "(", "]": "[", "}": "{", "”": "“"}
_ADDRESS = re.compile(r"\S*(?:[/@%]|www\.)\S*\Z", re.IGNORECASE)
_HYPHENS = "\ufffe\xad\u2010-"
_OPERATOR = re.compile("[=+<>^|\u00b1\u00d7\u00f7\u2190-\u22ff]")
_MAX_SYMBOL = 4
"""Characters of a run beside an operator that is a symbol of a formula, not a word."""

_MAX_MARKS = 24
"""More changes of style in one block than this are no emphasis."""


class _Mark(NamedTuple):
    """A run of the block's text, with what to write before and after."""

    start: int
    end: int
    opens: str
    closes: str


def set_off(styles: bytes, counts: Sequence[float]) -> bytes:
    """Of each word's style the bits of emphasis: bold and italic where most of the page's characters are neither.

    `counts` are the characters of each style. Empty where nothing is set off. Formulas and code are no emphasis.
    """
    limit = 0.4 * max(sum(counts), 1)
    kept = 0
    for bit in (BOLD, ITALIC):
        if sum([count for style, count in enumerate(counts) if style & bit]) <= limit:
            kept |= bit
    table = _emphasis(kept)
    if not any(table[style] for style, count in enumerate(counts) if count):
        return b""
    return styles.translate(table)


@cache
def _emphasis(kept: int) -> bytes:
    """The bits `kept` of each style that is neither that of formulas nor of code, as a table to translate by."""
    return bytes(0 if style & (MATH | MONO) else style & kept for style in range(256))


def mark_runs(text: str, rows: Sequence[Row], page: PageStyle) -> str:
    """`text`, made of `rows`, with its emphasis and its links."""
    marked = page.marked
    if not marked and not page.links:
        return text
    links = page.links.keys()
    spans = [
        (word, count)
        for row in rows
        for word, count in row.spans
        if marked.count(0, word, word + count) < count or (links and not links.isdisjoint(range(word, word + count)))
    ]
    if not spans:
        return text
    marks = _joined(list(_find(text, spans, page)), text)
    if not marks or len(marks) > _MAX_MARKS:
        return text
    if len(marks) == 1 and marks[0].opens in _MARKS.values() and marks[0].end - marks[0].start > 0.95 * len(text):
        # A block that is set in one style throughout is set off by standing alone.
        return text
    out, end = [], 0
    for mark in marks:
        out += [text[end : mark.start], mark.opens, text[mark.start : mark.end], mark.closes]
        end = mark.end
    return "".join(out) + text[end:]


def _find(text: str, spans: Sequence[tuple[int, int]], page: PageStyle) -> Iterator[_Mark]:
    """Where the runs of one style stand in `text`, in order; `spans` are the first of some words and their number."""
    place = 0
    source, first, last = page.words.text, page.words.first.item, page.words.last.item
    for start, count in spans:
        for begin, word, style, link in _runs(start, min(start + count, len(page.styles)), page):
            string = " ".join(source[first(begin) : last(word - 1)].split())
            whole = string.rstrip(_HYPHENS)
            found = _find_words(text, whole, place, is_broken=whole != string) if whole else -1
            if found < 0:
                continue
            place = found + len(whole)
            opens, closes = ("[", f"]({link})") if link else (_MARKS[style],) * 2
            yield _Mark(found, place, opens, closes)


def _runs(start: int, end: int, page: PageStyle) -> Iterator[tuple[int, int, int, str | None]]:
    """The words from `start` to before `end` that are marked, by runs of one style and one link."""
    if not page.links:
        for run in _STYLED.finditer(page.marked, start, end):
            yield run.start(), run.end(), run[0][0], None
        return
    marked = page.marked[start:end] or bytes(end - start)
    word = start
    for (style, link), same in groupby(zip(marked, map(page.links.get, range(start, end)), strict=True)):
        begin, word = word, word + len(list(same))
        if style or link:
            yield begin, word, style, link


def _find_words(text: str, words: str, place: int, *, is_broken: bool) -> int:
    """Where `words` stand from `place` on, and not within others, -1 for nowhere.

    They may be the second half of a word right at `place`, and where it `is_broken` the first half of one.
    """
    found = text.find(words, place)
    while found >= 0:
        end = found + len(words)
        opens = found == place or not (words[0].isalnum() and text[found - 1].isalnum())
        if opens and (is_broken or not (words[-1].isalnum() and text[end : end + 1].isalnum())):
            return found
        found = text.find(words, found + 1)
    return -1


def _joined(marks: list[_Mark], text: str) -> list[_Mark]:
    """Runs of one style that only white space parts as one, those that are clean whole words."""
    joined: list[_Mark] = []
    for mark in marks:
        if joined and joined[-1].closes == mark.closes and text[joined[-1].end : mark.start] in ("", " ", "-"):
            joined[-1] = joined[-1]._replace(end=mark.end)
        else:
            joined.append(mark)
    out: list[_Mark] = []
    for one in joined:
        clean = _clean(one, text)
        # Where two runs touch, their marks would read as one.
        if clean and not (out and out[-1].end == clean.start):
            out.append(clean)
    return out


def _clean(mark: _Mark, text: str) -> _Mark | None:
    """`mark` without punctuation and brackets at its edges; None where it is not made of whole words."""
    is_link = mark.opens == "["
    run = text[mark.start : mark.end]
    inner = run if is_link else _trimmed(run)
    start = mark.start + run.find(inner)
    end = start + len(inner)
    if not _TWO_LETTERS.search(inner) or "\n" in inner or "*" in inner or "`" in inner:
        return None
    if (start and text[start - 1].isalnum()) or (end < len(text) and text[end].isalnum()):
        return None
    if not is_link and (_is_symbol(inner, text[:start], text[end:]) or not _is_flanked(text, start, end)):
        return None
    if is_link:
        return None if "[" in inner or "]" in inner or _is_address(inner, mark.closes) else mark
    return _Mark(start, end, mark.opens, mark.closes)


def _is_symbol(run: str, before: str, after: str) -> bool:
    """Whether a run is part of a formula: short, with an operator beside it."""
    if len(run) > _MAX_SYMBOL:
        return False
    beside = before.rstrip()[-1:] + after.lstrip()[:1]
    return bool(_OPERATOR.search(beside))


def _is_flanked(text: str, start: int, end: int) -> bool:
    """Whether marks around a run are emphasis to CommonMark (0.31, "left-flanking", "right-flanking").

    A run that starts or ends with punctuation has white space or punctuation on the other side of the mark.
    """
    return _parts(text[start - 1 : start], text[start]) and _parts(text[end : end + 1], text[end - 1])


def _parts(outer: str, inner: str) -> bool:
    return not outer or outer.isspace() or inner.isalnum() or unicodedata.category(outer)[0] in "PS"


def _trimmed(run: str) -> str:
    """`run` without what belongs to the text around it."""
    while True:
        inner = run.lstrip(_STARTS).rstrip(_ENDS)
        if inner[-1:] in _CLOSERS and _CLOSERS[inner[-1]] not in inner:
            inner = inner[:-1]
        elif inner.endswith((":", "!", "?")) and inner[-2:-1] in _CLOSERS and _CLOSERS[inner[-2]] not in inner:
            inner = inner[:-2]
        if inner == run:
            return inner
        run = inner


def _is_address(run: str, closes: str) -> bool:
    """Whether the linked words are the address itself, or a line of it."""
    plain = run.replace(" ", "").rstrip(".,;)").lower()
    if _ADDRESS.match(run):
        return True
    return plain in closes.lower() or closes[2:-1].lower() in plain or "://" in plain or "@" in plain
