"""Fonts that spell words right: text in them may be code, names or symbols, but its letters are what they look like.

A wrong map from a font's glyphs to characters is wrong for the whole font: of its longer words at most one in twenty
looks like a word of some language by chance, where lists of commands or addresses still have one in five.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.words.fonts import fonts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.words.chars import Words

_LONG = 4
"""Pairs of letters that a run of letters needs to be judged: five letters."""

_LIKELY = 0.6
"""Mean bits a pair from which on a word looks like one; those of text are near 1, those of random letters near -2."""

_SHARE, _ENOUGH = 0.12, 4
"""A font spells words right when this share of its longer runs of letters does, and so many different ones."""


def spelled(
    words: Words, pairs: NDArray[np.intp], bits: NDArray[np.float32], *, few_latin: bool = False
) -> NDArray[np.bool_]:
    """Which of the `pairs` of letters (places of the first in `words.units`, n; `bits` their likelihoods) stand in a
    font that spells words right. The page is open.

    `few_latin`: most of the page is in Chinese or Japanese, where what Latin words there are is names as often as not:
    all fonts are judged as one.
    """
    # Runs of letters, not words: an address is one word.
    starts = np.flatnonzero(np.diff(pairs, prepend=-2) > 1)
    lengths = np.diff(starts, append=len(pairs))
    first = pairs[starts]
    fonts = _fonts(words, first)
    likely = np.add.reduceat(bits, starts) > _LIKELY * lengths
    is_long = (lengths >= _LONG) & (fonts != 0)
    columns = (fonts, first, first + lengths + 1, likely)
    runs: Counter[tuple[int, bytes, bool]] = Counter()
    for font, start, stop, is_right in zip(*(column[is_long].tolist() for column in columns), strict=True):
        runs[font, words.units[start:stop].tobytes(), is_right] += 1
    tallies: dict[int, _Tally] = {}
    for (font, _, is_right), times in runs.items():
        tallies.setdefault(0 if few_latin else font, _Tally()).add(times, is_right)
    if few_latin:
        return np.full(len(pairs), 0 in tallies and tallies[0].spells)
    right = [font for font, tally in tallies.items() if tally.spells]
    return np.repeat(np.isin(fonts, np.array(right, np.uint64)), lengths)


def _fonts(words: Words, places: NDArray[np.intp]) -> NDArray[np.uint64]:
    """The addresses of the fonts of the words that have the units at `places`; 0 where PDFium knows none."""
    if len(words.units) > len(words.text):
        # A character beyond 16 bits is two units.
        is_second = (words.units >= 0xDC00) & (words.units < 0xE000)
        places = places - np.cumsum(is_second)[places]
    word = np.maximum(np.searchsorted(words.first, places, side="right") - 1, 0)
    objects, which = np.unique(words.objects[word], return_inverse=True)
    return np.array(fonts_of(objects.tolist()), np.uint64)[which]


@dataclass(slots=True)
class _Tally:
    """The longer runs of letters in one font: different ones and all, and those of each that look like words."""

    kinds: int = 0
    right_kinds: int = 0
    times: int = 0
    right_times: int = 0

    def add(self, times: int, is_right: bool) -> None:
        self.kinds += 1
        self.times += times
        if is_right:
            self.right_kinds += 1
            self.right_times += times

    @property
    def spells(self) -> bool:
        # Lists repeat few words often, code has many names that are no words: either way is enough.
        share = max(self.right_kinds / max(1, self.kinds), self.right_times / max(1, self.times))
        return self.right_kinds >= _ENOUGH and share >= _SHARE
