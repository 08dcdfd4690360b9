"""The head of one table: headings of several lines, and those that stand over several columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.columns import SNAP
from omnipipe.text.tables.rows import are_numbered
from omnipipe.text.tables.stripes import head_above_stripes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.lines.rulings import Rulings
    from omnipipe.text.tables.rows import Band

MAX_HEADS = 6
"""Rows that a head has at most."""
_TIGHT = 0.7
"""Font sizes of white between lines of one heading at most."""


def with_joined_heads(
    runs: Pieces, bands: list[Band], edges: Sequence[float], lines: Rulings, strings: Sequence[str]
) -> list[Band]:
    """`bands` with the lines of headings of several lines made one row, above the first line over the full width."""
    limit = head_above_stripes(runs, bands, edges, lines, strings)
    if not limit or 2 * limit >= len(bands):
        return bands
    filled = np.zeros((limit + 2, len(edges) - 1), bool)
    across = np.zeros((limit + 2, max(len(edges) - 2, 1)), bool)
    for r, band in enumerate(bands[: limit + 2]):
        for first, last in band.spans.values():
            filled[r, first : last + 1] = True
            across[r, first:last] = True
    stretch_heads(runs, bands[: limit + 2], edges, filled, lines, across)
    em = median(runs.size)
    joined = [bands[0]]
    for r in range(1, limit + 1):
        above = joined[-1]
        tight = _white(runs, above, bands[r]) < _TIGHT * em
        if are_numbered(above, strings):
            tight = False
        if tight and not above.ruled_below and not across[r - 1].any() and not across[r].any():
            above.add(bands[r])
            above.ruled_below, above.full_below = bands[r].ruled_below, bands[r].full_below
        else:
            joined.append(bands[r])
    return joined + bands[limit + 1 :]


def _white(runs: Pieces, above: Band, below: Band) -> float:
    """Points between the lowest baseline of a row and the letters of the next."""
    upper, lower = list(above.spans), list(below.spans)
    base = base_of(runs)
    return float((base[lower] - 0.65 * runs.size[lower]).min() - base[upper].max())


def stretch_heads(
    runs: Pieces,
    bands: Sequence[Band],
    edges: Sequence[float],
    filled: NDArray[np.bool_],
    lines: Rulings,
    across: NDArray[np.bool_],
) -> None:
    """Headings that stand over several columns, by a line below them or by their middle; changes `across`."""
    left, right = np.array(edges[:-1]), np.array(edges[1:])
    limit = next((r for r, band in enumerate(bands[:MAX_HEADS]) if band.full_below), 1)
    for r, band in enumerate(bands[: min(limit, len(bands) - 1)]):
        for x0, x1 in lines_at(lines, band.bottom)[:, 1:].tolist() if band.ruled_below else []:
            under = np.flatnonzero(np.minimum(right, x1) - np.maximum(left, x0) > 0.35 * (right - left))
            if len(under) < 2:
                continue
            if sum(a <= under[-1] and b >= under[0] for a, b in band.spans.values()) == 1:
                across[r, under[0] : under[-1]] = True
                filled[r, under] = True
        for run, (first, last) in band.spans.items():
            a, b = _centred(runs, run, (first, last), filled[r], filled[r + 1], edges)
            across[r, a:b] = True
            filled[r, a : b + 1] = True


def _centred(
    runs: Pieces,
    run: int,
    span: tuple[int, int],
    filled: NDArray[np.bool_],
    below: NDArray[np.bool_],
    edges: Sequence[float],
) -> tuple[int, int]:
    """The columns that a heading stands over: those around it that are free and have its middle."""
    first, last = span
    low, high = first, last
    while low > 0 and not filled[low - 1] and below[low - 1]:
        low -= 1
    while high + 1 < len(filled) and not filled[high + 1] and below[high + 1]:
        high += 1
    middle, em = float(runs.left[run] + runs.right[run]) / 2, float(runs.size[run])
    off = abs((edges[first] + edges[last + 1]) / 2 - middle)
    best = (off - em, first, last)
    for a in range(low, first + 1):
        for b in range(last, high + 1):
            best = min(best, (abs((edges[a] + edges[b + 1]) / 2 - middle), a, b))
    return best[1], best[2]


def lines_at(lines: Rulings, y: float) -> NDArray[np.float32]:
    flat = lines.horizontal
    return flat[slice(*np.searchsorted(flat[:, 0], (y - SNAP, y + SNAP)))]
