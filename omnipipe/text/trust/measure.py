"""What is measured on a text layer, to tell whether to trust it."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections import Counter
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.extreme import largest
from omnipipe.text.pdfium.native import Handle, bare, handle_of
from omnipipe.text.pdfium.objects import Drawn, PageObjects, is_picture, page_objects
from omnipipe.text.trust.garbled import WINDOW, garbled
from omnipipe.text.trust.spelling import spelled
from omnipipe.text.words.script import (
    ARABIC,
    CJK,
    CONTROL,
    CYRILLIC,
    FIRST_LETTER,
    HEBREW,
    LATIN,
    OTHER,
    PRIVATE,
    REPLACED,
    SCRIPT,
    SPACE,
    rare_share,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pypdfium2
    from numpy.typing import NDArray

    from omnipipe.text.pdfium.objects import Box
    from omnipipe.text.pdfium.textpage import RawText
    from omnipipe.text.words.chars import Words

_has_map_error = bare(pdfium.FPDFText_HasUnicodeMapError, ctypes.c_int)
_text_object = bare(pdfium.FPDFText_GetTextObject, Handle)
_render_mode = bare(pdfium.FPDFTextObj_GetTextRenderMode, ctypes.c_int)

_SAMPLE = 16
"""Characters a page that are looked at one by one."""

_CROWDED = 0.12
"""Pages whose words cover more than this share hold no second text worth looking for."""

_MANY_WORDS = 200
_MARKS = ".,;:!?\\{}[]()<>=/"
_FIRST_LETTERS = np.frombuffer(b"aA", np.uint8).astype(np.uint16)
_ACCENTED = np.zeros(0x10000, bool)
"""Latin letters beyond ASCII."""
_ACCENTED[0xC0:0x2B0] = _ACCENTED[0x1E00:0x1F00] = True
_ACCENTED[[0xD7, 0xF7]] = False

_LOW = 0x100
_SIDE = (SCRIPT != SPACE).astype(np.uint8) + (SCRIPT >= FIRST_LETTER)
"""Of each character: 0 for white space, 2 for letters, 1 for all else."""

_ROW_OF_SYMBOLS = re.compile(r"[^\w\s]{3}")
_CID = re.compile(r"\(cid:\d+\)")
_FINE = re.compile(
    r"(?<!\S)[\"'“‘«(\[]*"
    r"(?:[^\W\d_]{2,}(?:['’\-][^\W\d_]+)*|\d+(?:[.,:/\-]\d+)*|[aAIiOoyYeéàÀ])"
    r"[\"'”’».,;:!?)\]%-]*(?!\S)"
)


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
    garbled: float = 0.0
    """Share of the text, in windows of letter pairs, that reads like no language; 0 where there is no way to tell."""
    shift: int = 0
    """The constant that the letters are off by: 0 where they are not."""
    likely: float | None = None
    """Mean likelihood of the pairs of Latin letters, in bits above chance; text has about 1. None: too few letters."""
    mixed: float = 0.0
    """Of the pairs of neighbouring letters: those of two scripts that no word mixes."""
    rare: float = 0.0
    """Of the Han and Hangul characters: those outside of the everyday sets."""
    mojibake: float = 0.0
    """Of the Latin letters: those beyond ASCII. No language has more than 0.4."""
    image_share: float = 0.0
    """Share of the page under images."""
    num_glyph_paths: int = 0
    """Filled paths that look like outlined letters."""
    tangled: float = 0.0
    """Of the pairs of characters within words: those of a letter and something else."""
    uniform: float = 0.0
    """Share of the most frequent letter or symbol."""
    symbols: float = 0.0
    """Of the visible characters: those that are neither letters nor digits, leaders and rules left out."""
    odd: float = 0.0
    """Of the words over or under a picture of the page: those that look misread."""
    rtl: float = 0.0
    """Of the letters: those of scripts written from right to left."""
    text_share: float = 0.0
    """Share of the page under the boxes of its words."""
    bare: bool = False
    """Hundreds of words in small Latin letters with next to no capitals and marks: what some old OCR makes of prose."""


def measure(
    page: pypdfium2.PdfPage,
    textpage: RawText,
    words: Words | None,
    drawn: Drawn | None = None,
    box: Box | None = None,
) -> Measures:
    """The measures of a page's text layer; `drawn` is what the page draws, and `box` its own, where they are known."""
    if words is None:
        found = page_objects(page, drawn, box)
        return Measures(image_share=found.image_share, num_glyph_paths=found.num_glyph_paths)
    units = words.units
    # numpy looks places up in half the time where they are of its own kind of number.
    places = units.astype(np.intp)
    kinds = SCRIPT.take(places, mode="wrap")
    counts: list[int] = np.bincount(kinds, minlength=CJK + 1).tolist()
    size = max(len(units) - counts[SPACE], 1)
    num_letters = sum(counts[FIRST_LETTER:])
    unmapped, invisible = _sampled(textpage, words)
    share = _text_share(page, words)
    found = (
        page_objects(page, drawn, box) if share < _CROWDED else PageObjects(1.0 if is_picture(page, box) else 0.0, 0)
    )
    is_scan = invisible > 0.5 or found.image_share > 0.7
    # What was read from a picture has one font for right and wrong words.
    excuse = None if is_scan else partial(spelled, words, few_latin=counts[CJK] > counts[LATIN])
    noise, shift, likely = garbled(places, counts, excuse)
    return Measures(
        num_chars=size,
        num_words=len(words.first),
        replaced=(counts[REPLACED] + _unassigned(units, counts)) / size,
        private=counts[PRIVATE] / size,
        control=counts[CONTROL] / size,
        cid=sum(map(len, _CID.findall(words.text))) / size if "(cid:" in words.text else 0.0,
        unmapped=unmapped,
        invisible=invisible,
        garbled=noise,
        shift=shift,
        likely=likely,
        mixed=_mixed(kinds, counts, places) if num_letters else 0.0,
        rare=rare_share(units) if counts[CJK] > 20 else 0.0,
        mojibake=_beyond_ascii(words, places) / counts[LATIN] if counts[LATIN] > 20 else 0.0,
        tangled=_tangled(places) if size >= WINDOW else 0.0,
        uniform=_uniform(words, size),
        symbols=_symbols(words, counts, size),
        odd=_odd(words) if is_scan and counts[CJK] < 20 else 0.0,
        image_share=found.image_share,
        num_glyph_paths=found.num_glyph_paths,
        rtl=(counts[HEBREW] + counts[ARABIC]) / max(1, num_letters),
        text_share=share,
        bare=len(words.first) >= _MANY_WORDS and _is_bare(words),
    )


def _sampled(textpage: RawText, words: Words) -> tuple[float, float]:
    """Of a sample of characters: the share that the font names no Unicode for, and the share drawn invisibly."""
    raw = handle_of(textpage.raw)
    sample = words.char[:: len(words.char) // _SAMPLE + 1].tolist()
    unmapped = sum(map(_has_map_error, repeat(raw), sample))
    modes = [_render_mode(drawn) for drawn in map(_text_object, repeat(raw), sample) if drawn]
    hidden = modes.count(pdfium.FPDF_TEXTRENDERMODE_INVISIBLE)
    return max(0, unmapped) / len(sample), hidden / len(sample)


def _symbols(words: Words, counts: Sequence[int], size: int) -> float:
    """Share of symbols; short texts (a paragraph sign, a question) only count where some stand in a row."""
    if size < WINDOW and not _ROW_OF_SYMBOLS.search(words.text):
        return 0.0
    num_pairs = len(words.units) - len(words.text)
    # Letters of formulas and rare ideographs are two units each.
    num_letters = sum(char > "\uffff" and char.isalpha() for char in words.text) if num_pairs else 0
    return (counts[OTHER] - 2 * num_letters) / max(1, size - num_letters)


def _tangled(places: NDArray[np.intp]) -> float:
    """Of the pairs of characters within words: those of a letter and something else."""
    side = _SIDE.take(places, mode="wrap")
    pairs = side[:-1] * side[1:]
    return float(np.count_nonzero(pairs == 2)) / max(1, int(np.count_nonzero(pairs)))


def _odd(words: Words) -> float:
    return max(0.0, 1 - len(_FINE.findall(words.text)) / len(words.first))


def _uniform(words: Words, size: int) -> float:
    """Share of the most frequent letter or symbol in the first 400 characters; `size` characters are visible."""
    sample = "".join(words.text[:400].split())
    if len(sample) < WINDOW // 2:
        return 0.0
    units = np.frombuffer(sample.encode("utf-16-le", "surrogatepass"), np.uint16)
    counts = np.bincount(np.minimum(units, _LOW), minlength=_LOW + 1)
    times = int(largest(counts))
    # Of those that are equally frequent the first: a page comes out the same in each process.
    if counts[_LOW] < times:
        most = min(map(chr, (counts == times).nonzero()[0].tolist()), key=sample.index)
    else:
        most, times = Counter(sample).most_common(1)[0]
    if most in "*#":
        # Comments are framed by them.
        return words.text.count(most) / size
    return 0.0 if most.isdigit() or most in "._-–—=·…" else times / len(sample)


def _mixed(kinds: NDArray[np.uint8], counts: Sequence[int], units: NDArray[np.intp]) -> float:
    """Of the pairs of neighbouring letters: those of two scripts that no word mixes.

    Ukrainian and Belarusian are often typed with the Latin i, which looks as theirs does: that is read right.
    """
    scripts = counts[FIRST_LETTER:]
    if len(scripts) - scripts.count(0) < 2:
        return 0.0
    if counts[CYRILLIC] > counts[LATIN] > 0:
        is_cyrillic = kinds == CYRILLIC
        beside = np.zeros(len(kinds), bool)
        beside[1:] = is_cyrillic[:-1]
        beside[:-1] |= is_cyrillic[1:]
        kinds = np.where(beside & ((units | 0x20) == 0x69), np.uint8(CYRILLIC), kinds)
    one, other = kinds[:-1], kinds[1:]
    both = (one >= FIRST_LETTER) & (other >= FIRST_LETTER)
    strange = both & (one != other) & (one != CJK) & (other != CJK)
    return float(np.count_nonzero(strange)) / max(1, int(np.count_nonzero(both)))


def _beyond_ascii(words: Words, units: NDArray[np.intp]) -> int:
    """How many Latin letters are not those of ASCII."""
    return 0 if words.text.isascii() else int(np.count_nonzero(_ACCENTED.take(units)))


def _unassigned(units: NDArray[np.uint16], counts: Sequence[int]) -> int:
    """The number of characters that Unicode does not know."""
    if sum(counts[:FIRST_LETTER]) + counts[LATIN] + counts[CJK] == len(units):
        return 0
    points = Counter(units.take((units >= 0x370).nonzero()[0]).tolist()).items()
    return sum(n for point, n in points if point < 0xD800 and unicodedata.category(chr(point)) == "Cn")


def _is_bare(words: Words) -> bool:
    """Printed pages of the corpus have one mark to 19 words at least; a lower-cased OCR layer has one to 128."""
    if sum(map(words.text.count, _MARKS)) >= 0.025 * len(words.first):
        return False
    units = words.units
    # What is below the first letter wraps around.
    num_small, num_capitals = (int(np.count_nonzero(units - first < 26)) for first in _FIRST_LETTERS)
    return 2 * num_small >= len(units) and 20 * num_capitals <= num_small


def _text_share(page: pypdfium2.PdfPage, words: Words) -> float:
    box = words.box
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    width, height = page.get_size()
    share: float = float(np.add.reduce(area)) / max(width * height, 1e-6)
    return min(1.0, share)
