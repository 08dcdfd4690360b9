"""The straight lines that are printed on a page, found in its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnipipe.text.lines.rulings import Rulings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from omnipipe.tasks.layout_extraction.picodet import Image

_FAINT = 0.15
"""Of the grey of paper: hairlines in blurred and small pictures are darker than it by so much, all along."""
_LONG, _HIGH = 0.2, 0.03
"""Shares of the page's width and height that an unbroken line across and down takes at least."""
_THIN = 0.006
"""Share of the page's height: a line that lies a little askew, with its blur, is no thicker."""
_APART = 0.03
"""Share of the page's width between two parts of one line, at most."""


def find_rules(image: Image) -> Rulings:
    """The lines of a straight page, dark on light: in shares of its height, across as well as down."""
    import cv2
    import numpy as np

    grey = image if image.ndim == 2 else cv2.extractChannel(image, 1)
    height, width = grey.shape
    paper = np.uint8(np.median(grey[::8, ::8]))
    ink = paper - np.minimum(np.asarray(grey, dtype=np.uint8), paper)
    least = max(1, round(_FAINT * paper))
    long, high = max(3, round(_LONG * width)), max(3, round(_HIGH * height))
    # What is left of a line is its middle: its pixels with ink to both sides over half the least length.
    across = cv2.erode(ink, np.ones((1, long), np.uint8)) >= least
    down = cv2.erode(ink, np.ones((high, 1), np.uint8)) >= least
    return Rulings(_lines(across, long, (height, width)), _lines(down.T, high, (height, width)))


def _lines(middles: NDArray[np.bool_], long: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """The thin lines along the rows of `middles`, which lack half of `long` at either end: place, start and end, in
    shares of the page's height, sorted by place. `size` is the page's height and width."""
    import numpy as np

    height, width = size
    found = []
    for first, last in _runs(np.logical_or.reduce(middles, axis=1), 1):
        if last - first > max(2.0, _THIN * height):
            continue
        parts = _runs(np.logical_or.reduce(middles[first:last], axis=0), long + _APART * width)
        found += [((first + last) / 2, start - long / 2, end + long / 2) for start, end in parts]
    lines: NDArray[np.float32] = np.array(found, np.float32).reshape(-1, 3) / np.float32(height)
    return lines


def _runs(flags: NDArray[np.bool_], most: float) -> list[tuple[int, int]]:
    """Where runs of true values start and end, those that are at most so far apart joined."""
    runs: list[tuple[int, int]] = []
    for at in flags.nonzero()[0].tolist():
        if runs and at - runs[-1][1] < most:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return runs
