"""Which way up a page was scanned, from the boxes of its lines and a few readings of the longest of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from omnipipe.tasks.ocr_extraction.lines import Quad

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Crop = NDArray[np.uint8]

_LONG = 3.0
"""Times its height that a line is long before it says anything about the page's direction."""
_MIN_LINES = 2
"""Long lines that a page has before it is asked at all."""
_GLANCES = 9
"""Lines that the upside-down classifier sees."""
_SUSPICION = 0.34
"""Share of those lines that it must call upside down before lines are read both ways; it is wrong on single ones."""
_READINGS = 4
"""Lines that are read both ways."""
_MARGIN = 0.08
"""How much better (mean confidence) the other way must read before a page is turned."""
_READABLE = 0.6
"""Mean confidence below which a reading says nothing."""


def find_turn(
    quads: Sequence[Quad],
    crop: Callable[[Quad], Crop],
    is_upside_down: Callable[[Crop], bool],
    confidence: Callable[[Crop], float],
) -> int:
    """Degrees clockwise (0, 90, 180, 270) by which the page must be turned to stand upright.

    `crop` cuts a line out and lays tall ones down counter-clockwise; `is_upside_down` is a quick guess on such a crop,
    `confidence` (0 to 1) that of reading it. In doubt the page stays as it is.
    """
    long = sorted((quad for quad in quads if _length(quad) >= _LONG * _thickness(quad)), key=_length, reverse=True)
    if len(long) < _MIN_LINES:
        return 0
    tall = sum(_length(quad) for quad in long if _is_tall(quad)) / sum(_length(quad) for quad in long)
    is_sideways = tall > 0.5
    crops = [crop(quad) for quad in long[:_GLANCES] if _is_tall(quad) == is_sideways]
    if not is_sideways:
        suspects = sum(is_upside_down(image) for image in crops)
        if suspects < _SUSPICION * len(crops):
            return 0
    samples = crops[:_READINGS]
    here = sum(confidence(image) for image in samples) / len(samples)
    there = sum(confidence(image[::-1, ::-1]) for image in samples) / len(samples)
    if max(here, there) < _READABLE or abs(here - there) < _MARGIN:
        return 0
    if is_sideways:
        return 270 if here > there else 90
    return 180 if there > here else 0


def _edges(quad: Quad) -> tuple[float, float]:
    (ax, ay), (bx, by), _, (dx, dy) = quad
    return ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5, ((dx - ax) ** 2 + (dy - ay) ** 2) ** 0.5


def _length(quad: Quad) -> float:
    return max(_edges(quad))


def _thickness(quad: Quad) -> float:
    return max(1.0, min(_edges(quad)))


def _is_tall(quad: Quad) -> bool:
    across, down = _edges(quad)
    return down > across
