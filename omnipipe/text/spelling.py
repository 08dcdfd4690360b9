"""Fonts that spell words right: text in them may be code, names or symbols, but its letters are what they look like.

A wrong map from a font's glyphs to characters is wrong for the whole font: of its longer words at most one in twenty
looks like a word of some language by chance, where lists of commands or addresses still have one in five.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.native import Handle, bare

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.chars import Words

_text_object = bare(pdfium.FPDFText_GetTextObject, Handle)
_font = bare(pdfium.FPDFTextObj_GetFont, ctypes.c_size_t)

_LONG = 4
"""Pairs of letters that a run of letters needs to be judged: five letters."""

_LIKELY = 0.6
"""Mean bits a pair from which on a word looks like one; those of text are near 1, those of random letters near -2."""

_SHARE, _ENOUGH = 0.12, 4
"""A font spells words right when this share of its longer runs of letters does, and so many different ones."""

_MOST = 2_000
"""Words that are looked at, spread over the page."""


def spelled(
    textpage: pypdfium2.PdfTextPage, words: Words, pairs: NDArray[np.intp], bits: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which of the `pairs` of letters (places of the first in `words.units`, n; `bits` their likelihoods) stand in a
    font that spells words right."""
    # Runs of letters, not words: an address is one word.
    starts = np.flatnonzero(np.diff(pairs, prepend=-2) > 1)
    lengths = np.diff(starts, append=len(pairs))
    likely = np.add.reduceat(bits, starts) > _LIKELY * lengths
    first = pairs[starts]
    places = first
    if len(words.units) > len(words.text):
        # A character beyond 16 bits is two units.
        is_second = (words.units >= 0xDC00) & (words.units < 0xE000)
        places = first - np.cumsum(is_second)[first]
    word = np.maximum(np.searchsorted(words.first, places, side="right") - 1, 0).tolist()
    raw = ctypes.cast(textpage.raw, Handle)
    fonts = np.zeros(len(starts), np.intp)
    numbers: dict[int, int] = {}
    runs: Counter[tuple[int, bytes, bool]] = Counter()
    for run in range(0, len(starts), len(starts) // _MOST + 1):
        drawn = _text_object(raw, words.char[word[run]])
        if drawn:
            fonts[run] = number = numbers.setdefault(_font(drawn), len(numbers) + 1)
            if lengths[run] >= _LONG:
                letters = words.units[first[run] : first[run] + lengths[run] + 1]
                runs[number, letters.tobytes(), bool(likely[run])] += 1
    tallies = [_Tally() for _ in range(len(numbers) + 1)]
    for (number, _, is_right), times in runs.items():
        tallies[number].add(times, is_right)
    return np.repeat(np.array([tally.spells for tally in tallies])[fonts], lengths)


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
