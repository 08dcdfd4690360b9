"""How far a text is from the true one: character and word errors, and words without their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from omnipipe.evaluation.normal import collapse, fold, plain_text


@dataclass(frozen=True, slots=True)
class Rates:
    """Edits (changed, missing, too many: one each) from the truth to the text, white space collapsed.

    `folded_errors` and `num_folded` are the characters once quotes, dashes, ligatures and hyphens at line ends are
    made alike. `word_f1` (0 to 1) compares the words as a bag.
    """

    num_chars: int
    char_errors: int
    num_folded: int
    folded_errors: int
    num_words: int
    word_errors: int
    word_f1: float

    @property
    def cer(self) -> float:
        """Character errors by characters of the truth: 0 is perfect; above 1 where much was made up."""
        return _rate(self.char_errors, self.num_chars)

    @property
    def folded_cer(self) -> float:
        """`cer` of the folded texts."""
        return _rate(self.folded_errors, self.num_folded)

    @property
    def wer(self) -> float:
        """Word errors by words of the truth."""
        return _rate(self.word_errors, self.num_words)


def compare(truth: str, text: str, *, truth_format: str = "text", text_format: str = "markdown") -> Rates:
    """The rates of `text` against `truth`; the markup of a text whose format is `markdown` does not count."""
    from rapidfuzz.distance import Levenshtein

    wanted = collapse(plain_text(truth) if truth_format == "markdown" else truth)
    found = collapse(plain_text(text) if text_format == "markdown" else text)
    folded, folded_found = fold(wanted), fold(found)
    words, found_words = wanted.split(), found.split()
    return Rates(
        num_chars=len(wanted),
        char_errors=Levenshtein.distance(wanted, found),
        num_folded=len(folded),
        folded_errors=Levenshtein.distance(folded, folded_found),
        num_words=len(words),
        word_errors=Levenshtein.distance(words, found_words),
        word_f1=_f1(Counter(words), Counter(found_words)),
    )


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's rank correlation (-1 to 1), equal values sharing their ranks; None where either side never varies."""
    import numpy as np

    if len(pairs) < 3:
        return None
    ranks = []
    for side in zip(*pairs, strict=True):
        _, places, counts = np.unique(side, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[places])
    if any(np.ptp(side) == 0 for side in ranks):
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _rate(errors: int, length: int) -> float:
    return errors / max(1, length)


def _f1(wanted: Counter[str], found: Counter[str]) -> float:
    both = 2 * sum((wanted & found).values())
    all_words = wanted.total() + found.total()
    return both / all_words if all_words else 1.0
