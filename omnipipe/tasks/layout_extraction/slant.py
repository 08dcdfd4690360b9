"""How far the text of a page is off the level, and boxes and pictures turned by that."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnipipe.page import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from omnipipe.tasks.layout_extraction.picodet import Image

_MOST = 6.0
"""Degrees that are looked for: what lies more askew is no page in a scanner."""
_LEAST = 0.3
"""Degrees from which it matters."""
_GAIN = 1.05
"""Times sharper that the rows of a page are at its slant than level."""
_SOLID = 0.016
"""Share of the page's height; what is dark over more of it at one place is no line of text."""
_POINTS = 60_000
_SIDE = 900
"""Pixels of the longer side of the reduced picture."""


@dataclass(frozen=True, slots=True)
class Slant:
    """A turn about the middle of a page of `width` x `height` pixels by `degrees`, clockwise positive."""

    degrees: float
    width: int
    height: int

    def level(self, box: Box) -> Box:
        """The box of a line as it is once the page is straight; `box` (shares) encloses the slanted line."""
        radians = math.radians(self.degrees)
        sine, cosine = abs(math.sin(radians)), math.cos(radians)
        across, down = (box[2] - box[0]) * self.width, (box[3] - box[1]) * self.height
        spread = cosine * cosine - sine * sine
        # A long line that is slanted needs a high box; a short one hardly a higher one.
        wide = max(0.5 * across, (across * cosine - down * sine) / spread)
        high = max(0.25 * down, (down * cosine - across * sine) / spread)
        return self._around(box, -radians, min(wide, across), min(high, down))

    def slanted(self, box: Box) -> Box:
        """The box (shares) of the page as it is, of one of the straight page: both have the same middle and size."""
        across, down = (box[2] - box[0]) * self.width, (box[3] - box[1]) * self.height
        return self._around(box, math.radians(self.degrees), across, down)

    def _around(self, box: Box, radians: float, across: float, down: float) -> Box:
        x = (box[0] + box[2] - 1) / 2 * self.width
        y = (box[1] + box[3] - 1) / 2 * self.height
        sine, cosine = math.sin(radians), math.cos(radians)
        middle_x, middle_y = x * cosine - y * sine + self.width / 2, x * sine + y * cosine + self.height / 2
        return (
            _share((middle_x - across / 2) / self.width),
            _share((middle_y - down / 2) / self.height),
            _share((middle_x + across / 2) / self.width),
            _share((middle_y + down / 2) / self.height),
        )


def find_slant(image: Image) -> float:
    """The degrees, clockwise positive, by which the rows of `image` (grey or RGB) are off the level; 0 in doubt.

    The rows of a page are sharpest seen along them: the sum of squares of the ink in each row is largest there.
    """
    import numpy as np

    points = _ink(image)
    if points is None:
        return 0.0

    def sharpness(degrees: float) -> float:
        rows = points[0] - points[1] * math.tan(math.radians(degrees))
        counts = np.bincount((rows - rows.min()).astype(np.intp))
        return float((counts.astype(np.float64) ** 2).sum())

    best = _best(sharpness, [step / 2 for step in range(int(-2 * _MOST), int(2 * _MOST) + 1)])
    best = _best(sharpness, [best + step / 10 for step in range(-4, 5)])
    if abs(best) < _LEAST or abs(best) >= _MOST or sharpness(best) < _GAIN * sharpness(0.0):
        return 0.0
    return best


def straightened(image: Image, degrees: float) -> Image:
    """`image` turned about its middle by `degrees` against the clock, as large as it was; corners are paper."""
    import cv2
    import numpy as np

    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    paper = float(np.median(image[:: max(1, height // 200), :: max(1, width // 200)]))
    border = (paper,) * (1 if image.ndim == 2 else 3)
    turned = cv2.warpAffine(image, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=border)
    return np.asarray(turned, dtype=np.uint8)


def _best(sharpness: Callable[[float], float], angles: Sequence[float]) -> float:
    return max(angles, key=sharpness)


def _ink(image: Image) -> NDArray[np.float32] | None:
    """Rows and columns of dark pixels of the reduced picture, (2, n); None where there are too few or too many."""
    import numpy as np

    step = max(1, max(image.shape[:2]) // _SIDE)
    grey = image if image.ndim == 2 else image[:, :, 1]
    # Rows are thinned out by their darkest pixel: letters are thinner than a step.
    height, width = (side // step * step for side in grey.shape)
    small = grey[:height, :width].reshape(height // step, step, width // step, step).min(axis=(1, 3))
    dark = small < 0.6 * np.median(small)
    if not 0.002 < dark.mean() < 0.4:
        return None
    points = np.argwhere(dark & ~_solid(dark)).T.astype(np.float32)
    if not points.size:
        return None
    return points[:, :: max(1, points.shape[1] // _POINTS)]


def _solid(dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Dark areas higher than lines of text, as the black around a page on a scanner's glass: they lie level always."""
    import cv2
    import numpy as np

    high = max(3, round(_SOLID * dark.shape[0]))
    column = np.ones((high, 1), np.uint8)
    opened = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, column, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(opened, dtype=bool)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
