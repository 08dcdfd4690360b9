"""How far a text is from the truth, and how well a score foretells it. Error rates are over the truth's length.

Before texts are compared quotes, dashes and ligatures are made equal, words broken at a line's end are joined in both,
and marks of markdown at a line's start are left out of the text.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

_SAME = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "−": "-", "‐": "-"})
_BROKEN = re.compile(r"(?<=[^\W\d_])(?:-\s+|\u00ad\s*|\ufffe\s*)(?=[^\W\d_A-Z])")
_MARKS = re.compile(r"^\s*(?:#{1,6} |[*+-] (?=\S)|> )", re.MULTILINE)


def char_errors(truth: str, text: str, *, spaces: bool = True) -> float:
    """Edits of characters over the truth's; without `spaces` white space is left out of both."""
    wanted, found = plain(truth), plain(text)
    if not spaces:
        wanted, found = wanted.replace(" ", ""), found.replace(" ", "")
    return Levenshtein.distance(wanted, found) / max(1, len(wanted))


def word_errors(truth: str, text: str) -> float:
    """Edits of words, in order, over the truth's words."""
    wanted, found = plain(truth).split(), plain(text).split()
    return Levenshtein.distance(wanted, found) / max(1, len(wanted))


def word_bag_errors(truth: str, text: str) -> float:
    """Words that are missing or that are too many, whichever are more, over the truth's; order does not count."""
    wanted, found = Counter(plain(truth).split()), Counter(plain(text).split())
    missing, extra = (wanted - found).total(), (found - wanted).total()
    return max(missing, extra) / max(1, wanted.total())


def plain(text: str) -> str:
    """`text` as it is compared: one space for each run of white space."""
    same = unicodedata.normalize("NFKC", _MARKS.sub("", text)).translate(_SAME)
    return " ".join(_BROKEN.sub("", same).split())


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's, -1 to 1; 0 where one of them never changes."""
    if len(one) < 2 or min(one) == max(one) or min(other) == max(other):
        return 0.0
    return statistics.correlation(one, other)


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's, -1 to 1, equal values sharing their mean rank."""
    return correlation(_ranks(one), _ranks(other))


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    return [statistics.mean(places[value]) for value in values]
