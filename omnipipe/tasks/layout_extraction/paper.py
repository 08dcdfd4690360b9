"""Scans as if they were printed: white paper, black ink, no noise between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from omnipipe.tasks.layout_extraction.picodet import Image

_STEP = 8
_AROUND = 31
"""Steps of pixels around a place whose median is the paper there."""
_DARKEST = 0.6
"""Share of the page's own paper below which nothing is paper: pictures stay dark."""
_WHITE = 0.85
"""Share of the paper there from which all is white."""
_CLEAN = 245
"""Grey (0 to 255) of paper that needs no cleaning."""
_LIGHT = 100
"""Grey (0 to 255) of the paper of a page that is printed dark on light."""


def cleaned(image: Image) -> Image:
    """`image` with paper made white and ink black wherever light fell unevenly or paper is grey.

    Colour pictures, pages that are light on dark and those on white paper are given back as they are. The layout model
    takes noisy grey scans for figures: of two such pages it finds 1 part each as they are, 11 once they are cleaned.
    """
    import cv2

    if image.ndim != 2:
        return image
    height, width = image.shape
    small = cv2.resize(image, (max(1, width // _STEP), max(1, height // _STEP)), interpolation=cv2.INTER_AREA)
    usual = float(np.median(small))
    if not _LIGHT <= usual < _CLEAN or min(small.shape) <= _AROUND:
        return image
    local = np.maximum(cv2.medianBlur(small, _AROUND), np.uint8(_DARKEST * usual))
    paper = np.asarray(cv2.resize(local, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    share = image / paper
    ink = float(np.percentile(share[::4, ::4], 0.5))
    if ink >= _WHITE:
        return image
    return np.clip((share - ink) * (255 / (_WHITE - ink)), 0, 255).astype(np.uint8)
