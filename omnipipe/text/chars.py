"""A page's characters and word boxes, fetched from PDFium with few and cheap calls.

Nothing here loops over characters in Python: the text comes in one buffer, and boxes only for the first and the last
character of a word.
"""

from __future__ import annotations

import ctypes
import re
from collections import deque
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from omnipipe.text.ligatures import mend_ligatures
from omnipipe.text.native import bare

if TYPE_CHECKING:
    from collections.abc import Callable

    import pypdfium2
    from numpy.typing import NDArray

Floats = "NDArray[np.float32]"
Ints = "NDArray[np.intp]"

HYPHEN = 0xFFFE
"""What PDFium writes for a hyphen at the end of a line; the rest of the word follows without a line break."""

_SLANT = 0.1
"""Text further than this many quarter turns (9 degrees) from the next one is slanted."""

_FIRST_VERTICAL = 0x2E80
"""Scripts that are written from top to bottom start here."""

_BOLD = re.compile(rb"bold|black|heavy|demi|CMBX|SFBX", re.IGNORECASE)
_FORCE_BOLD = 1 << 18

_P = ctypes.c_void_p

_CHUNK = 1024
_WIDTH = 8
_scratch = np.zeros((_CHUNK, _WIDTH), np.float32)
_rows = [_P(_scratch.ctypes.data + 4 * _WIDTH * i) for i in range(_CHUNK)]
"""Where PDFium writes; the pointers are made once, which is half of a call's cost."""


_loose_box = bare(pdfium.FPDFText_GetLooseCharBox, None)
_matrix = bare(pdfium.FPDFText_GetMatrix, None)
_font_size = bare(pdfium.FPDFText_GetFontSize, ctypes.c_double)
_char_index = bare(pdfium.FPDFText_GetCharIndexFromTextIndex, ctypes.c_int)
_text_index = bare(pdfium.FPDFText_GetTextIndexFromCharIndex, ctypes.c_int)
_get_text = bare(pdfium.FPDFText_GetText, ctypes.c_int)


class Words(NamedTuple):
    """The words of a page in the order of its content; arrays of one length.

    `text` is the page's whole text, `first` and `last` (exclusive) cut the words out of it, `line` counts PDFium's
    lines. `box` (n x 4) is left, bottom, right, top in points of the unturned page, `size` the font size in points as
    drawn, `turn` the direction of the text in quarter turns counter-clockwise (4: between two of them), `angle` the
    same in radians. `char` is the index of the first character in PDFium's list, `objects` the addresses of the text
    objects that words belong to (0: unknown; empty: not asked for). `num_overdrawn` words more stand where the same one
    stands already.
    """

    text: str
    units: NDArray[np.uint16]
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    line: NDArray[np.intp]
    box: NDArray[np.float32]
    size: NDArray[np.float32]
    turn: NDArray[np.intp]
    char: list[int]
    angle: NDArray[np.float32]
    objects: NDArray[np.uint64] = np.zeros(0, np.uint64)
    num_overdrawn: int = 0


class _Ends(NamedTuple):
    """Boxes of the first and last characters of words, and the place of the first in PDFium's list."""

    heads: NDArray[np.float32]
    tails: NDArray[np.float32]
    chars: list[int]


def read_words(textpage: pypdfium2.PdfTextPage) -> Words | None:
    """The words of `textpage`; None where it has no visible character."""
    handle = ctypes.cast(textpage.raw, _P)
    num_chars = pdfium.FPDFText_CountChars(textpage.raw)
    units = _units(handle, num_chars)
    if units is None:
        return None
    first, last, line = _cut(units)
    if not len(first):
        return None
    is_mapped = len(units) != num_chars
    ends = _ends(handle, first, last, is_mapped)
    size, turn, angle = _sizes_and_turns(handle, ends, line)
    stacked = _stacked(ends, last - first, size, turn)
    broken = stacked & (units[first] < _FIRST_VERTICAL)
    if broken.any():
        first, last, line = _split(handle, (first, last, line), np.flatnonzero(broken), is_mapped)
        ends = _ends(handle, first, last, is_mapped)
        size, turn, angle = _sizes_and_turns(handle, ends, line)
        stacked = _stacked(ends, last - first, size, turn) & (units[first] >= _FIRST_VERTICAL)
    turn = _vertical(turn, stacked, last - first)
    box = np.concatenate((np.minimum(ends.heads, ends.tails)[:, :2], np.maximum(ends.heads, ends.tails)[:, 2:]), axis=1)
    text, first, last = _decode(units, first, last)
    if "ل" in text and len(text) == len(units):
        text = mend_ligatures(text, lambda places: char_boxes(handle, [_char_index(handle, i) for i in places]))
    return Words(text, units, first, last, line, box, size, turn, ends.chars, angle)


def _ends(handle: ctypes.c_void_p, first: NDArray[np.intp], last: NDArray[np.intp], is_mapped: bool) -> _Ends:
    indices = np.concatenate((first, last - 1)).tolist()
    if is_mapped:
        indices = [_char_index(handle, i) for i in indices]
    boxes = char_boxes(handle, indices)
    return _Ends(boxes[: len(first)], boxes[len(first) :], indices[: len(first)])


def char_boxes(handle: ctypes.c_void_p, indices: list[int]) -> NDArray[np.float32]:
    """Left, bottom, right and top of characters, in points; `indices` are those of PDFium's list."""
    # FS_RECTF is left, top, right, bottom.
    raw = _fetch(_loose_box, handle, indices, 4)
    boxes = np.empty_like(raw)
    np.minimum(raw[:, :2], raw[:, 2:], out=boxes[:, :2])
    np.maximum(raw[:, :2], raw[:, 2:], out=boxes[:, 2:])
    if not np.isfinite(boxes).all():
        boxes = np.nan_to_num(boxes, nan=0.0, posinf=0.0, neginf=0.0)
    return boxes


def _split(
    handle: ctypes.c_void_p,
    words: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]],
    broken: NDArray[np.intp],
    is_mapped: bool,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Start, end and line of the words, those at `broken` cut where PDFium has overlooked that a line ends."""
    first, last, line = words
    places: list[int] = []
    owners: list[int] = []
    for i in broken.tolist():
        inside = list(range(int(first[i]), int(last[i])))
        boxes = char_boxes(handle, [_char_index(handle, c) for c in inside] if is_mapped else inside)
        overlap = np.minimum(boxes[1:, 3], boxes[:-1, 3]) - np.maximum(boxes[1:, 1], boxes[:-1, 1])
        cuts = np.flatnonzero(overlap < 0.3 * (boxes[1:, 3] - boxes[1:, 1])) + 1
        places += [inside[cut] for cut in cuts.tolist()]
        owners += [i] * len(cuts)
    at = np.array(owners, np.intp) + 1
    new = np.array(places, np.intp)
    starts = np.insert(first, at, new)
    # A word now ends where the next part of it starts.
    ends = np.minimum(np.insert(last, at, last[at - 1]), np.append(starts[1:], last[-1]))
    return starts, ends, np.cumsum(np.insert(np.diff(line, prepend=0), at, 1))


def _units(handle: ctypes.c_void_p, count: int) -> NDArray[np.uint16] | None:
    """The page's text in UTF-16 units; None where there is none."""
    start = 0
    while start < count and _text_index(handle, start) < 0:
        start += 1
    if count <= start:
        return None
    while _text_index(handle, count - 1) < 0:
        count -= 1
    # What PDFium inserts makes the text longer than the list of characters, never by more than this.
    buffer = np.zeros(2 * count + 16, np.uint16)
    written = _get_text(handle, start, count - start, _P(buffer.ctypes.data))
    return buffer[: written - 1] if written > 1 else None


def _cut(units: NDArray[np.uint16]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Start, end (exclusive) and line number of each word."""
    gap = _SPACE.take(units.astype(np.intp))
    hyphen = units == HYPHEN
    before = np.empty(len(units), bool)
    before[0] = True
    np.logical_or(gap[:-1], hyphen[:-1], out=before[1:])
    visible = ~gap
    first = (before & visible).nonzero()[0]
    after = np.empty(len(units), bool)
    after[-1] = True
    np.copyto(after[:-1], gap[1:])
    after |= hyphen
    last = (after & visible).nonzero()[0] + 1
    ends = ((units == 10) | hyphen).nonzero()[0]
    return first, last, ends.searchsorted(first, side="right")


def _fetch(
    function: Callable[..., Any], handle: ctypes.c_void_p, indices: list[int], width: int
) -> NDArray[np.float32]:
    """What `function` writes for each character: rows of `width` floats."""
    rows = np.empty((len(indices), width), np.float32)
    for start in range(0, len(indices), _CHUNK):
        part = indices[start : start + _CHUNK]
        # What PDFium knows nothing of it leaves as it was.
        _scratch[: len(part)] = 0
        deque(map(function, repeat(handle), part, _rows), maxlen=0)
        rows[start : start + len(part)] = _scratch[: len(part), :width]
    return rows


def _sizes_and_turns(
    handle: ctypes.c_void_p, ends: _Ends, line: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.float32]]:
    """Size, direction and angle of words; PDFium is asked where the line or the height of the first letter changes."""
    every = ends.chars
    height = ends.heads[:, 3] - ends.heads[:, 1]
    changed = np.ones(len(every), bool)
    changed[1:] = (line[1:] != line[:-1]) | (np.abs(height[1:] - height[:-1]) > 0.01 * height[1:])
    chars = [every[i] for i in np.flatnonzero(changed).tolist()]
    group = np.cumsum(changed) - 1
    matrix = _fetch(_matrix, handle, chars, 6)
    raw = np.fromiter(map(_font_size, repeat(handle), chars), np.float32, len(chars))
    is_finite = bool(np.isfinite(matrix).all() and np.isfinite(raw).all())
    if is_finite and not matrix[:, 1:3].any() and (matrix[:, 0] > 0).all() and (raw > 0).all():
        # Upright letters, as on most pages.
        size = np.minimum(raw * np.abs(matrix[:, 3]), np.float32(1e5))
        return size[group], np.zeros(len(every), np.intp), np.zeros(len(every), np.float32)
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


def _stacked(
    ends: _Ends, length: NDArray[np.intp], size: NDArray[np.float32], turn: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Words of upright characters whose last one stands below the first."""
    shift = ends.tails - ends.heads
    down = -(shift[:, 1] + shift[:, 3]) / 2
    across = np.abs(shift[:, 0] + shift[:, 2]) / 2
    found: NDArray[np.bool_] = (
        (length > 1) & (turn == 0) & (down > 0.6 * size) & ((down > 2 * across) | (down > 0.9 * size))
    )
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


def _space_table() -> NDArray[np.bool_]:
    table = np.zeros(0x10000, bool)
    table[[9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]] = True
    table[0x2000:0x200C] = True
    return table


_SPACE = _space_table()


def bold_test(textpage: pypdfium2.PdfTextPage, chars: list[int]) -> Callable[[int], bool]:
    """A test whether a word (its place in `chars`) is in bold, by the name of its font; needs `textpage` open."""
    buffer = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    raw = textpage.raw

    def is_bold(word: int) -> bool:
        char = chars[min(word, len(chars) - 1)]
        length = pdfium.FPDFText_GetFontInfo(raw, char, buffer, 128, flags)
        return bool(_BOLD.search(buffer.raw[: min(length, 128)]) or flags.value & _FORCE_BOLD)

    return is_bold
