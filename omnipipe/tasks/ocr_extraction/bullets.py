"""Bullets of lists, which the line detector overlooks: a single round or square spot left of a line, at half height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.tasks.ocr_extraction.lines import BULLET, FoundLine

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.picture import Image

# Lengths are in heights of the line's box, which is about 1.4 times as high as its letters.
_REACH = 3.2
"""How far left of the text a bullet stands at most."""
_GAP = 0.2
"""White between bullet and text at least: a letter that the box left out stands closer."""
_LEAST, _MOST = 0.12, 0.5
"""How wide and high a bullet is."""
_MIDDLE = (0.32, 0.68)
"""Where its middle lies: full stops stand lower, quotes higher."""
_ROUND = 1.6
"""How much longer than wide it is at most: dashes and strokes are longer."""
_FULL = 0.65
"""Share of its box that is ink: a disc has 0.79, most letters less than 0.6."""
_SPECK = 0.2
"""Share of a bullet's ink that noise beside it may have."""
_CONTRAST = 45
"""Steps of grey (of 255) by which a bullet is darker than the paper at least."""
_MAX_SLOPE = 0.06
_MAX_LINES = 400
"""Pages with more lines (maps, drawings, directories) are not looked at: each line is compared with each."""


class _Box(NamedTuple):
    x0: float
    y0: float
    x1: float
    y1: float


def with_bullets(image: Image, found: Sequence[FoundLine]) -> list[FoundLine]:
    """`found` with a bullet before the text of each line that has one; boxes stay those of the text."""
    if image.ndim != 2 or len(found) > _MAX_LINES:
        return list(found)
    boxes = [_box(line) for line in found]
    return [_with_bullet(image, line, box, boxes) for line, box in zip(found, boxes, strict=True)]


def _box(line: FoundLine) -> _Box:
    xs, ys = zip(*line.corners, strict=True)
    return _Box(min(xs), min(ys), max(xs), max(ys))


def _with_bullet(image: Image, line: FoundLine, box: _Box, boxes: Sequence[_Box]) -> FoundLine:
    (ax, ay), (bx, by), _, (_, dy) = line.corners
    height = dy - ay
    if not line.text[0].isalnum() or abs(by - ay) > _MAX_SLOPE * max(1.0, bx - ax) or not 0 < height < 0.5 * (bx - ax):
        return line
    # Beside its start, where a line that slopes is as high as it is.
    reach = _Box(max(0.0, box.x0 - _REACH * height), ay, box.x0 - _GAP * height * 0.5, dy)
    middle = (ay + dy) / 2
    # What stands left of the line is text already where another line is there.
    if any(o.x0 < reach.x1 and o.x1 > reach.x0 and o.y0 < middle < o.y1 for o in boxes if o is not box):
        return line
    return line._replace(text=f"{BULLET} {line.text}") if _has_spot(image, reach, height) else line


def _has_spot(image: Image, reach: _Box, height: float) -> bool:
    """Whether the only ink in `reach` is a spot as a bullet of a line of `height` is."""
    import cv2
    import numpy as np

    top = int(max(0.0, reach.y0))
    part = image[top : int(reach.y1), int(reach.x0) : int(reach.x1)]
    if min(part.shape) < 4:
        return False
    paper, darkest = float(np.median(part)), float(part.min())
    if paper - darkest < _CONTRAST:
        return False
    ink = (part < (paper + darkest) / 2).astype(np.uint8)
    num, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if num < 2:
        return False
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = int(areas.argmax())
    x, y, width, tall, area = (int(number) for number in stats[1 + largest])
    is_alone = int(areas.sum()) - area <= _SPECK * area
    is_sized = _LEAST * height <= min(width, tall) and max(width, tall) <= _MOST * height
    is_disc = max(width, tall) <= _ROUND * min(width, tall) and area >= _FULL * width * tall
    share = (top + y + tall / 2 - reach.y0) / height
    is_apart = x > 0 and x + width < part.shape[1] - _GAP * height * 0.5
    return is_alone and is_sized and is_disc and is_apart and _MIDDLE[0] <= share <= _MIDDLE[1]
