"""What is drawn in a picture of a table: the lines between its cells, and where the words of a line of OCR stand."""

from __future__ import annotations

from collections.abc import Sequence
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
_LENGTH = 1.6
"""Heights of a line of text that a drawn line is long at least; no stroke of a letter is."""
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
_UNLIKE = 3.0
"""Times that a letter of one word may be wider than those of its whole line."""


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
    length, thick = max(8, int(_LENGTH * height)), max(2.0, _THICK * height)
    across, flat = _lines(ink, (length, 1), thick)
    down, steep = _lines(ink, (1, length), thick)
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


def word_boxes(text: str, box: Box, letters: Mask) -> list[Box]:
    """Boxes of the words of `text`, a line in `box`: parted at the widest gaps of the ink `letters`, where these agree
    with the lengths of the words, else by their lengths alone."""
    words = text.split()
    x0, top, x1, bottom = box
    slack = _SLACK * (bottom - top)
    top, bottom = top + slack, bottom - slack
    rows = letters[max(0, int(top)) : max(0, int(bottom)) + 1, max(0, int(x0)) : max(0, int(np.ceil(x1)))]
    full = np.flatnonzero((rows > 0).sum(axis=0) > _SPARSE * len(rows)) if rows.size else np.zeros(0, np.intp)
    if not len(full):
        return _by_length(words, (x0, top, x1, bottom))
    left, right = max(0, int(x0)) + int(full[0]), max(0, int(x0)) + int(full[-1]) + 1
    whole: Box = (float(left), top, float(right), bottom)
    if len(words) < 2:
        return [whole]
    gaps = np.diff(full)
    widest = np.sort(np.argsort(-gaps, kind="stable")[: len(words) - 1])
    if len(widest) == len(words) - 1 and gaps[widest].min(initial=99) > 1:
        starts = [left, *(left + (full[widest + 1] - full[0])).tolist()]
        ends = [*(left + (full[widest] - full[0]) + 1).tolist(), right]
        found: list[Box] = [(float(a), top, float(b), bottom) for a, b in zip(starts, ends, strict=True)]
        if _agree(words, found):
            return found
    return _by_length(words, whole)


def _agree(words: Sequence[str], boxes: Sequence[Box]) -> bool:
    """Whether each word is about as wide as its letters are."""
    widths = [box[2] - box[0] for box in boxes]
    letter = sum(widths) / sum(map(len, words))
    return all(
        len(w) * letter < _UNLIKE * x and x < _UNLIKE * len(w) * letter for w, x in zip(words, widths, strict=True)
    )


def _by_length(words: Sequence[str], whole: Box) -> list[Box]:
    """Boxes of `words` in a line of letters of one width, with narrower blanks."""
    letter = (whole[2] - whole[0]) / max(1.0, sum(map(len, words)) + _BLANK * (len(words) - 1))
    found: list[Box] = []
    at = whole[0]
    for word in words:
        found.append((at, whole[1], at + len(word) * letter, whole[3]))
        at = found[-1][2] + _BLANK * letter
    return found
