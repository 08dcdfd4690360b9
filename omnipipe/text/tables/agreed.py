"""Columns that several rows agree on, where other rows of the table, as totals are, lie across the gap between them."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import base_of
from omnipipe.text.tables.columns import head_end

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces
    from omnipipe.text.tables.grid import Grid
    from omnipipe.text.tables.regions import Region

    Floats = NDArray[np.float32]

_LEAST = 3
"""Rows that agree on a gap, at least."""
_ACROSS = 0.6
"""Of these rows: others that may lie across the gap, at most."""
_WIDE = 0.5
"""Font sizes of white that these rows have in common there."""
_lines_of = attrgetter("lines")
_EDGE = 0.25
"""Font sizes; the edges of texts below each other are as near to each other."""
_SHARE = 0.75
_is_number = re.compile(r"^[^A-Za-z]*\d[^A-Za-z]*[a-zA-Z%]{0,2}$|^[-–—―−]$").match
_is_section = re.compile(r"^\d{1,2}(?:\.\d{1,2})*\.?$").match
_is_note = re.compile(r"^[(\[].{1,2}[)\]]$").match
_MOST = 200
"""Rows that are looked at."""
_MAX_NEW = 3
"""Edges that are found within one column at most."""


def with_agreed_edges(
    runs: Pieces, strings: Sequence[str], columns: tuple[list[float], list[bool]], region: Region, grid: Grid
) -> tuple[list[float], list[bool]] | None:
    """`columns`, their bounds and which of these are drawn, with those of `_agreed_edges`; None where none are, as in
    most of the tables, `grid`s without two texts on one line of a cell."""
    if len(runs.left) - sum(map(len, map(_lines_of, grid.cells))) < _LEAST:
        return None
    found = _agreed_edges(runs, strings, columns[0], head_end(runs, region))
    if not found:
        return None
    both = sorted([*zip(*columns, strict=True), *((x, False) for x in found)])
    return [x for x, _ in both], [is_line for _, is_line in both]


def _agreed_edges(runs: Pieces, strings: Sequence[str], edges: Sequence[float], head: float) -> list[float]:
    """Places within the columns between `edges` where rows below `head` have two texts with edges in common each, on
    one side numbers; `strings` are the texts of `runs`."""
    if len(runs.left) < 2 * _LEAST or len(edges) < 3:
        return []
    base = base_of(runs)
    order = base.argsort(kind="stable")
    base, size = base[order], runs.size[order]
    line = np.zeros(len(order), np.intp)
    line[1:] = (base[1:] - base[:-1] > 0.35 * np.minimum(size[1:], size[:-1])).cumsum()
    left, right = runs.left[order], runs.right[order]
    column = np.array(edges, np.float32).searchsorted((left + right) / 2)
    column[base <= head] = 0
    place = line * (len(edges) + 1) + column
    at = np.lexsort((left, place))
    pairs = ((place[at[1:]] == place[at[:-1]]) & (column[at[1:]] > 0)).nonzero()[0]
    if len(pairs) < _LEAST:
        return []
    before, after = at[pairs], at[pairs + 1]
    counts = np.bincount(line)
    is_row = (counts[line] > 1) & (base > head)
    em = median(size)
    slack = 0.3 * em
    found: list[float] = []
    for k in (np.bincount(column[before], minlength=len(edges))[1 : len(edges)] >= _LEAST).nonzero()[0].tolist():
        here = (column[before] == k + 1) & (left[before] > edges[k] - slack) & (right[after] < edges[k + 1] + slack)
        one, other = before[here][:_MOST], after[here][:_MOST]
        for _ in range(_MAX_NEW):
            which = _most_common(right[one], left[other])
            if len(which) < _LEAST:
                break
            a, b = one[which], other[which]
            start, end = float(right[a].max()), float(left[b].min())
            x = (start + end) / 2
            lies_across = (left < x - slack) & (right > x + slack) & is_row
            if (
                np.count_nonzero(lies_across) <= _ACROSS * len(which)
                and end - start > _WIDE * em
                and _agree(left[a], right[a], em)
                and _agree(left[b], right[b], em)
                and _are_columns(*([strings[i] for i in order[side].tolist()] for side in (a, b)))
            ):
                found.append(_clearest(left, right, start, end))
            rest = np.ones(len(one), bool)
            rest[which] = False
            one, other = one[rest], other[rest]
    return found


def _most_common(start: Floats, end: Floats) -> NDArray[np.intp]:
    """Which of the gaps from `start` to `end` have a place in common, where most have one."""
    if not len(start):
        return np.zeros(0, np.intp)
    # Of gaps that share a place one ends first, and all go up to there.
    shared = (start[:, None] < end) & (end <= end[:, None])
    return shared[:, int(shared.sum(axis=0).argmax())].nonzero()[0]


def _clearest(left: Floats, right: Floats, start: float, end: float) -> float:
    """The place from `start` to `end` that fewest texts lie across, the nearest to the middle of them."""
    places = (start + end) / 2 + (end - start) * np.array([0, -0.15, 0.15, -0.3, 0.3, -0.45, 0.45], np.float32)
    return float(places[((left[:, None] < places) & (right[:, None] > places)).sum(axis=0).argmin()])


def _agree(left: Floats, right: Floats, em: float) -> bool:
    """Whether nearly all texts from `left` to `right` start at one place, or end at one."""
    return any(
        np.count_nonzero(np.abs(side - np.median(side)) < _EDGE * em) >= max(_LEAST, _SHARE * len(side))
        for side in (left, right)
    )


def _are_columns(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether there are numbers on one side, other than those of sections before titles, or of notes, and on the other
    side no unit or sign that is the same in most rows."""
    if _are_numbers(right):
        return not _share(_is_note, right) and (_are_numbers(left) or _differ(left))
    return _are_numbers(left) and not _share(_is_section, left) and _differ(right)


def _are_numbers(texts: Sequence[str]) -> bool:
    """Whether nearly all of `texts` are numbers or dashes, and not only dashes."""
    return _share(_is_number, texts) and 4 * sum(any(map(str.isdigit, text)) for text in texts) >= len(texts)


def _differ(texts: Sequence[str]) -> bool:
    """Whether no text is that of most rows."""
    return 2 * max(map(texts.count, texts)) <= len(texts)


def _share(is_such: Callable[[str], object], texts: Sequence[str]) -> bool:
    return sum(bool(is_such(text)) for text in texts) >= _SHARE * len(texts)
