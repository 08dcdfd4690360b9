"""How words are set: bold, italic, in a font of fixed width, in a font of formulas.

PDFium is asked for the text object of the first and the last word of a line. One object is one font, so the words
between need no call where both are the same. Each font is looked at once a page.
"""

from __future__ import annotations

import ctypes
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.pdfium.native import bare
from omnipipe.text.style import BOLD, ITALIC, MATH, MONO, SYMBOL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.pdfium.records import Chars
    from omnipipe.text.words.chars import Words

_BOLD = re.compile(
    rb"bold|black|heavy|demi|CMBX|CMB\d|SFBX|CMSSBX|CMSSDC|SFSX|EURB\d|LMRoman\d+-Bold|-Medi(?!um)"
    rb"|-Bd(?:Cn|Ex|It|Ou|\b)|-Blk|-Bol\b|^Adv\w+\.B\b|\bec(?:bx|bi|bl|sx|rb)\d|Lin(?:Libertine|Biolinum)[A-Z]?[BZ]I?\b",
    re.IGNORECASE,
)
_ITALIC = re.compile(
    rb"italic|oblique|slant|CMTI|CMSL|SFTI|SFSL|-It\b|Ital$|\bec(?:ti|sl|bi|bl)\d"
    rb"|Lin(?:Libertine|Biolinum)[A-Z]?[BZ]?I\b",
    re.IGNORECASE,
)
_MONO = re.compile(rb"courier|mono|consol|menlo|monaco|CMTT|SFTT|typewriter|inconsolata|terminal|-tt\b", re.IGNORECASE)
_MATH = re.compile(
    rb"CMMI|CMSY|CMEX|CMBSY|CMMIB|MSAM|MSBM|EUFM|EUSM|RSFS|ESINT|STMARY|WASY|TXSY|TXMI|PXSY|PXMI|MTMI|MTSY|MTEX"
    rb"|MathJax|math(?!ilda|ew)",
    re.IGNORECASE,
)
_SYMBOL = re.compile(rb"wingding|webding|dingbat|typographicsymbol|bullet", re.IGNORECASE)
_FIXED, _ITALIC_FLAG, _FORCE_BOLD = 1, 1 << 6, 1 << 18

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_MIN_LETTERS = 8
_MIN_SAMPLE, _MAX_SAMPLE = 6, 40
"""Words that a font is judged by: at least, at most."""

_name = bare(pdfium.FPDFFont_GetBaseFontName, None, by_address=True)
_flags = bare(pdfium.FPDFFont_GetFlags, ctypes.c_int, by_address=True)
_ZERO = np.zeros(1, np.intp)
_SIZE = ctypes.c_size_t(256)
_buffer = ctypes.create_string_buffer(_SIZE.value)
_font = bare(pdfium.FPDFTextObj_GetFont, ctypes.c_size_t, by_address=True)


def word_objects(chars: Chars, words: Words) -> NDArray[np.uint64]:
    """Addresses of the text objects that words belong to; 0 where PDFium knows none."""
    line = words.line
    found = chars.objects(words.char)
    last = (line[1:] != line[:-1]).nonzero()[0]
    starts, ends = np.concatenate((_ZERO, last + 1)), np.concatenate((last, [len(line) - 1]))
    first = found[starts]
    # What a line starts and ends with it has in between as well: so it is where letters run from right to left.
    counts = ends - starts + 1
    return np.where((first == found[ends]).repeat(counts), first.repeat(counts), found)


def fonts_of(objects: list[int]) -> list[int]:
    """The addresses of the fonts of text objects, by their addresses; 0 where that is 0."""
    return list(map(_font, objects)) if all(objects) else [_font(one) if one else 0 for one in objects]


def word_styles(words: Words, found: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The style of each word, the sum of its bits, from the words' text objects."""
    num = len(found)
    changes = np.ones(num, bool)
    changes[1:] = found[1:] != found[:-1]
    fonts = fonts_of(found[changes].tolist())
    numbers = {font: number for number, font in enumerate(dict.fromkeys(fonts))}
    if len(numbers) == 1:
        owner = np.zeros(num, np.intp)
    else:
        changes[0] = False
        owner = np.array([numbers[font] for font in fonts], np.intp)[changes.cumsum()]
    styles = np.array([_style(font) for font in numbers], np.uint8)
    for number in _fixed(words, owner):
        styles[number] |= MONO
    found_styles: NDArray[np.uint8] = styles[owner]
    found_styles[words.spread] |= MONO
    return found_styles


def _fixed(words: Words, owner: NDArray[np.intp]) -> list[int]:
    """The fonts (numbers of `owner`, a number for each word) all letters of which are of one width."""
    length = words.last - words.first
    long = ((length > 2) & (words.turn == 0)).nonzero()[0]
    fonts = owner[long]
    left, _, right, _ = words.box.T
    shares = ((right - left) / (length * np.maximum(words.size, 0.1)))[long]
    found = []
    for number, count in enumerate(np.bincount(fonts).tolist()):
        if count < _MIN_SAMPLE:
            continue
        chosen = (fonts == number).nonzero()[0][:_MAX_SAMPLE]
        ordered = shares[chosen].tolist()
        ordered.sort()
        tenth = len(ordered) // 10
        if ordered[-1 - tenth] - ordered[tenth] > 0.03 * ordered[len(ordered) // 2]:
            continue
        letters = set("".join(words.text[words.first[i] : words.last[i]] for i in long[chosen].tolist()))
        # Digits and the signs of East Asia are of one width in most fonts.
        if len(letters & _LOWER) >= _MIN_LETTERS:
            found.append(number)
    return found


def _style(font: int) -> int:
    """The bits of a font, by its address; 0 for no font."""
    if not font:
        return 0
    # What does not fit is not written; PDFium ends the name with a zero.
    _buffer[0] = b"\0"
    _name(font, _buffer, _SIZE)
    return _named_style(_buffer.value, max(0, _flags(font)))


@lru_cache(maxsize=1024)
def _named_style(name: bytes, flags: int) -> int:
    """The bits of a font by its name and the flags of its descriptor."""
    style = SYMBOL if _SYMBOL.search(name) else 0
    if _MATH.search(name):
        return MATH
    # The weight that PDFium gives is guessed from the stems: 1104 for Helvetica-Oblique.
    if _BOLD.search(name) or flags & _FORCE_BOLD:
        style |= BOLD
    if _ITALIC.search(name) or flags & _ITALIC_FLAG:
        style |= ITALIC
    if _MONO.search(name) or flags & _FIXED:
        style |= MONO
    return style
