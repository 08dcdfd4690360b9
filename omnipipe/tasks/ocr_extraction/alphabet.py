"""Rare letters that were hardly read, settled by those that the page surely has: an accent that is a speck goes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from omnipipe.tasks.ocr_extraction.recognition import Doubt, Reading

_SURELY = 0.9
"""Chance from which a character counts as seen on the page."""
_ZERO = re.compile(r"(?<![\w.,:/+#$-])0(?=(?:[fnr]|dd|ff|il|ld|ne|ur|ut|wn|(?!x)[a-z]{3,})\b)")
"""A zero in the place of an O: before letters alone that are no unit, as `0cm` has, and no number in base 16."""
_MUCH_HAN = 0.02
"""Share of characters without an alphabet (Han, kana, Hangul) from which a page may have any of them."""


def settled(readings: Sequence[Reading], letters: frozenset[str] | None = None) -> list[str]:
    """The texts of a page's lines; `letters` are those beyond ASCII that its languages have, None where all may come.

    A letter beyond ASCII that the model is not sure of stays where it is one of `letters`, or, where those are not
    known, was read surely elsewhere on the page; else the model's next choice stands that is ASCII or one of them.
    A zero that begins a word is the letter O: typewriters have one sign for both.
    """
    known = letters if letters is not None else _seen(readings)
    texts = (_settled(reading, known) if reading.doubts else reading.text for reading in readings)
    return [_ZERO.sub("O", text) if "0" in text else text for text in texts]


def _seen(readings: Iterable[Reading]) -> frozenset[str]:
    counts: Counter[str] = Counter()
    num_han = num_all = 0
    for reading in readings:
        num_all += len(reading.text)
        if reading.text.isascii():
            continue
        num_han += sum(map(is_han, reading.text))
        counts.update(
            character
            for character, chance in zip(reading.text, reading.chances, strict=True)
            if chance >= _SURELY and not character.isascii()
        )
    return frozenset(counts) | ({_ANY_HAN} if num_han > _MUCH_HAN * num_all else frozenset())


_ANY_HAN = "han"


def is_han(character: str) -> bool:
    """Whether `character` is of a script that has too many characters for an alphabet."""
    return "\u2e80" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af" or "\uf900" <= character <= "\uffef"


def _settled(reading: Reading, known: frozenset[str]) -> str:
    characters = list(reading.text)
    for doubt in reading.doubts:
        character = characters[doubt.position]
        if character not in known and not (_ANY_HAN in known and is_han(character)) and _is_letter(character):
            characters[doubt.position] = _next(doubt, character, known)
    return "".join(characters)


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] == "L"


def _next(doubt: Doubt, character: str, known: frozenset[str]) -> str:
    plain = unicodedata.normalize("NFD", character)[0]
    for other, _ in doubt.others:
        if other == "" or other.isascii() or other in known:
            # Between the letter without its accent and nothing the letter is right: the model saw some letter there.
            return plain if other == "" and plain.isascii() else other
    return plain if plain.isascii() else character
