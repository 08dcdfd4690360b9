"""A page's characters and word boxes, fetched from PDFium with few and cheap calls.

Nothing here loops over characters in Python: the text comes in one buffer, and boxes only for the first and the last
character of a word.
"""

from __future__ import annotations

import ctypes
import re
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.extreme import largest, smallest
from omnipipe.text.pdfium.native import bare
from omnipipe.text.words.bidi import in_reading_order
from omnipipe.text.words.bitmap_ligatures import with_ligatures
from omnipipe.text.words.drawn_accents import with_accents
from omnipipe.text.words.drawn_sizes import ODD, mend_drawn
from omnipipe.text.words.higher_planes import with_higher
from omnipipe.text.words.ligatures import mend_ligatures
from omnipipe.text.words.line_ends import without_ends
from omnipipe.text.words.script import FIRST_LEFTWARD, may_run_left
from omnipipe.text.words.stretched import FIRST_STRETCHED, without_stretch
from omnipipe.text.words.swapped_ligatures import FIRST_SWAPPED, with_letters
from omnipipe.text.words.word_ends import cut_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from omnipipe.text.pdfium.records import Chars
    from omnipipe.text.pdfium.textpage import RawText

    _Places = Callable[[NDArray[np.intp]], NDArray[np.intp]]

Floats = "NDArray[np.float32]"
Ints = "NDArray[np.intp]"

_SLANT = 0.1
"""Text further than this many quarter turns (9 degrees) from the next one is slanted."""

_FIRST_VERTICAL = 0x2E80
"""Scripts that are written from top to bottom start here."""

_BOLD = re.compile(rb"bold|black|heavy|demi|CMBX|SFBX", re.IGNORECASE)
_FORCE_BOLD = 1 << 18

_text_index = bare(pdfium.FPDFText_GetTextIndexFromCharIndex, ctypes.c_int)
_get_text = bare(pdfium.FPDFText_GetText, ctypes.c_int)


class Words(NamedTuple):
    """The words of a page in the order of its content; arrays of one length.

    `text` is the page's whole text, `first` and `last` (exclusive) cut the words out of it, `line` counts PDFium's
    lines. `box` (n x 4) is left, bottom, right, top in points of the unturned page, `size` the font size in points as
    drawn, `turn` the direction of the text in quarter turns counter-clockwise (4: between two of them), `angle` the
    same in radians. `char` is the index of the first character in PDFium's list, `objects` the addresses of the text
    objects that words belong to (0: unknown; empty: not asked for). `num_overdrawn` words more stand where the same one
    stands already. `spread` are the words (their numbers) with letters on places of one width.
    """

    text: str
    units: NDArray[np.uint16]
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    line: NDArray[np.intp]
    box: NDArray[np.float32]
    size: NDArray[np.float32]
    turn: NDArray[np.intp]
    char: NDArray[np.intp]
    angle: NDArray[np.float32]
    objects: NDArray[np.uint64] = np.zeros(0, np.uint64)
    num_overdrawn: int = 0
    spread: NDArray[np.intp] = np.zeros(0, np.intp)


class _Ends(NamedTuple):
    """The first and last characters of words: the lower left (2 x n) and upper right corners of their boxes, and the
    places of the first ones in PDFium's list."""

    head_low: NDArray[np.float32]
    head_high: NDArray[np.float32]
    tail_low: NDArray[np.float32]
    tail_high: NDArray[np.float32]
    places: NDArray[np.intp]

    def boxes(self) -> NDArray[np.float32]:
        """The boxes (n x 4) around both."""
        found = np.empty((len(self.places), 4), np.float32)
        np.minimum(self.head_low, self.tail_low, out=found.T[:2])
        np.maximum(self.head_high, self.tail_high, out=found.T[2:])
        return found


def read_words(chars: Chars) -> Words | None:
    """The words of a page; None where it has no visible character."""
    units = _units(chars)
    if units is None:
        return None
    places_of: _Places = _same
    if len(units) != chars.count:
        higher = with_higher(chars.handle, units, chars.count)
        units, places_of = (units, chars.places) if higher is None else (higher[0], _through(higher[1], chars.places))
    most = int(largest(units))
    # Both are of the higher scripts: a page in Latin, Greek or Cyrillic letters and common signs ends here.
    is_leftward = most >= FIRST_LEFTWARD and may_run_left(units)
    units = with_ligatures(units)
    if most >= FIRST_SWAPPED:
        units = with_letters(units)
        most = int(largest(units))
    source = without_ends(units, lambda which: chars.boxes(places_of(which)))
    if source is not None:
        units, places_of = units[source], _through(source, places_of)
    if is_leftward or most >= FIRST_STRETCHED:
        units, places_of = _mended(chars, units, places_of)
    units, places_of = _accented(chars, units, places_of)
    first, last, line = cut_words(units)
    if not len(first):
        return None
    ends = _ends(chars, first, last, places_of)
    size, turn, angle = _sizes_and_turns(chars, ends, line)
    _mend_drawn(chars, ends, (units, first, last), places_of, (size, turn))
    stacked = _stacked(ends, last - first, size, turn)
    if np.count_nonzero(stacked):
        broken = stacked & (units[first] < _FIRST_VERTICAL)
        if broken.any():
            first, last, line = _split(chars, (first, last, line), np.flatnonzero(broken), places_of)
            ends = _ends(chars, first, last, places_of)
            size, turn, angle = _sizes_and_turns(chars, ends, line)
            _mend_drawn(chars, ends, (units, first, last), places_of, (size, turn))
            stacked = _stacked(ends, last - first, size, turn) & (units[first] >= _FIRST_VERTICAL)
        turn = _vertical(turn, stacked, last - first)
    box = ends.boxes()
    if is_leftward:
        _widen(box, chars, (units, first, last), places_of)
    text, first, last = _decode(units, first, last)
    if is_leftward and "ل" in text and len(text) == len(units):
        text = mend_ligatures(text, lambda places: chars.boxes(places_of(np.array(places, np.intp))))
    return Words(text, units, first, last, line, box, size, turn, ends.places, angle)


def _mend_drawn(
    chars: Chars,
    ends: _Ends,
    words: tuple[NDArray[np.uint16], NDArray[np.intp], NDArray[np.intp]],
    places_of: _Places,
    known: tuple[NDArray[np.float32], NDArray[np.intp]],
) -> None:
    """Put right, in place, the sizes (of `known`, with the turns) and the boxes of words whose font has none."""
    size, turn = known
    is_odd = (ends.head_high[1] - ends.head_low[1] > ODD * size) & (turn == 0)
    if not np.count_nonzero(is_odd):
        return
    units, first, last = words
    found = mend_drawn(chars, (units[first], units[last - 1]), (ends.places, places_of(last - 1)), size, is_odd)
    if found is not None:
        size[found.words] = found.size
        ends.head_low[1, found.words], ends.head_high[1, found.words] = found.head
        ends.tail_low[1, found.words], ends.tail_high[1, found.words] = found.tail


def _mended(chars: Chars, units: NDArray[np.uint16], places_of: _Places) -> tuple[NDArray[np.uint16], _Places]:
    """The text `units` of a page in reading order, and what gives the places of its characters in PDFium's list, as
    `places_of` does for `units`."""

    def upright_boxes(which: NDArray[np.intp]) -> NDArray[np.float32]:
        places = places_of(which)
        matrix = chars.matrices(places)
        is_upright = 2 * np.count_nonzero(matrix[:, 0] > 10 * np.abs(matrix[:, 1])) > len(which)
        return chars.boxes(places) if is_upright else np.zeros((len(which), 4), np.float32)

    source = without_stretch(units, lambda which: chars.boxes(places_of(which)))
    if source is None:
        ordered = in_reading_order(units, upright_boxes)
        if ordered is None:
            return units, places_of
        units, source = ordered
    else:
        units = units[source]
    return units, lambda which: places_of(source[which])


def _accented(chars: Chars, units: NDArray[np.uint16], places_of: _Places) -> tuple[NDArray[np.uint16], _Places]:
    """As `_mended`, with accents that stand over their letters joined with them."""
    found = with_accents(units, lambda which: chars.boxes(places_of(which)))
    if found is None:
        return units, places_of
    units, source = found
    return units, lambda which: places_of(source[which])


def _through(source: NDArray[np.intp], places_of: _Places) -> _Places:
    return lambda which: places_of(source[which])


def _same(which: NDArray[np.intp]) -> NDArray[np.intp]:
    return which


def _ends(chars: Chars, first: NDArray[np.intp], last: NDArray[np.intp], places_of: _Places) -> _Ends:
    places = places_of(np.concatenate((first, last - 1)))
    low, high = chars.corners(places)
    num = len(first)
    return _Ends(low[:, :num], high[:, :num], low[:, num:], high[:, num:], places[:num])


def _split(
    chars: Chars,
    words: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]],
    broken: NDArray[np.intp],
    places_of: _Places,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Start, end and line of the words, those at `broken` cut where PDFium has overlooked that a line ends."""
    first, last, line = words
    places: list[int] = []
    owners: list[int] = []
    for i in broken.tolist():
        inside = np.arange(first[i], last[i])
        boxes = chars.boxes(places_of(inside))
        overlap = np.minimum(boxes[1:, 3], boxes[:-1, 3]) - np.maximum(boxes[1:, 1], boxes[:-1, 1])
        cuts = np.flatnonzero(overlap < 0.3 * (boxes[1:, 3] - boxes[1:, 1])) + 1
        places += inside[cuts].tolist()
        owners += [i] * len(cuts)
    at = np.array(owners, np.intp) + 1
    new = np.array(places, np.intp)
    starts = np.insert(first, at, new)
    # A word now ends where the next part of it starts.
    ends = np.minimum(np.insert(last, at, last[at - 1]), np.append(starts[1:], last[-1]))
    return starts, ends, np.cumsum(np.insert(np.diff(line, prepend=0), at, 1))


def _widen(
    box: NDArray[np.float32],
    chars: Chars,
    words: tuple[NDArray[np.uint16], NDArray[np.intp], NDArray[np.intp]],
    places_of: _Places,
) -> None:
    """Make `box` that of all characters where a word is written in two directions.

    Arabic or Hebrew with a number or a foreign name joined to it turns within the word: its last character stands in
    its middle.
    """
    units, first, last = words
    leftward = _LEFTWARD.take(units)
    mixed = _num_of(leftward, first, last) * _num_of(_RIGHTWARD.take(units), first, last)
    for word in mixed.nonzero()[0].tolist():
        inside = np.arange(first[word], last[word])
        low, high = chars.corners(places_of(inside))
        drawn = (high > low).all(axis=0)
        if drawn.any():
            box[word] = *low[:, drawn].min(axis=1), *high[:, drawn].max(axis=1)


def _num_of(wanted: NDArray[np.bool_], first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.intp]:
    before = np.zeros(len(wanted) + 1, np.intp)
    np.cumsum(wanted, out=before[1:])
    return before[last] - before[first]


def _units(chars: Chars) -> NDArray[np.uint16] | None:
    """The page's text in UTF-16 units; None where there is none."""
    handle, start, count = chars.handle, 0, chars.count
    while start < count and _text_index(handle, start) < 0:
        start += 1
    if count <= start:
        return None
    while _text_index(handle, count - 1) < 0:
        count -= 1
    # What PDFium inserts makes the text longer than the list of characters, never by more than this.
    buffer = np.zeros(2 * count + 16, np.uint16)
    written = _get_text(handle, start, count - start, ctypes.c_void_p(buffer.ctypes.data))
    return buffer[: written - 1] if written > 1 else None


def _sizes_and_turns(
    chars: Chars, ends: _Ends, line: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.float32]]:
    """Size, direction and angle of words; PDFium is asked where the line or the height of the first letter changes."""
    num = len(line)
    height = ends.head_high[1] - ends.head_low[1]
    after = height[1:]
    changed = np.ones(num, bool)
    np.greater(np.abs(after - height[:-1]), 0.01 * after, out=changed[1:])
    changed[1:] |= line[1:] != line[:-1]
    places = ends.places[changed]
    changed[0] = False
    group = changed.cumsum()
    raw, matrix = chars.sizes(places), chars.matrices(places)
    if _are_upright(matrix, raw):
        # As on most pages.
        size = np.minimum(raw * np.abs(matrix[:, 3]), np.float32(1e5))
        return size[group], np.zeros(num, np.intp), np.zeros(num, np.float32)
    is_finite = bool(np.isfinite(matrix).all() and np.isfinite(raw).all())
    scale = np.hypot(matrix[:, 2], matrix[:, 3])
    if not is_finite:
        matrix, raw = np.nan_to_num(matrix), np.nan_to_num(raw)
        scale = np.ones(len(raw), np.float32)
    size = np.minimum(np.abs(raw * scale), np.float32(1e5))
    # Some programs write a negative font size or mirrored axes: the sign turns the text by half a turn.
    sign = np.where(raw < 0, -1.0, 1.0)
    angle = np.arctan2(matrix[:, 1] * sign, matrix[:, 0] * sign)
    quarters = angle * (2 / np.pi)
    turn = np.rint(quarters).astype(np.intp) % 4
    turn[np.abs(quarters - np.rint(quarters)) > _SLANT] = 4
    return size[group], turn[group], angle.astype(np.float32)[group]


def _are_upright(matrix: NDArray[np.float32], raw: NDArray[np.float32]) -> bool:
    """Whether all letters are upright: `matrix` (n x 6) and the font sizes before it are numbers, and turn nothing."""
    least_size, most_size = float(smallest(raw)), float(largest(raw))
    return (
        bool(smallest(matrix[:, 0]) > 0)
        and not np.count_nonzero(matrix[:, 1:3])
        and np.count_nonzero(np.isfinite(matrix)) == matrix.size
        and 0 < least_size <= most_size < inf
    )


def _stacked(
    ends: _Ends, length: NDArray[np.intp], size: NDArray[np.float32], turn: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Words of upright characters whose last one stands below the first."""
    up = (ends.tail_low[1] - ends.head_low[1]) + (ends.tail_high[1] - ends.head_high[1])
    found: NDArray[np.bool_] = up < -1.2 * size
    if np.count_nonzero(found):
        across = np.abs((ends.tail_low[0] - ends.head_low[0]) + (ends.tail_high[0] - ends.head_high[0])) / 2
        down = -up / 2
        found &= (length > 1) & (turn == 0) & ((down > 2 * across) | (down > 0.9 * size))
    return found


def _vertical(turn: NDArray[np.intp], stacked: NDArray[np.bool_], length: NDArray[np.intp]) -> NDArray[np.intp]:
    """`turn` with vertical writing counted as three quarters: its lines follow each other to the left.

    That is how text turned clockwise runs as well.
    """
    if not stacked.any():
        return turn
    alone = (length == 1) & (turn == 0)
    if 2 * stacked.sum() > len(turn) - alone.sum():
        stacked = stacked | alone
    return np.where(stacked, 3, turn)


def _decode(
    units: NDArray[np.uint16], first: NDArray[np.intp], last: NDArray[np.intp]
) -> tuple[str, NDArray[np.intp], NDArray[np.intp]]:
    """`units` as text, and the words' positions in it (pairs of surrogates become one character)."""
    text = units.tobytes().decode("utf-16-le", "surrogatepass")
    if len(text) == len(units):
        return text, first, last
    high = (units >= 0xD800) & (units < 0xDC00)
    low = (units >= 0xDC00) & (units < 0xE000)
    pair = np.zeros(len(units) + 1, np.intp)
    # A pair never follows half of another: decoders go from the left.
    pair[2:] = high[:-1] & low[1:]
    before = np.cumsum(pair)
    return text, first - before[first], last - before[last]


def _direction_tables() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each character: is it a letter of a script that runs to the left; is it a letter or digit that does not."""
    leftward, rightward = np.zeros(0x10000, bool), np.zeros(0x10000, bool)
    for start, end in ((0x5D0, 0x900), (0xFB1D, 0xFE00), (0xFE70, 0xFEFF)):
        leftward[start:end] = True
    for start, end in ((0x30, 0x3A), (0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x530), (0x660, 0x66A), (0x6F0, 0x6FA)):
        rightward[start:end] = True
    return leftward & ~rightward, rightward


_LEFTWARD, _RIGHTWARD = _direction_tables()


def bold_test(textpage: RawText, chars: list[int]) -> Callable[[int], bool]:
    """A test whether a word (its place in `chars`) is in bold, by the name of its font; needs `textpage` open."""
    buffer = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    raw = textpage.raw

    def is_bold(word: int) -> bool:
        char = chars[min(word, len(chars) - 1)]
        length = pdfium.FPDFText_GetFontInfo(raw, char, buffer, 128, flags)
        return bool(_BOLD.search(buffer.raw[: min(length, 128)]) or flags.value & _FORCE_BOLD)

    return is_bold
