"""How sure a share is: intervals by drawing the same number of tests or pages again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_NUM_DRAWS = 2000


class Share(NamedTuple):
    """A share with its 95 % interval; all three are None where there is nothing to share."""

    value: float | None
    low: float | None
    high: float | None


def share_of(groups: Sequence[Sequence[tuple[float, float]]], *, seed: int = 0) -> Share:
    """The mean over `groups` of sum(part) / sum(whole) of their pairs (part, whole), and its interval.

    Each group is drawn from by itself (B. Efron, Bootstrap methods, Ann. Statist. 7, 1979; percentiles of 2,000
    draws). Groups without pairs, or with wholes of 0 only, are left out. The same `seed` gives the same interval.
    """
    rng = np.random.default_rng(seed)
    values: list[float] = []
    drawn: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
    for pairs in groups:
        table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
        if not table[:, 1].any():
            continue
        values.append(float(table[:, 0].sum() / table[:, 1].sum()))
        # One draw at a time: thousands of tests in all draws at once would be gigabytes.
        sums = np.array([table[rng.integers(len(table), size=len(table))].sum(axis=0) for _ in range(_NUM_DRAWS)])
        drawn.append(sums[:, 0] / np.maximum(sums[:, 1], 1e-9))
    if not values:
        return Share(None, None, None)
    low, high = np.percentile(np.mean(drawn, axis=0), [2.5, 97.5])
    return Share(float(np.mean(values)), float(low), float(high))
