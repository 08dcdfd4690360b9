"""What is drawn in a picture of a table: the lines between its cells, and where the words of a line of OCR stand."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.tasks.layout_extraction.picodet import Image

    Floats = NDArray[np.float32]
    Mask = NDArray[np.uint8]

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the picture."""

_STROKE = 0.6
"""Heights of a line of text that what is drawn or written is thick at most."""
_DARKER = 28
"""Grey steps (0 to 255) below its paper from which a place is ink: lines are drawn thinner than a pixel."""
_WIDTH, _HEIGHT = 1.6, 1.35
"""Heights of a line of text that lines drawn across and down are long at least; no stroke of a letter is."""
_THICK = 0.45
"""Heights of a line of text that a drawn line is thick at most."""
_STEEP = 0.03
"""Pixels that a line may rise by for each one that it is long."""
_SLACK = 0.15
"""Share of its height that a box of OCR reaches above and below the text."""
_SPARSE = 0.06
"""Share of a line's height with ink in a column of pixels that is white all the same: specks, and rests of lines."""
_BLANK = 0.6
"""Widths of a letter that a blank is taken to be wide."""
_WIDE = 1.0
"""Heights of a line's text that are white between two cells, whatever its words are."""
_NEAR = 2.0
"""Widths of a letter by which a line is rather cut at a blank."""
_NARROW = frozenset(" .,:;'|!ijl()[]")
_UNLIKE = 3.0
"""Times that a letter of one word may be wider than those of its whole line."""


class Word(NamedTuple):
    """A word of a picture, and where it stands."""

    text: str
    box: Box


class Ink(NamedTuple):
    """The ink of a picture without its drawn lines (255 where there is some), and those lines as boxes (n, 4)."""

    letters: Mask
    lines: Floats


def find_ink(picture: Image, height: float) -> Ink:
    """The ink of `picture`, (rows, columns) grey or (rows, columns, 3) RGB, whose lines of text are `height` pixels
    high."""
    import cv2

    grey = picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    stroke = max(3, int(_STROKE * height))
    # What is dark and thin goes; the grounds of shaded cells stay.
    paper = np.asarray(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((stroke, stroke), np.uint8)), dtype=np.uint8)
    ink = np.where(cv2.subtract(paper, grey) > _DARKER, np.uint8(255), np.uint8(0))
    thick = max(2.0, _THICK * height)
    across, flat = _lines(ink, (max(8, int(_WIDTH * height)), 1), thick)
    down, steep = _lines(ink, (1, max(8, int(_HEIGHT * height))), thick)
    drawn = cv2.dilate(across | down, np.ones((3, 3), np.uint8))
    return Ink(ink & ~np.asarray(drawn, dtype=np.uint8), np.concatenate((flat, steep)))


def _lines(ink: Mask, size: tuple[int, int], thick: float) -> tuple[Mask, Floats]:
    """The straight strokes of `ink` at least `size` pixels (across, down) long: where they are, and their boxes."""
    import cv2

    is_across = size[0] > size[1]
    found = np.asarray(cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(size[::-1], np.uint8)), dtype=np.uint8)
    # A line of a scan is never quite level: it is found in steps, which meet at their corners.
    near = cv2.dilate(found, np.ones((1, 5) if is_across else (5, 1), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(np.asarray(near, dtype=np.uint8), connectivity=8)
    x, y, width, height, area = stats.T
    length, breadth = (width, height) if is_across else (height, width)
    kept = (area <= thick * length) & (breadth <= thick + _STEEP * length)
    kept[0] = False
    mask = np.where(kept[labels], found, np.uint8(0))
    boxes = np.stack((x, y, x + width, y + height), axis=1)[kept].astype(np.float32)
    return mask, boxes


def to_words(text: str, box: Box, ink: Ink) -> list[Word]:
    """The words of `text`, a line in `box`, each where its ink stands.

    The line is cut where a drawn line or a wide gap goes through it, and its words at the widest gaps between, where
    these agree with the lengths of the words; else by their lengths alone.
    """
    x0, top, x1, bottom = box
    slack = _SLACK * (bottom - top)
    left, top, bottom = max(0, int(x0)), top + slack, bottom - slack
    rows = ink.letters[max(0, int(top)) : max(0, int(bottom)) + 1, left : max(0, int(np.ceil(x1)))]
    full = np.flatnonzero((rows > 0).sum(axis=0) > _SPARSE * len(rows)) if rows.size else np.zeros(0, np.intp)
    if not len(full):
        return _by_length(text.split(), (x0, top, x1, bottom))
    full += left
    walls = walls_at(ink.lines, (top + bottom) / 2)
    apart = np.diff(full) > _WIDE * (bottom - top)
    apart |= np.searchsorted(walls, full[1:]) != np.searchsorted(walls, full[:-1])
    parts = [part for part in np.split(full, np.flatnonzero(apart) + 1) if len(part)]
    texts = _shared_out(text.strip(), [float(part[-1] - part[0] + 1) for part in parts])
    return [
        word for own, part in zip(texts, parts, strict=True) for word in _words_between(own.split(), part, top, bottom)
    ]


def walls_at(lines: Floats, y: float) -> Floats:
    """Where the drawn lines are that go down through the height `y`, from left to right."""
    is_down = lines[:, 3] - lines[:, 1] > lines[:, 2] - lines[:, 0]
    through = lines[is_down & (lines[:, 1] < y) & (lines[:, 3] > y)]
    return np.asarray(np.sort((through[:, 0] + through[:, 2]) / 2), dtype=np.float32)


def _shared_out(text: str, widths: Sequence[float]) -> list[str]:
    """`text` cut into parts that stand in `widths`, at blanks where there are some near by."""
    if len(widths) < 2:
        return [text]
    reach = np.cumsum([0.0, *map(_width, text)])
    blank = np.array([0.0, *(_NEAR * (char == " " or after == " ") for char, after in pairwise(text)), 0.0])
    places = np.cumsum(widths)[:-1] / sum(widths) * reach[-1]
    cuts = [0, *(int(np.argmin(np.abs(reach - place) - blank)) for place in places), len(text)]
    return [text[a : max(a, b)] for a, b in pairwise(np.maximum.accumulate(cuts).tolist())]


def _width(char: str) -> float:
    """How wide a character is, in widths of a letter."""
    if char in _NARROW:
        return 0.5
    return 2.0 if unicodedata.east_asian_width(char) in "WF" else 1.0


def _words_between(words: Sequence[str], full: NDArray[np.intp], top: float, bottom: float) -> list[Word]:
    """`words` in the columns of pixels `full`, which have ink."""
    left, right = float(full[0]), float(full[-1] + 1)
    if len(words) < 2:
        return [Word(word, (left, top, right, bottom)) for word in words]
    gaps = np.diff(full)
    widest = np.sort(np.argsort(-gaps, kind="stable")[: len(words) - 1])
    if len(widest) == len(words) - 1 and gaps[widest].min(initial=99) > 1:
        starts, ends = [left, *full[widest + 1].tolist()], [*(full[widest] + 1).tolist(), right]
        found = [Word(word, (float(a), top, float(b), bottom)) for word, a, b in zip(words, starts, ends, strict=True)]
        if _agree(found):
            return found
    return _by_length(words, (left, top, right, bottom))


def _agree(words: Sequence[Word]) -> bool:
    """Whether each word is about as wide as its letters are."""
    shares = [(sum(map(_width, text)), box[2] - box[0]) for text, box in words]
    letter = sum(width for _, width in shares) / sum(length for length, _ in shares)
    return all(length * letter < _UNLIKE * width and width < _UNLIKE * length * letter for length, width in shares)


def _by_length(words: Sequence[str], whole: Box) -> list[Word]:
    """`words` in a line that their letters and narrow blanks fill."""
    lengths = [sum(map(_width, word)) for word in words]
    letter = (whole[2] - whole[0]) / max(1.0, sum(lengths) + _BLANK * (len(words) - 1))
    found: list[Word] = []
    at = whole[0]
    for word, length in zip(words, lengths, strict=True):
        found.append(Word(word, (at, whole[1], at + length * letter, whole[3])))
        at += (length + _BLANK) * letter
    return found
