"""Lines of Chinese and Japanese that are stretched to their width: PDFium takes the white between their characters for
spaces, which these scripts do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FIRST_STRETCHED = 0x3001
"""No character before it is of these scripts."""
_FIRST, _NUM = np.uint16(FIRST_STRETCHED), 0x6FFF
_SPACE = 0x20
_WIDE, _LIKE, _MORE = 0.7, 1.5, 0.05
"""In heights of a character: white up to the first, and up to this many times the usual white of its line and a bit
more, comes of stretching."""
_WIDTH = 0.05
"""Heights of a character; spaces that the file has are wider."""


def without_stretch(
    units: NDArray[np.uint16], boxes: Callable[[NDArray[np.intp]], NDArray[np.float32]]
) -> NDArray[np.intp] | None:
    """The places of the characters of `units`, a page's text, that stay; None where all do.

    `boxes` gives left, bottom, right and top of the characters at places of the text.
    """
    # What is below the first character wraps around.
    is_cjk = units - _FIRST < _NUM
    if np.count_nonzero(is_cjk) < 2:
        return None
    spaces = (is_cjk[:-2] & is_cjk[2:] & (units[1:-1] == _SPACE)).nonzero()[0] + 1
    if not len(spaces):
        return None
    # Each character and the next one, of the lines that have such spaces.
    line = (units == 0x0A).cumsum()
    is_here = np.zeros(int(line[-1]) + 1, bool)
    is_here[line[spaces]] = True
    beside = (is_cjk[:-1] & is_cjk[1:] & is_here[line[:-1]]).nonzero()[0]
    before, after = np.concatenate((spaces - 1, beside)), np.concatenate((spaces + 1, beside + 1))
    found = boxes(np.concatenate((before, after, spaces)))
    left, right = found[len(before) : 2 * len(before)], found[: len(before)]
    height = np.maximum(left[:, 3] - left[:, 1], np.float32(0.1))
    white = (left[:, 0] - right[:, 2]) / height
    is_apart = np.abs(left[:, 1] - right[:, 1]) > 0.3 * height
    usual = _medians(white, line[before])
    real = found[2 * len(before) :]
    num = len(spaces)
    is_none = (white[:num] < np.minimum(_LIKE * usual[:num] + _MORE, _WIDE)) & ~is_apart[:num] & (white[:num] > 0)
    is_none &= real[:, 2] - real[:, 0] < _WIDTH * height[:num]
    if not np.count_nonzero(is_none):
        return None
    kept = np.ones(len(units), bool)
    kept[spaces[is_none]] = False
    return kept.nonzero()[0]


def _medians(values: NDArray[np.float32], group: NDArray[np.intp]) -> NDArray[np.float32]:
    """Of each value, the median of those of its group."""
    order = np.lexsort((values, group))
    ordered = group[order]
    starts = np.searchsorted(ordered, group)
    ends = np.searchsorted(ordered, group, side="right")
    medians: NDArray[np.float32] = values[order][(starts + ends - 1) // 2]
    return medians
