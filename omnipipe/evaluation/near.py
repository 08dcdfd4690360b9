"""Where a text begins in another, up to a number of wrong characters."""

from __future__ import annotations

import numpy as np


def find_starts(pattern: str, text: str, max_diffs: int = 0) -> tuple[int, int] | None:
    """The first and the last place in `text` where `pattern` begins; None if it is nowhere.

    Up to `max_diffs` characters may be changed, missing or too many. Of places that overlap the nearest match counts.
    """
    if max_diffs == 0:
        first = text.find(pattern)
        return None if first < 0 else (first, text.rfind(pattern))
    distances = _distances(pattern, text)
    places = np.flatnonzero(distances <= max_diffs)
    if places.size == 0:
        return None
    # Places nearer to each other than the shortest match is long belong to one match.
    is_new = np.diff(places) >= max(1, len(pattern) - max_diffs)
    groups = np.split(places, np.flatnonzero(is_new) + 1)
    first, last = (int(group[np.argmin(distances[group])]) for group in (groups[0], groups[-1]))
    return first, last


def _distances(pattern: str, text: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each place of `text`, and its end: the fewest edits from `pattern` to some text that begins there.

    P. H. Sellers, The theory and computation of evolutionary distances: pattern recognition, J. Algorithms 1 (1980),
    on both texts turned round; a row at a time, insertions by a running minimum.
    """
    letters = np.frombuffer(text[::-1].encode("utf-32-le", "surrogatepass"), dtype="<u4")
    places = np.arange(len(letters) + 1)
    row = np.zeros(len(letters) + 1, dtype=np.int64)
    for number, letter in enumerate(reversed(pattern), 1):
        changed = row[:-1] + (letters != ord(letter))
        best = np.concatenate(([number], np.minimum(changed, row[1:] + 1)))
        row = np.minimum.accumulate(best - places) + places
    return row[::-1]
