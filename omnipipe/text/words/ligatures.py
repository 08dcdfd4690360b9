"""Ligatures of lam and alef, which PDFium takes apart from the wrong end: it turns the letters of a line that runs from
right to left around, and those of one glyph with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALEF_LAM = re.compile("[اأإآ]ل")
_MAX_FOUND = 5000


def mend_ligatures(text: str, boxes: Callable[[list[int]], NDArray[np.float32]]) -> str:
    """`text` with alef and lam changed round where they are one glyph; `boxes` gives those of characters of `text`."""
    places = [match.start() for match in _ALEF_LAM.finditer(text)][:_MAX_FOUND]
    if not places:
        return text
    both = boxes([*places, *(place + 1 for place in places)])
    is_one = (both[: len(places)] == both[len(places) :]).all(axis=1)
    letters = list(text)
    for i in np.flatnonzero(is_one).tolist():
        place = places[i]
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return "".join(letters)
