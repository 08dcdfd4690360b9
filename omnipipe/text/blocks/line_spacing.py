"""How far apart the lines of a column stand where its text is set with wide spaces, as manuscripts and theses are."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from omnipipe.text.blocks.flow import is_full

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omnipipe.text.blocks.rows import Row

WIDE = 1.75
"""Font sizes from which the step from line to line may be taken for white between paragraphs."""

_WIDEST = 3.2
_MIN_LINES = 4
_SHARE = 0.6
"""Of the steps of a column: those that are alike."""

_NARROW = 18
"""Font sizes; labels and units of a form are hardly ever wider."""

_LOWER = 0.3
"""Of the lines of prose: those that start with a small letter, at least. Labels of a form hardly ever do."""


def wide_pitch(rows: Sequence[Row], edge: float) -> float:
    """The points from line to line in a column of widely spaced prose that ends at `edge`; 0 in all others."""
    wide: list[tuple[float, Row, Row]] = []
    for previous, row in pairwise(rows):
        pitch = row.bottom - previous.bottom
        if WIDE * row.size < pitch < _WIDEST * row.size and abs(previous.size - row.size) < 0.12 * row.size:
            wide.append((pitch, previous, row))
    least = max(_MIN_LINES, _SHARE * (len(rows) - 1))
    if len(wide) < least:
        return 0.0
    usual = sorted([pitch for pitch, _, _ in wide])[len(wide) // 2]
    alike = [(previous, row) for pitch, previous, row in wide if abs(pitch - usual) < 0.06 * usual]
    if len(alike) < least:
        return 0.0
    left = min([row.left for row in rows])
    if edge - left < _NARROW * alike[0][0].size:
        return 0.0
    full = sum([is_full(previous, edge, left) and not previous.gaps for previous, _ in alike])
    lower = sum([row.text[:1].islower() for _, row in alike])
    return usual if 2 * full > len(alike) and lower > _LOWER * len(alike) else 0.0
