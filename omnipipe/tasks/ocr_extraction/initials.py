"""Initials: the large first letter of a text beside its first lines, which the line detector overlooks or takes for a
line of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnipipe.page import Box
    from omnipipe.tasks.ocr_extraction.lines import FoundLine
    from omnipipe.tasks.ocr_extraction.picture import Image
    from omnipipe.tasks.ocr_extraction.recognition import Reading

# Lengths are in heights of the line's box, which is about 1.4 times as high as its letters.
_EVEN = 0.7
"""How far apart lines begin that stand beside one initial."""
_IN, _FAR_IN = 0.9, 6.0
"""How far such lines are set in."""
_PITCH = 1.5
"""From one line to the next at most."""
_MOST_LINES = 5
_WIDE = 8.0
"""How wide the first line is at least."""
_HIGH = 0.5
"""Share of the height of where it is looked for that an initial is high at least."""
_ALONE = 0.85
"""Share of the ink beside the lines that is the initial's at least."""
_CONTRAST = 45
"""Steps of grey (of 255) by which it is darker than the paper at least."""
_LARGER = 1.4
"""Times as high as theirs the box of an initial is that was found as a line of its own."""
_SURE = 0.8
"""How sure a reading of it must be."""
_SLACK = 0.5
"""By how much the boxes of its lines may reach over it."""
_MAX_LINES = 400
"""Pages with more lines (maps, directories) are not looked at: each line is compared with each."""
_WORD_OF_ITS_OWN = re.compile(r"(?!(?:[fnst]|[nmr]\w+)\b)\w", re.IGNORECASE)
"""What follows an I that is a word: other letters than those of It, In, Is, If, Into, Imagine, Iron."""


def with_initials(image: Image, found: Sequence[FoundLine], read: Callable[[Image], Reading]) -> list[FoundLine]:
    """`found` with its initial before the first line of each text that has one; boxes stay those of the text.

    `read` reads the picture of a letter.
    """
    if image.ndim != 2 or len(found) > _MAX_LINES:
        return list(found)
    boxes = [_box(line) for line in found]
    made: dict[int, FoundLine] = dict(enumerate(found))
    for index, line in enumerate(found):
        place = _beside(index, boxes) if line.text[0].isalpha() else None
        if place is None:
            continue
        inside = [at for at, box in enumerate(boxes) if at != index and _is_inside(box, place)]
        if inside and not (len(inside) == 1 and _is_large(found[inside[0]], boxes[inside[0]], boxes[index])):
            continue
        letter = made.pop(inside[0]).text if inside else _letter(image, place, read)
        if letter:
            blank = " " if letter == "I" and _WORD_OF_ITS_OWN.match(line.text) else ""
            made[index] = line._replace(text=f"{letter}{blank}{line.text}")
    return [made[index] for index in sorted(made)]


def _is_large(line: FoundLine, box: Box, beside: Box) -> bool:
    """Whether a line is one capital larger than the text beside it: the letters that count answers are not."""
    return _is_initial(line.text) and box[3] - box[1] > _LARGER * (beside[3] - beside[1])


def _is_initial(text: str) -> bool:
    return len(text) == 1 and text.isalpha() and text.isupper()


def _is_inside(box: Box, place: Box) -> bool:
    """Whether the middle of a line's box is in `place`."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return place[0] < x < place[2] and place[1] < y < place[3]


def _box(line: FoundLine) -> Box:
    xs, ys = zip(*line.corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _beside(index: int, boxes: Sequence[Box]) -> Box | None:
    """Where the initial would be of a text that begins with the line at `index`: left of its first lines, above the
    next one; None where no line is set out below."""
    first = boxes[index]
    height = first[3] - first[1]
    if first[2] - first[0] < _WIDE * height or any(_is_next(box, first, height) for box in boxes):
        return None
    last = first
    for _ in range(_MOST_LINES):
        below = [
            box
            for box in boxes
            if 0.4 * height < box[1] - last[1] < _PITCH * height and first[0] - _FAR_IN * height < box[0] < first[2]
        ]
        if not below:
            return None
        line = min(below, key=lambda box: box[1])
        if first[0] - line[0] > _IN * height:
            bottom = max(last[3], line[1] + 0.2 * height)
            place = (line[0] - 0.3 * height, first[1] - 0.5 * height, first[0] + _SLACK * height, bottom)
            is_set_in = last is not first and line[2] > first[0] + _WIDE * height / 2
            return place if is_set_in else None
        if abs(line[0] - first[0]) > _EVEN * height:
            return None
        last = line
    return None


def _is_next(above: Box, box: Box, height: float) -> bool:
    """Whether a line goes on below another one, beginning where that does."""
    return 0.4 * height < box[1] - above[1] < _PITCH * height and abs(box[0] - above[0]) < _EVEN * height


def _letter(image: Image, place: Box, read: Callable[[Image], Reading]) -> str:
    """The capital that is nearly all the ink at `place`; empty where there is none."""
    import cv2
    import numpy as np

    x0, y0, x1, y1 = (max(0, int(value)) for value in place)
    part = image[y0:y1, x0:x1]
    if min(part.shape) < 8:
        return ""
    paper, darkest = float(np.percentile(part, 90)), float(part.min())
    if paper - darkest < _CONTRAST:
        return ""
    ink = (part < (paper + darkest) / 2).astype(np.uint8)
    num, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if num < 2:
        return ""
    # Letters of the lines themselves reach in from the right.
    inner = stats[1:][stats[1:, cv2.CC_STAT_LEFT] + stats[1:, cv2.CC_STAT_WIDTH] < part.shape[1]]
    if not len(inner):
        return ""
    areas = inner[:, cv2.CC_STAT_AREA]
    x, y, width, high, area = (int(number) for number in inner[int(areas.argmax())])
    if area < _ALONE * int(areas.sum()) or high < _HIGH * part.shape[0] or y + high >= part.shape[0]:
        return ""
    edge = max(2, high // 8)
    framed: Image = np.full((high + 2 * edge, width + 2 * edge), paper, dtype=np.uint8)
    framed[edge:-edge, edge:-edge] = part[y : y + high, x : x + width]
    reading = read(framed)
    return reading.text if _is_initial(reading.text) and reading.confidence >= _SURE else ""
