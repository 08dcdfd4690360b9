"""The picture of a page around some of its words, to see whether anything is drawn where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pypdfium2
    from numpy.typing import NDArray

_MAX_SIDE = 1000


class Picture(NamedTuple):
    """A part of a page in grey (0 to 255; rows x columns), and the boxes asked for in pixels of it."""

    grey: NDArray[np.uint8]
    left: NDArray[np.intp]
    top: NDArray[np.intp]
    right: NDArray[np.intp]
    bottom: NDArray[np.intp]


def picture_of(
    page: pypdfium2.PdfPage,
    around: tuple[float, float, float, float],
    boxes: NDArray[np.float32],
    inset: tuple[float, float],
) -> Picture | None:
    """The part of `page`, at most 1,000 pixels a side, that holds `boxes`; None where none of it is on the page.

    `boxes` (n x 4: left, bottom, right, top) and `around`, the page's own, are in points of the unturned page. The
    boxes in the picture are smaller at each side by a share, or by a number of pixels if that is less: `inset`.
    """
    width, height = page.get_size()
    scale = min(1.0, _MAX_SIDE / max(width, height, 1e-3))
    size = np.array([width, height]) * scale
    corners = np.clip(_upright(boxes, around, page.get_rotation()), 0, 1) * np.tile(size, 2)
    share, pixels = inset
    margin = np.minimum(share * (corners[:, 2:] - corners[:, :2]), pixels)
    low = np.floor(corners[:, :2] + margin).astype(np.intp)
    high = np.maximum(np.ceil(corners[:, 2:] - margin).astype(np.intp), low + 1)
    start, end = low.min(axis=0), np.minimum(high.max(axis=0), np.ceil(size).astype(np.intp))
    if not (start < end).all():
        return None
    cut = np.maximum(np.concatenate((start, np.ceil(size) - end))[[0, 3, 2, 1]] - 0.01, 0) / scale
    bitmap = page.render(scale=scale, grayscale=True, crop=tuple(cut.tolist()))
    try:
        grey = bitmap.to_numpy().reshape(bitmap.height, -1)[:, : bitmap.width].copy()
    finally:
        bitmap.close()
    limit = np.array(grey.shape[::-1], np.intp)
    (left, top), (right, bottom) = np.minimum(low - start, limit).T, np.minimum(high - start, limit).T
    return Picture(grey, left, top, right, bottom)


def _upright(
    boxes: NDArray[np.float32], around: tuple[float, float, float, float], rotation: int
) -> NDArray[np.float64]:
    """Left, top, right and bottom of boxes as shares of the upright page."""
    left, bottom, right, top = around
    x = (boxes[:, [0, 2]] - left) / np.float64(max(right - left, 1e-6))
    y = (boxes[:, [1, 3]] - bottom) / np.float64(max(top - bottom, 1e-6))
    across, down = {0: (x, 1 - y), 90: (y, x), 180: (1 - x, y), 270: (1 - y, 1 - x)}[rotation]
    return np.stack((across.min(axis=1), down.min(axis=1), across.max(axis=1), down.max(axis=1)), axis=1)
