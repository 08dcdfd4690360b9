"""Where words start and end in a page's text: at white space, hyphens of PDFium's, and dots that lead to a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HYPHEN = 0xFFFE
"""What PDFium writes for a hyphen at the end of a line; the rest of the word follows without a line break."""

_DOT, _MIDDLE_DOT, _ELLIPSIS = 0x2E, 0xB7, 0x2026
_FEWEST = 5
"""Dots in a row that lead from one column to the next, at least."""
_RUNS = tuple(np.full(_FEWEST, sign, np.uint16).tobytes() for sign in (_DOT, _MIDDLE_DOT, _ELLIPSIS))


def cut_words(units: NDArray[np.uint16]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Start, end (exclusive) and line number of each word."""
    # Where words start and end, in turns: white space around the text makes each of them a change.
    gap = np.ones(len(units) + 2, bool)
    _SPACE.take(units.astype(np.intp), out=gap[1:-1], mode="clip")
    places = (gap[1:] != gap[:-1]).nonzero()[0]
    ends = ((units == 10) | (units == HYPHEN)).nonzero()[0]
    if np.count_nonzero(gap[ends + 1]) < len(ends):
        # A word ends after a hyphen, and the next one starts there.
        hyphens = ends[~gap[ends + 1]] + 1
        cuts = hyphens[~gap[hyphens + 1]]
        places = np.concatenate((places, cuts, cuts))
        places.sort()
    text = units.tobytes()
    if any(run in text for run in _RUNS):
        leaders = _leader_ends(units)
        cuts = leaders[~gap[leaders] & ~gap[leaders + 1]]
        places = np.concatenate((places, cuts, cuts))
        places.sort()
    first, last = places.reshape(-1, 2).T.copy()
    return first, last, ends.searchsorted(first, side="right")


def _leader_ends(units: NDArray[np.uint16]) -> NDArray[np.intp]:
    """Where rows of dots start and end that lead from a text to a number, all three without white space."""
    is_dot = units == _DOT
    for other in (_MIDDLE_DOT, _ELLIPSIS):
        is_dot |= units == other
    places = (np.diff(is_dot, prepend=False, append=False)).nonzero()[0]
    starts, stops = places.reshape(-1, 2).T
    is_long = stops - starts >= _FEWEST
    return np.concatenate((starts[is_long], stops[is_long]))


def _space_table() -> NDArray[np.bool_]:
    table = np.zeros(0x10000, bool)
    table[[9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]] = True
    table[0x2000:0x200C] = True
    return table


_SPACE = _space_table()
