"""What is measured on a text layer, to tell whether to trust it."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections import Counter
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.letters import LOW, letters
from omnipipe.text.native import Handle, bare
from omnipipe.text.objects import Drawn, PageObjects, is_picture, page_objects
from omnipipe.text.script import (
    ARABIC,
    CJK,
    CONTROL,
    CYRILLIC,
    FIRST_LETTER,
    GREEK,
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

    from omnipipe.text.chars import Words

_has_map_error = bare(pdfium.FPDFText_HasUnicodeMapError, ctypes.c_int)
_text_object = bare(pdfium.FPDFText_GetTextObject, Handle)
_render_mode = bare(pdfium.FPDFTextObj_GetTextRenderMode, ctypes.c_int)

_SAMPLE = 16
"""Characters a page that are looked at one by one."""

_WINDOW = 40
"""Pairs of letters that are judged together."""

_NOISE = -1.2
"""Windows below this mean (bits a pair) read as no language; text that does is near +1, random letters near -2."""

_LONG, _DULL = 300, -0.5
"""From this many pairs on, a mean below the second number is enough."""

_WEAK = 0.3
"""Below this mean it is worth trying whether the letters are off by a constant."""

_MAX_SHIFT = 64
"""Letters are off by at most this."""

_CROWDED = 0.12
"""Pages whose words cover more than this share hold no second text worth looking for."""

_MANY_WORDS = 200
_MARKS = ".,;:!?"
_ACCENTED = np.zeros(0x10000, bool)
"""Latin letters beyond ASCII."""
_ACCENTED[0xC0:0x2B0] = _ACCENTED[0x1E00:0x1F00] = True
_ACCENTED[[0xD7, 0xF7]] = False

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
    page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage, words: Words | None, drawn: Drawn | None = None
) -> Measures:
    """The measures of a page's text layer; `drawn` is what the page draws, where it is known."""
    if words is None:
        found = page_objects(page, drawn)
        return Measures(image_share=found.image_share, num_glyph_paths=found.num_glyph_paths)
    units = words.units
    # numpy looks places up in half the time where they are of its own kind of number.
    places = units.astype(np.intp)
    kinds = SCRIPT.take(places)
    counts: list[int] = np.bincount(kinds, minlength=256).tolist()
    size = max(len(units) - counts[SPACE], 1)
    num_letters = sum(counts[FIRST_LETTER:])
    unmapped, invisible = _sampled(textpage, words)
    garbled, shift, likely = _garbled(places, counts)
    share = _text_share(page, words)
    found = page_objects(page, drawn) if share < _CROWDED else PageObjects(1.0 if is_picture(page) else 0.0, 0)
    is_scan = invisible > 0.5 or found.image_share > 0.7
    return Measures(
        num_chars=size,
        num_words=len(words.first),
        replaced=(counts[REPLACED] + _unassigned(units, counts)) / size,
        private=counts[PRIVATE] / size,
        control=counts[CONTROL] / size,
        cid=sum(map(len, _CID.findall(words.text))) / size if "(cid:" in words.text else 0.0,
        unmapped=unmapped,
        invisible=invisible,
        garbled=garbled,
        shift=shift,
        likely=likely,
        mixed=_mixed(kinds, counts) if num_letters else 0.0,
        rare=rare_share(units) if counts[CJK] > 20 else 0.0,
        mojibake=_beyond_ascii(words, places) / counts[LATIN] if counts[LATIN] > 20 else 0.0,
        tangled=_tangled(kinds) if size >= _WINDOW else 0.0,
        uniform=_uniform(words),
        symbols=_symbols(words, counts, size),
        odd=_odd(words) if is_scan and counts[CJK] < 20 else 0.0,
        image_share=found.image_share,
        num_glyph_paths=found.num_glyph_paths,
        rtl=(counts[HEBREW] + counts[ARABIC]) / max(1, num_letters),
        text_share=share,
        bare=len(words.first) >= _MANY_WORDS and _is_bare(words),
    )


def _sampled(textpage: pypdfium2.PdfTextPage, words: Words) -> tuple[float, float]:
    """Of a sample of characters: the share that the font names no Unicode for, and the share drawn invisibly."""
    raw = ctypes.cast(textpage.raw, Handle)
    sample = words.char[:: len(words.char) // _SAMPLE + 1]
    unmapped = sum(map(_has_map_error, repeat(raw), sample))
    modes = [_render_mode(drawn) for drawn in map(_text_object, repeat(raw), sample) if drawn]
    hidden = modes.count(pdfium.FPDF_TEXTRENDERMODE_INVISIBLE)
    return max(0, unmapped) / len(sample), hidden / len(sample)


def _garbled(units: NDArray[np.intp], counts: Sequence[int]) -> tuple[float, int, float | None]:
    """The share of text that reads like no language, the constant that makes it read like one (0: none does), and how
    likely the pairs of Latin letters are in the mean."""
    worst = 0.0
    likely: float | None = None
    num_letters = max(sum(counts[FIRST_LETTER:]), 1)
    for name, script in (("latin", LATIN), ("cyrillic", CYRILLIC), ("greek", GREEK)):
        if counts[script] < _WINDOW // 2:
            continue
        bits = _pair_bits(units, name)
        if len(bits) < _WINDOW // 2:
            continue
        mean = _mean(bits)
        if len(bits) >= 3 * _WINDOW and name == "latin":
            likely = mean
        if name == "latin" and mean < _WEAK:
            shift = _shift(units, mean)
            if shift:
                return 1.0, shift, mean
        starts = np.arange(0, max(len(bits) - _WINDOW // 2, 1), _WINDOW)
        lengths = np.full(len(starts), _WINDOW)
        lengths[-1] = len(bits) - starts[-1]
        # Short texts, names and lists above all, must be worse to count.
        noise = _NOISE if len(bits) >= _LONG // 2 else _NOISE - 0.4
        is_noise = np.add.reduceat(bits, starts) / lengths < noise
        if len(bits) >= _LONG and mean < _DULL:
            is_noise[:] = True
        if np.count_nonzero(is_noise):
            weight = min(1.0, 1.4 * len(bits) / num_letters)
            worst = max(worst, float(lengths[is_noise].sum()) / len(bits) * weight)
    return worst, 0, likely


def _pair_bits(units: NDArray[np.intp], name: str) -> NDArray[np.float32]:
    alphabet = letters(name)
    code = alphabet.code.take(units)
    # The alphabet itself, in order, is no sign of anything.
    letter = code != alphabet.edge
    inner = letter[:-1] & letter[1:]
    # Codes and abbreviations of two letters say nothing.
    long = np.zeros(len(inner), bool)
    long[1:] = inner[:-1]
    long[:-1] |= inner[1:]
    long &= inner
    long &= code[1:] != code[:-1] + 1
    at = long.nonzero()[0]
    places = code[at] * np.intp(alphabet.width)
    places += code[at + 1]
    bits: NDArray[np.float32] = alphabet.bits.take(places)
    return bits


def _mean(bits: NDArray[np.float32]) -> float:
    return float(np.add.reduce(bits) / np.float32(len(bits)))


def _shift(units: NDArray[np.intp], mean: float) -> int:
    """The constant that turns letters into language, beyond doubt against their `mean` as they are; 0: none does."""
    sample = units[:2000]
    visible = SCRIPT.take(sample) != SPACE
    num_visible = int(visible.sum())
    best, found = max(0.4, mean + 0.7), 0
    for shift in _shifts_to_letters(sample[visible]):
        moved = np.where(visible, np.minimum(np.maximum(sample + shift, 0), 0xFFFF), 32)
        bits = _pair_bits(moved, "latin")
        likely = _mean(bits) if 2 * len(bits) > num_visible else LOW
        if likely > best and len(bits) * (likely - mean) > 40:
            best, found = likely, shift
    return found


def _shifts_to_letters(sample: NDArray[np.intp]) -> list[int]:
    """Constants that turn more than half of `sample` into Latin letters: no others can make it language."""
    points, numbers = np.unique(sample, return_counts=True)
    shifts = np.arange(-_MAX_SHIFT, _MAX_SHIFT + 1)
    alphabet = letters("latin")
    moved = np.minimum(np.maximum(points + shifts[:, None], 0), 0xFFFF)
    hits = (alphabet.code[moved] != alphabet.edge) @ numbers
    return shifts[(2 * hits > len(sample)) & (shifts != 0)].tolist()  # type: ignore[no-any-return]


def _symbols(words: Words, counts: Sequence[int], size: int) -> float:
    """Share of symbols; short texts (a paragraph sign, a question) only count where some stand in a row."""
    if size < _WINDOW and not _ROW_OF_SYMBOLS.search(words.text):
        return 0.0
    return counts[OTHER] / size


def _tangled(kinds: NDArray[np.uint8]) -> float:
    visible = kinds != SPACE
    letter = kinds >= FIRST_LETTER
    within = visible[:-1] & visible[1:]
    return float(np.count_nonzero(within & (letter[:-1] != letter[1:]))) / max(1, int(np.count_nonzero(within)))


def _odd(words: Words) -> float:
    return max(0.0, 1 - len(_FINE.findall(words.text)) / len(words.first))


def _uniform(words: Words) -> float:
    """Share of the most frequent letter or symbol in the first 400 characters."""
    sample = "".join(words.text[:400].split())
    if len(sample) < _WINDOW // 2:
        return 0.0
    # Of those that are equally frequent the first: a page comes out the same in each process.
    most, times = Counter(sample).most_common(1)[0]
    return 0.0 if most.isdigit() or most in "._-–—=·…" else times / len(sample)


def _mixed(kinds: NDArray[np.uint8], counts: Sequence[int]) -> float:
    """Of the pairs of neighbouring letters: those of two scripts that no word mixes."""
    scripts = counts[FIRST_LETTER:]
    if len(scripts) - scripts.count(0) < 2:
        return 0.0
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
    points = Counter(units[units >= 0x370].tolist()).items()
    return sum(n for point, n in points if point < 0xD800 and unicodedata.category(chr(point)) == "Cn")


def _is_bare(words: Words) -> bool:
    """Printed pages of the corpus have one mark to 19 words at least; a lower-cased OCR layer has one to 128."""
    if sum(map(words.text.count, _MARKS)) >= 0.025 * len(words.first):
        return False
    units = words.units
    plain = np.bincount(units[units < 128], minlength=128)
    num_small, num_capitals = int(plain[97:123].sum()), int(plain[65:91].sum())
    return 2 * num_small >= len(units) and 20 * num_capitals <= num_small


def _text_share(page: pypdfium2.PdfPage, words: Words) -> float:
    box = words.box
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    width, height = page.get_size()
    share: float = float(np.add.reduce(area)) / max(width * height, 1e-6)
    return min(1.0, share)
