"""Paragraphs that a column or a page breaks: whether two texts are one paragraph, and how they are joined."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

SEPARATOR = "\n\n"
"""Between two paragraphs, and between two pages of which the second does not go on with the first's sentence."""

HYPHENS = "\ufffe\xad\u2010-"
DASH = "–"
"""What stands between the numbers of a range."""
_ENDS = re.compile(r"[.!?:;。．｡！？：；…।॥؟۔։።។။]['\"”’»«)\]*」』）】》]*$")
"""How sentences end."""

_GOES_ON = re.compile(r"[,;)\]\u3001\uff0c\u060c]")
_NO_SPACE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_MARKUP = re.compile(r"#{1,6} |[|<>`~]|[-*+] |\d{1,3}[.)] |!\[|\[\^")
"""How blocks start that are no running text."""

_NO_TEXT = re.compile(r"#{1,6} |[|<>`~]|!\[|\[\^")
_NOTE = re.compile(r"(?:\d{1,2} ?|[†‡§¶∗] ?)(?=[^\W\d_]|[\"“(])")
"""How footnotes start, which end their page and go on with nothing of the next."""

_LETTERS = re.compile(r"[^\W\d_]+")
_LAST_LETTERS = re.compile(r"[^\W\d_]+$")
_MIN_PARAGRAPH = 60
"""Characters that the last paragraph of a page has, if it goes on: shorter ones may be titles or labels."""


class JoinedPages(NamedTuple):
    """A document's text, and where in it (in characters) the text of each page starts and ends."""

    text: str
    starts: list[int]
    ends: list[int]


def ends_sentence(text: str) -> bool:
    """Whether `text` ends as sentences do."""
    # The pattern goes through the whole text; most lines end in a letter, which is seen at once.
    return not text[-1:].isalnum() and bool(_ENDS.search(text))


def join_pages(texts: Sequence[str], indices: Sequence[int]) -> JoinedPages:
    """The texts of pages as one; `indices` are their places in the document.

    A paragraph goes on from one page to the next if the first breaks off within a sentence and the second goes on in
    small letters; a word that was broken there is made whole. What lies between the end of a page and the start of the
    next is a separator (`SEPARATOR`, a space or nothing) and belongs to neither. The hyphen of a word made whole is
    the only character of a page that is left out.
    """
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    length = 0
    for i, text in enumerate(texts):
        separator = ""
        if i:
            is_next = indices[i] == indices[i - 1] + 1
            cut, separator = page_seam(texts[i - 1], text) if is_next else (0, SEPARATOR)
            if cut:
                out[-1] = out[-1][:-cut]
                length -= cut
                ends[-1] -= cut
        out += [separator, text]
        length += len(separator)
        starts.append(length)
        length += len(text)
        ends.append(length)
    return JoinedPages("".join(out), starts, ends)


class PageJoiner:
    """Texts of pages put together one by one, as `join_pages` does, for output that does not wait for the last page."""

    def __init__(self) -> None:
        self._before = ""
        self._index = -1
        self._held = ""

    def add(self, text: str, index: int) -> str:
        """What to write for page `index`: its text and what parts it from the page before; empty without text."""
        if not text:
            return ""
        separator = SEPARATOR if self._before else ""
        if self._before and index == self._index + 1:
            cut, separator = page_seam(self._before, text)
            self._held = "" if cut else self._held
        start = self._held + separator
        self._before, self._index = text, index
        # The next page may take the hyphen of a broken word away.
        self._held = text[-1] if text[-1] in HYPHENS else ""
        return start + (text[:-1] if self._held else text)

    def end(self) -> str:
        """What is left to write after the last page; the next page starts anew."""
        held, self._held, self._before = self._held, "", ""
        return held


def page_seam(before: str, after: str) -> tuple[int, str]:
    """How many characters to take from the end of page `before`, and what to put between it and page `after`."""
    last = before.rsplit("\n\n", 1)[-1]
    first = after.split("\n\n", 1)[0]
    if len(last) < _MIN_PARAGRAPH or _NO_TEXT.match(last) or _MARKUP.match(first) or last.endswith("  "):
        return 0, SEPARATOR
    if not is_unfinished(last, first) or _NOTE.match(last):
        return 0, SEPARATOR
    if last[-1] in HYPHENS:
        whole = join_word(last, first, True, f"{before}\n{after}")
        return int(not whole.startswith(last)), ""
    return 0, "" if _NO_SPACE.match(last[-1]) and _NO_SPACE.match(first) else " "


def is_unfinished(text: str, following: str) -> bool:
    """Whether `text` breaks off within a word or a sentence that `following` goes on with."""
    if not text or not following or "\n" in text[-40:]:
        return False
    if text[-1] in HYPHENS:
        return following[:1].islower() or (following[:1].isalnum() and text[-2:-1].isalnum())
    goes_on = following[0].isalpha() and not following[0].isupper()
    return (goes_on or bool(_GOES_ON.match(following))) and not ends_sentence(text)


def join_texts(text: str, following: str, dehyphenate: bool, known: str) -> str:
    """Two parts of a paragraph as one, where a column ends between them."""
    last = text[-1:]
    if last and last in HYPHENS:
        return join_word(text, following, dehyphenate, known)
    if (_NO_SPACE.match(last) and _NO_SPACE.match(following)) or breaks_range(text, following):
        return text + following
    return f"{text} {following}"


def breaks_range(text: str, following: str) -> bool:
    """Whether `text` breaks off within a range of numbers, as of pages, that `following` goes on with."""
    return text.endswith(DASH) and text[-2:-1].isdecimal() and following[:1].isdecimal()


def join_word(text: str, following: str, dehyphenate: bool, known: str) -> str:
    """`text`, which ends in a hyphen, and the line that follows; `known` is text that may have the word unbroken."""
    mark = text[-1]
    stem = text[:-1]
    if not dehyphenate:
        return stem + ("-" if mark == "\ufffe" else mark) + "\n" + following
    # The last word alone: the pattern would be tried at each letter of the paragraph.
    head = _LAST_LETTERS.search(stem[stem.rfind(" ") + 1 :])
    tail = _LETTERS.match(following)
    if not head or not tail:
        return stem + ("" if mark == "\xad" else "-") + following
    compound = f"{head.group()}-{tail.group()}"
    if mark != "\xad" and (not tail.group()[0].islower() or compound in known) and not head.group().isupper():
        return f"{stem}-{following}"
    return stem + following
