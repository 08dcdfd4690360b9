"""What is done about pages that were hardly read: a softer picture for a second reading, and no text out of specks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omnipipe.tasks.ocr_extraction.lines import FoundLine

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.picture import Image

LARGER = 2
"""Times its size that a page is read again in."""
_BLUR = 1.6
"""Standard deviation (pixels of the larger picture) of the blur that makes noise and the steps of faxes grey."""
_MAX_PIXELS = 5_000_000
"""Pages of more pixels are not read again: their letters are large enough."""
_DOUBTFUL = 0.97
"""Mean confidence below which a page is read again: clean pages have 0.98 and more, poor scans 0.5 to 0.98."""
_BETTER = 1.005
"""Times as much surely read text that the second reading must give."""

_SHORT = 2
_SHORT_NEEDS = 0.8
"""Strings of so few characters need this confidence: specks and ornaments read as letters have 0.5 to 0.8."""
_SURE = 0.85
_FEW = 20
"""Characters below which a page without a sure line (of three characters and more) has no text: a photograph."""


def is_doubtful(found: Sequence[FoundLine], image: Image) -> bool:
    """Whether a page's lines, all that were found, were read so badly that a softer picture may help."""
    num = sum(len(line.text) for line in found)
    if num < _FEW or image.shape[0] * image.shape[1] > _MAX_PIXELS:
        return False
    return read_surely(found) < _DOUBTFUL * num


def softened(image: Image) -> Image:
    """`image` larger and blurred: of six poor pages it lowers the share of wrong words on five."""
    import cv2
    import numpy as np

    large = cv2.resize(image, None, fx=LARGER, fy=LARGER, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), _BLUR), dtype=np.uint8)


def is_better(second: Sequence[FoundLine], first: Sequence[FoundLine]) -> bool:
    """Whether the `second` reading has more surely read text than the `first`, by more than chance."""
    return read_surely(second) > _BETTER * read_surely(first)


def read_surely(found: Sequence[FoundLine]) -> float:
    """Characters that may be expected to be right."""
    return sum(line.confidence * len(line.text) for line in found)


def without_specks(found: Sequence[FoundLine]) -> list[FoundLine]:
    """`found` without short strings that were hardly read; nothing where nothing was read surely."""
    kept = [line for line in found if len(line.text) > _SHORT or line.confidence >= _SHORT_NEEDS]
    is_sure = any(line.confidence >= _SURE and len(line.text) > _SHORT for line in kept)
    return kept if is_sure or sum(len(line.text) for line in kept) >= _FEW else []
