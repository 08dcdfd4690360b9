"""How running matter is worded: page numbers in their many forms, and what only heads and feet say."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Verdict = Literal["yes", "number", "doubt", "no", "speck"]
"""Of a row at the edge of a page. `number`: yes, and it is a page number. `speck`: nothing that could be read."""

_ROMAN = r"(?:c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3}))"
_NAMED = (
    r"(?:page|pages|pg\.?|p\.|seite|s\.|página|pagina|pág\.?|strana|strona|sida|side|стр\.?|страница|trang|sayfa"
    r"|стор\.?|сторінка|σελίδα|σελ\.|صفحة|صفحه|עמוד|עמ['׳])"
)
_OF = r"(?:of|/|von|de|di|sur|af|av|van|из|z|з|από|من|از|מתוך|\||\u2044)"
_NUMBER = rf"(?:\d{{1,6}}|{_ROMAN}|[a-z]{{1,2}}[-\u2013]\d{{1,3}}|\d{{1,3}}[-\u2013]\d{{1,3}})"
_EXPLICIT = re.compile(
    rf"(?:{_NAMED}\s*(?P<a>{_NUMBER})(?:\s*{_OF}\s*\d{{1,5}})?"
    rf"|(?P<b>\d{{1,5}})\s*(?:of|/|von|из)\s*\d{{1,5}}"
    rf"|[-\u2013\u2014\u2022\u00b7~|<\[]\s*(?P<c>{_NUMBER})\s*[-\u2013\u2014\u2022\u00b7~|>\]]"
    rf"|(?P<d>\d{{1,5}})\s*\|\s*page"
    rf"|第?\s*(?P<e>\d{{1,5}})\s*(?:[页⻚頁]|ページ|쪽)(?:\s*[,，/]?\s*共\s*\d{{1,5}}\s*[页⻚頁])?)[.\s]*",
    re.IGNORECASE,
)
_MAY_BE = re.compile(r"\d|[ivxlc][-\s.\u2013\u2014\u2022\u00b7~|>\]]*\Z", re.IGNORECASE)
_BARE = re.compile(rf"(?P<a>{_NUMBER})", re.IGNORECASE)
_ORNAMENT = "[*\u00a7\u2022\u00b7\u2217\u2731\u273b\u2042]"
_BRACKETED = re.compile(rf"{_ORNAMENT}?\s*[(\uff08]\s*(?:\d{{1,4}}|[ivxlc]{{1,6}})\s*[)\uff09]\s*{_ORNAMENT}?")
_FOLIO = re.compile(r"[A-H]\d{1,2}\Z")
_YEAR = re.compile(r"(?:19|20)\d\d")

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_FORM = re.compile(
    rf"https?://|\bwww\.|\bdoi\b|\bissn\b|\bisbn\b|\barxiv:|\burn:nbn:|\u00a9|\(c\)\s*\d{{4}}|\bcopyright\s+(?:\d{{4}}|by\b|\W)"
    rf"|all rights reserved"
    rf"|\bvol(?:ume|\.)\s*[\divxlc]+|\b(?:no|nr|issue|heft|band)\.?\s*\d+|\bpage\s+\d+|\bpp?\.\s*\d+"
    rf"|\bdownloaded (?:from|by|on)\b|\bprinted (?:on|from|in)\b|\bconfidential\b|\bdigiti[sz]ed by\b"
    rf"|\b[A-Z]{{3,5}}\d\d\((?:19|20)\d\d\)\d{{2,4}}\Z"
    rf"|\bpublished (?:by|online)\b|\bproprietary\b|\bpreprint\b|\bet al\b"
    rf"|\brev(?:ision|\.)?:?\s*[\dA-Z]|\bversion\s+\d|\bp/n\b|\bdraft\b|\bproc(?:eedings|\.) of\b"
    rf"|\S\s+(?:[\u2022\u00b7|]\s*)?\d{{1,3}}:\d{{1,3}}\Z|\A\d{{1,3}}:\d{{1,3}}\s+(?:[\u2022\u00b7|]\s*)?\S"
    rf"|\b\d{{1,2}}\.?\s+{_MONTH}\s+(?:19|20)\d\d\b|\b{_MONTH}\s+(?:\d{{1,2}}(?:\s?[-\u2013]\s?\d{{1,2}})?,\s*)?(?:19|20)\d\d\b"
    rf"|\b\d{{1,2}}[/.]\d{{1,2}}[/.](?:\d\d|\d{{4}})\b|\b(?:19|20)\d\d[-/.](?:0\d|1[0-2])(?:[-/.]\d\d)?\b",
    re.IGNORECASE,
)
_NO_FORM = re.compile(
    r"\W*(?:fig(?:ure|\.)?|tab(?:le|\.)?|source|sources|note|notes|abb(?:ildung|\.)|tabelle|quelle|abstract|keywords)\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\W*[^\W\d_]+\.?\s*[A-Z]?[-.]?(?:\d|[IVX]+\b)")
_FOOTNOTE = re.compile(
    r"(?:[*\u2020\u2021\u00a7\u2217\u00b9\u00b2\u00b3]|\d{1,3}[\s.)]|\(\s*\d{1,3}\s*\)|\[\d{1,3}\])\s*\S"
)
_DIGITS = re.compile(r"\d+")
_CODE = re.compile(r"(?=.*[A-Z])(?:[A-Z]*\d){3,}[A-Z]*$")
"""What names a part or a paper by letters and digits, with few letters: "LM96163"."""
_LETTER = re.compile(r"[^\W\d_]")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


def page_number(text: str) -> str | None:
    """`explicit` for "Page 3 of 9", "- 12 -" and the like, `bare` for "12", "iv", "A-3", None for anything else."""
    # Most texts end here: both forms end in a digit, a Roman one, or one of a few signs or words.
    if len(text) > 24 or not _MAY_BE.search(text):
        return None
    return _page_number(text)


@lru_cache(maxsize=2048)
def _page_number(text: str) -> str | None:
    found = _EXPLICIT.fullmatch(text)
    if found and any(found.groups()):
        return "explicit"
    bare = _BARE.fullmatch(text)
    if not bare or not bare["a"] or bare["a"].lower() in {"c", "l", "d", "m"}:
        return None
    return "bare"


def is_likely_number(text: str) -> bool:
    """Whether a bare number needs no second look: years, zero, single letters and long numbers may be anything."""
    if text.isdecimal() and not text.isascii():
        # Digits of other scripts; years of the Persian calendar are 13 and 14 hundred.
        text = str(int(text[:9]))
        if len(text) > 3:
            return False
    if not text.isascii() or _YEAR.fullmatch(text) or text == "0":
        return False
    return len(text) < 5 if text.isdecimal() else len(text) > 1


def is_bracketed(text: str) -> bool:
    """Whether `text` is a number in round brackets: those of pages in old books, and of equations and items as well."""
    return bool(_BRACKETED.fullmatch(text))


def is_folio(text: str) -> bool:
    """Whether `text` may be the letter of a section and the number of a page in it, as newspapers have them."""
    return bool(_FOLIO.match(text))


def has_form(text: str) -> bool:
    """Whether `text` says what heads and feet say: an address on the web, a date, a volume, a copyright."""
    return bool(_FORM.search(text)) and not _NO_FORM.match(text)


def is_note(text: str) -> bool:
    """Whether `text` starts as a footnote, a caption or a source does."""
    return bool(_FOOTNOTE.match(text) or _NO_FORM.match(text))


def is_caption(text: str) -> bool:
    """Whether `text` starts as a caption or a note under a table does."""
    return bool(_NO_FORM.match(text))


def is_caption_of(text: str) -> bool:
    """Whether a caption `text` names what it is of by number, as "Table 3 (continued)" does."""
    return bool(_NUMBERED.match(text))


def num_letters(text: str) -> int:
    """How many letters there are."""
    return len(_LETTER.findall(text))


def are_alike(one: str, other: str, distance: int) -> bool:
    """Whether both say the same on pages `distance` apart: word for word, or but for numbers that count the pages."""
    if one == other:
        return num_letters(one) > 2 or bool(_CODE.match(one))
    if _without_numbers(one) == _without_numbers(other):
        steps = [int(b) - int(a) for a, b in zip(_numbers(one), _numbers(other), strict=True)]
        # Numbers may count the pages of a book of which two are on each page here.
        most = distance if num_letters(one) > 2 else 2 * distance
        return any(steps) and all(step in (0, distance, most) for step in steps)
    first, second = _roman(one), _roman(other)
    return first > 0 and second > 0 and second - first == distance


@lru_cache(maxsize=2048)
def _without_numbers(text: str) -> str:
    return _DIGITS.sub("#", text.lower())


def _numbers(text: str) -> list[str]:
    return [digits[:18] for digits in _DIGITS.findall(text)]


@lru_cache(maxsize=2048)
def _roman(text: str) -> int:
    """The value of a Roman numeral; 0 for anything else."""
    numeral = text.strip(" .-\u2013|").lower()
    if not numeral or not re.fullmatch(_ROMAN, numeral):
        return 0
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )
