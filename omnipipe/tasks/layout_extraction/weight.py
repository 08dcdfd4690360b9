"""How heavy the letters of lines are in the picture: bold ones have wider strokes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omnipipe.page import Box

if TYPE_CHECKING:
    from omnipipe.tasks.layout_extraction.picodet import Image

_FAINT = 50
"""Grey (of 255) by which what is no ink differs from white paper at most."""
_PAPER = 190
"""Grey (0 to 255) that the paper around a line has at least: on darker one strokes and paper are not told apart."""
_MIN_SIDE = 4


def stroke_widths(image: Image, boxes: Sequence[Box]) -> list[float | None]:
    """The mean width in pixels of the strokes in each of `boxes` (shares of `image`, dark on white); None if unknown.

    Twice the ink by the steps from paper to ink and back along the rows: each stroke has two, however blurred.
    """
    import cv2
    import numpy as np

    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    ink = 255 - _FAINT - np.minimum(np.asarray(grey, dtype=np.uint8), 255 - _FAINT)
    steps = cv2.absdiff(ink[:, 1:], ink[:, :-1])
    height, width = grey.shape
    found: list[float | None] = []
    for x0, y0, x1, y1 in boxes:
        rows = slice(max(0, int(y0 * height)), max(0, int(y1 * height) + 1))
        columns = slice(max(0, int(x0 * width)), max(0, int(x1 * width)))
        part = grey[rows, columns]
        if min(part.shape) < _MIN_SIDE or np.median(part[::3, ::3]) < _PAPER:
            found.append(None)
            continue
        edges = cv2.sumElems(steps[rows, columns])[0]
        found.append(2 * cv2.sumElems(ink[rows, columns])[0] / edges if edges else None)
    return found
