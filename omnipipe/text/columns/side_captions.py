"""Captions of two tables or figures side by side in one column of text: each is read whole, with what it names."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.columns.sheet import Sheet

_CAPTION = re.compile(r"(?:Table|TABLE|Tab\.|Figure|FIGURE|Fig\.|FIG\.)\s*[A-Z]?[-.]?\d")
_NEAR = 3.0
"""Font sizes between the tops of two captions beside each other at most, and of white within what is below them."""
_SLACK = 0.3
"""Font sizes that a piece may jut out of its side."""
_LEAST = 4
"""Pieces of both sides at least: two captions of one line are read in the order of their line."""


def captions_beside(sheet: Sheet, region: NDArray[np.intp], text: str) -> list[NDArray[np.intp]] | None:
    """The pieces of `region` in parts: what stands above two captions beside each other, the left one with what stands
    right below it, the right one so, and what stands below; None where there are no such captions."""
    starts = sheet.first[region].tolist()
    found = [i for i, start in enumerate(starts) if text[start : start + 1] in "TF" and _CAPTION.match(text, start)]
    if len(found) < 2:
        return None
    left, top, right, bottom = sheet.left[region], sheet.top[region], sheet.right[region], sheet.bottom[region]
    found.sort(key=left.__getitem__)
    pairs = (
        (one, other)
        for one, other in combinations(found, 2)
        if right[one] < left[other] and abs(top[one] - top[other]) < _NEAR * sheet.size[region[one]]
    )
    one, other = next(pairs, (0, 0))
    if one == other:
        return None
    em = float(sheet.size[region[one]])
    edge, first = float(left[other]) - _SLACK * em, min(float(top[one]), float(top[other]))
    reach = max(float(bottom[one]), float(bottom[other]))
    sides = np.zeros(len(region), np.intp)
    for i in top.argsort(kind="stable").tolist():
        if top[i] < first:
            continue
        before, after = right[i] <= edge, left[i] >= edge
        if top[i] > reach + _NEAR * em or not (before or after):
            break
        sides[i] = 1 if before else 2
        reach = max(reach, float(bottom[i]))
    if np.count_nonzero(sides) < _LEAST:
        return None
    sides[(sides == 0) & (top >= first)] = 3
    return [region[sides == side] for side in range(4) if (sides == side).any()]
