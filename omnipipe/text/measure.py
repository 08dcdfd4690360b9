"""What is measured on a text layer, to tell whether to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.chars import Words


class Measures(NamedTuple):
    """What was measured on a text layer. Shares are 0 to 1 of its visible characters unless said otherwise."""

    num_chars: int = 0
    """Characters that are not white space, controls included."""
    num_words: int = 0
    replaced: float = 0.0
    """U+FFFD, non-characters and lone surrogates."""
    private: float = 0.0
    """Private-use characters."""
    control: float = 0.0
    """Control characters."""
    cid: float = 0.0
    """Characters within `(cid:12)`."""
    unmapped: float = 0.0
    """Of a sample of characters: those for which the font names no Unicode."""
    invisible: float = 0.0
    """Of a sample of characters: those drawn invisibly (text render mode 3)."""
    language: float | None = None
    """How much like a language it reads, 0 to 1; None where there is too little text to say, or no way to tell."""
    shift: int = 0
    """The constant that the letters are off by: 0 where they are not."""
    mixed: float = 0.0
    """Of the pairs of neighbouring letters: those of two scripts that no word mixes."""
    rare: float = 0.0
    """Of the Han and Hangul characters: those outside of the everyday sets."""
    mojibake: float = 0.0
    """Of the letters: those of the upper half of Latin-1."""
    image_share: float = 0.0
    """Share of the page under images."""
    num_glyph_paths: int = 0
    """Filled paths that look like outlined letters."""
    num_drawn: int = 0
    """Objects on the page that are not text."""
    text_share: float = 0.0
    """Share of the page under the boxes of its words."""


def measure(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage, words: Words | None) -> Measures:
    """The measures of a page's text layer."""
    if words is None:
        return Measures()
    return Measures(num_chars=int((words.last - words.first).sum()), num_words=len(words.first))


def is_rtl(units: NDArray[np.uint16]) -> bool:
    """Whether most letters are of scripts written from right to left."""
    hebrew_arabic = (units >= 0x590) & (units < 0x900) | (units >= 0xFB1D) & (units < 0xFF00)
    return 2 * int(np.count_nonzero(hebrew_arabic)) > int(np.count_nonzero(units > 64))
