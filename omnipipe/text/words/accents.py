"""Accents that a file draws as characters of their own, joined with their letters."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium

from omnipipe.text.words.drawn_accents import MARKS

if TYPE_CHECKING:
    from omnipipe.text.pdfium.textpage import RawText
    from omnipipe.text.words.chars import Words

_COMBINING = {sign: mark for sign, mark in MARKS.items() if sign not in "¸˛"}
"""Those that stand over their letters."""
_SIGNS = "".join(_COMBINING)
_LOOSE = ("¸", *_COMBINING)
_ANY = re.compile(f"[¸{_SIGNS}](?<!`)(?<!´)|(?<=[A-Za-z])[`´](?=[A-Za-zı])|[`´](?=ı)")
_BEFORE = re.compile(f"([{_SIGNS}])([A-Za-zıȷ])")
_AFTER = re.compile(f"([A-Za-zıȷ])([{_SIGNS}])")
_BETWEEN = re.compile(f"(?<=[A-Za-z])[{_SIGNS}](?=[A-Za-zı])")
_CEDILLA = re.compile("([cCsStT])¸")
_DOTLESS = {"ı": "i", "ȷ": "j"}
_MAX_SAMPLE = 12


def find_side(textpage: RawText, words: Words) -> str:
    """On which side of its letter a page's loose accents stand in the text: before, after, or empty for none.

    An accent is drawn over its letter: of the characters before and after it that is the one whose box it shares.
    """
    if not any(map(words.text.__contains__, _LOOSE)) or not _ANY.search(words.text):
        return ""
    votes = 0
    for match in list(_BETWEEN.finditer(words.text))[:_MAX_SAMPLE]:
        word = int(words.first.searchsorted(match.start(), side="right")) - 1
        place = int(words.char[word]) + match.start() - int(words.first[word])
        sides = [_span(textpage, place + step) for step in (-1, 0, 1)]
        shared = [max(0.0, min(sides[1][1], side[1]) - max(sides[1][0], side[0])) for side in (sides[0], sides[2])]
        votes += (shared[1] > shared[0]) - (shared[0] > shared[1])
    return "after" if votes < 0 else "before"


def join_accents(text: str, side: str) -> str:
    """`text` with accents that stand on this side of a letter joined with it, where one character is both."""
    text = _CEDILLA.sub(lambda match: unicodedata.normalize("NFC", match[1] + "\u0327"), text)
    if side == "after":
        return _AFTER.sub(lambda match: _joined(match[0], match[1], match[2]), text)
    return _BEFORE.sub(lambda match: _joined(match[0], match[2], match[1]), text)


def _span(textpage: RawText, char: int) -> tuple[float, float]:
    """Left and right of a character in PDFium's list, in points."""
    box = [ctypes.c_double() for _ in range(4)]
    if not pdfium.FPDFText_GetCharBox(textpage.raw, char, *box):
        return 0.0, 0.0
    return box[0].value, box[1].value


def _joined(whole: str, letter: str, accent: str) -> str:
    # Alone before a letter these two are quotation marks.
    if accent in "`´" and letter not in "ı":
        return whole
    made = unicodedata.normalize("NFC", _DOTLESS.get(letter, letter) + _COMBINING[accent])
    return made if len(made) == 1 else whole
