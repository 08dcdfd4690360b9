"""Whether the texts of a table's columns stand below each other at one place."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces

    Floats = NDArray[np.float32]

_NEAR = 0.4
"""Font sizes; places of texts below each other differ by less."""
_HANGING = 1.6
"""Font sizes; brackets, percent signs and both after a number stand as far beyond the end of the others at most."""
_LEAST = 3
"""Numbers of a column that show where it ends."""
_SHARE = 0.75
_NUMBER = re.compile(r"(?:[^\w\s]{1,3}\s)?[^A-Za-z\s]*\d[^A-Za-z\s]*(?:\s[%)]{1,2})?|[-–—―−]")
_SIGN = re.compile(r"[^\w.,;:*–—―−-]{1,3}")
_MARK = re.compile(r"[€$£¥₹₽()%]|^[-–—―−]$")
_DECIMAL = re.compile(r"\d[.,]\d")
"""What amounts and measures have, and numbers of pages do not."""


def aligned_share(runs: Pieces, strings: Sequence[str], columns: tuple[NDArray[np.intp], NDArray[np.intp]]) -> float:
    """Of the columns with two texts: those whose texts start, end or have their middles at one place, or whose numbers
    end at one place but for the signs after them. `columns` are the first and the last one of each run."""
    first, last = columns
    inner = (first == last).nonzero()[0]
    order = inner[first[inner].argsort(kind="stable")]
    left, right, column = runs.left[order], runs.right[order], first[order]
    places = np.stack((left, right, (left + right) / 2))
    em = median(runs.size)
    bounds = [0, *((column[1:] != column[:-1]).nonzero()[0] + 1).tolist(), len(order)]
    num_good = num_known = 0
    for a, b in pairwise(bounds):
        if b - a < 2:
            continue
        here = places[:, a:b]
        ordered = np.sort(here)
        middle = (ordered[:, (b - a) // 2] + ordered[:, (b - a - 1) // 2]) / 2
        is_good = np.abs(here - middle[:, None]).sum(axis=1).min() / (b - a) <= _NEAR * em
        num_known += 1
        num_good += bool(is_good or _numbers_end([strings[i] for i in order[a:b].tolist()], right[a:b], em))
    return num_good / max(num_known, 1)


def _numbers_end(texts: Sequence[str], right: Floats, em: float) -> bool:
    """Whether most of `texts`, of which each ends at `right`, are numbers that end at one place, and some of them
    amounts; signs of currencies that stand apart are parts of numbers."""
    known = [(text, k) for k, text in enumerate(map(str.strip, texts)) if not _SIGN.fullmatch(text)]
    found = [(text, k) for text, k in known if _NUMBER.fullmatch(text)]
    if len(found) < _LEAST or 2 * len(found) <= len(known):
        return False
    num_decimals = sum(bool(_DECIMAL.search(text)) for text, _ in found)
    if len(known) == len(texts) and 2 * num_decimals <= len(found) and not any(_MARK.search(text) for text, _ in found):
        return False
    bare = [k for text, k in found if text[-1] not in ")%"] or [k for _, k in found]
    place = float(np.median(right[bare]))
    num_good = sum(
        -_NEAR * em < float(right[k]) - place < (_HANGING if text[-1] in ")%" else _NEAR) * em for text, k in found
    )
    return num_good >= _SHARE * len(found)
