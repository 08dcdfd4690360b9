"""How much of a page is right, foretold from how sure an engine was of it: one minus the expected error rate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from omnipipe.tasks.ocr_extraction.lines import FoundLine

Knots: TypeAlias = tuple[tuple[float, float], ...]

_BY_DOUBTFUL: Knots = (
    *((0.0, 0.0005), (0.015, 0.0015), (0.03, 0.005), (0.06, 0.026)),
    *((0.2, 0.055), (0.5, 0.135), (0.7, 0.51), (0.85, 1.0)),
)
"""RapidOCR: character error rate by the share of characters with a chance under 0.8, straight between these points.

Least squares over 45 made scans (150 to 72 dpi, three grades of noise), never falling; of pages left out of the fit the
foretold rate lies 0.028 off on average, and their correlation is 0.99 (by rank 0.88)."""
_BY_CONFIDENCE: Knots = (
    (0.0, 0.0005),
    (0.05, 0.0025),
    (0.07, 0.005),
    (0.11, 0.05),
    (0.25, 0.15),
    (0.5, 0.5),
    (1.0, 1.0),
)
"""Tesseract: character error rate by one minus the mean confidence, from 34 scans and images; rough above 0.1."""


def quality_by_doubt(found: Sequence[FoundLine]) -> float | None:
    """Foretold share of right characters, 0 to 1, of a page whose lines, the dropped ones as well, are `found`."""
    num = sum(len(line.text) for line in found)
    return 1 - _between(_BY_DOUBTFUL, sum(line.doubtful for line in found) / num) if num else None


def quality_by_confidence(confidence: float | None) -> float | None:
    """Foretold share of right characters, 0 to 1, of a page that Tesseract read with this mean confidence."""
    return None if confidence is None else 1 - _between(_BY_CONFIDENCE, 1 - confidence)


def _between(knots: Knots, at: float) -> float:
    for (x0, y0), (x1, y1) in pairwise(knots):
        if at < x1:
            return y0 + (y1 - y0) * max(0.0, at - x0) / (x1 - x0)
    return knots[-1][1]
