"""Rows of dots that lead from an entry to its number, in contents, indexes and price lists: the line detector sees the
two ends as lines of their own, and a list of such entries as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from omnipipe.tasks.ocr_extraction.entries import is_number
from omnipipe.tasks.ocr_extraction.lines import FoundLine, Quad

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.picture import Image

_READ_AS = {".": 1, "·": 1, "…": 3}
"""Dots that a sign stands for."""
_DOTS = " .·…"
# Lengths are in heights of the line's box, which is about 1.4 times as high as its letters.
_LEVEL = 0.5
"""How far the ends of a row of dots are off the level at most."""
_REACH = 40.0
"""How long a row of dots is at most."""
_PITCH = 1.3
"""How far the dots stand from one another at most."""
_DOT = 0.3
"""How wide and high a dot is at most."""
_EVEN = 0.25
"""How much higher one dot of a row may stand than another: specks stand anywhere."""
_ENOUGH = 3
"""Dots that lead somewhere."""
_CONTRAST = 30
"""Steps of grey (of 255) by which dots are darker than the paper at least."""
_MAX_LINES = 400
"""Pages with more lines (maps, drawings, directories) are not looked at: each line is compared with each."""


def with_leaders(found: Sequence[FoundLine], cut: Callable[[Quad], Image]) -> list[FoundLine]:
    """`found` with the two ends of each row of dots as one line; `cut` gives the picture in four corners, level."""
    if len(found) > _MAX_LINES:
        return list(found)
    ends: dict[int, int] = {}
    for number, line in enumerate(found):
        if not is_number(line.text.lstrip(_DOTS)):
            continue
        label = _beside(number, found, -1)
        after = _beside(number, found, 1)
        # Dots lead to the first of several numbers in a table, whose rows stay rows of cells.
        if label is None or (after is not None and is_number(found[after].text.lstrip(_DOTS))):
            continue
        if label not in ends and any(map(str.isalpha, found[label].text)) and _is_led(found[label], line, cut):
            ends[label] = number
    taken = {*ends.values()}
    return [
        _joined(line, found[ends[number]]) if number in ends else line
        for number, line in enumerate(found)
        if number not in taken
    ]


def _beside(number: int, found: Sequence[FoundLine], side: int) -> int | None:
    """The next line to the left (`side` -1) or right (1) of line `number` that is level with it."""
    own = found[number].corners
    best: tuple[float, int] | None = None
    for index, other in enumerate(found):
        first, second = (other.corners, own) if side < 0 else (own, other.corners)
        (_, end, foot, _), (start, _, _, base) = first, second
        gap = start[0] - end[0]
        height = max(foot[1] - end[1], base[1] - start[1])
        is_level = abs(start[1] + base[1] - end[1] - foot[1]) < 2 * _LEVEL * height
        if index != number and is_level and -0.5 * height < gap < _REACH * height and (best is None or gap < best[0]):
            best = gap, index
    return best[1] if best else None


def _is_led(label: FoundLine, number: FoundLine, cut: Callable[[Quad], Image]) -> bool:
    """Whether a row of dots and nothing else is between the two."""
    (_, end, foot, _), (start, _, _, base) = label.corners, number.corners
    read = label.text[len(label.text.rstrip(_DOTS)) :] + number.text[: -len(number.text.lstrip(_DOTS))]
    dots = sum(_READ_AS.get(sign, 0) for sign in read)
    height = foot[1] - end[1]
    if height > 0 and start[0] - end[0] > 0.5 * height:
        dots += _num_dots(cut((end, start, base, foot)), height)
    return dots >= _ENOUGH


def _num_dots(strip: Image, height: float) -> int:
    """The dots in `strip`, 0 where they are no row or there is something else."""
    import cv2
    import numpy as np

    grey = strip if strip.ndim == 2 else strip[:, :, 1]
    paper, darkest = float(np.median(grey)), float(grey.min(initial=255))
    if paper - darkest < _CONTRAST:
        return 0
    ink = (grey < (paper + darkest) / 2).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    # What is cut through at the ends is a letter's edge.
    inner = (stats[:, 0] > 0) & (stats[:, 0] + stats[:, 2] < grey.shape[1])
    inner[0] = False
    x, y, across, down, _ = stats[inner].T
    if len(x) == 0 or max(across.max(), down.max()) > max(2.0, _DOT * height) or np.ptp(y + down / 2) > _EVEN * height:
        return 0
    steps = np.diff(np.sort(np.array([0, *x.tolist(), grey.shape[1]])))
    return len(x) if steps.max() <= _PITCH * height else 0


def _joined(label: FoundLine, number: FoundLine) -> FoundLine:
    (a, _, _, d), (_, b, c, _) = label.corners, number.corners
    text = f"{label.text.rstrip(_DOTS)} ... {number.text.lstrip(_DOTS)}"
    shares = len(label.text), len(number.text)
    confidence = (label.confidence * shares[0] + number.confidence * shares[1]) / sum(shares)
    return FoundLine(text, confidence, (a, b, c, d), label.doubtful + number.doubtful)
