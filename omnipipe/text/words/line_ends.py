"""Ends of lines that PDFium puts between letters side by side: on pages with little text it takes rows for columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_RETURN, _END = 13, 10
_SHARE = 0.2
"""Of the characters of a page: ends of lines, where most stand between letters."""
_LEVEL, _TOUCHING = 0.02, 0.1
"""Of a character's height: between the lower edges of two letters on one line, and the white between them, at most."""


def without_ends(
    units: NDArray[np.uint16], boxes: Callable[[NDArray[np.intp]], NDArray[np.float32]]
) -> NDArray[np.intp] | None:
    """The places of the characters of `units`, a page's text, that stay; None where all do.

    `boxes` gives left, bottom, right and top of the characters at places of the text, as wide as they are set.
    """
    ends = (units == _END).nonzero()[0]
    if len(ends) < _SHARE * len(units):
        return None
    ends = ends[(ends > 1) & (ends < len(units) - 1)]
    ends = ends[units[ends - 1] == _RETURN]
    if not len(ends):
        return None
    before, after = boxes(ends - 2), boxes(ends + 1)
    height = np.maximum(before[:, 3] - before[:, 1], 0.0)
    is_level = (np.abs(before[:, 1] - after[:, 1]) < _LEVEL * height) & (before[:, 2] > before[:, 0])
    joined = ends[is_level & (np.abs(after[:, 0] - before[:, 2]) < _TOUCHING * height)]
    if not len(joined):
        return None
    kept = np.ones(len(units), bool)
    kept[joined] = kept[joined - 1] = False
    return kept.nonzero()[0]
