"""Where tables may be on a page: grids of lines, lines of one width above each other."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.extreme import largest, smallest
from omnipipe.text.lines.rulings import Rulings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces

    Floats = NDArray[np.float32]

CAPTION = re.compile(r"(?:table|tab\.|figure|fig\.|exhibit|chart)\s*[A-Z]?[-.]?\d", re.IGNORECASE)
_TOUCH = 3.0
"""Points between lines that meet."""
_MAX_LINES = 1500
_MIN_WIDTH = 40.0
_ZERO = np.zeros(1, np.intp)
_LEAST_FULL, FULL = 3, 0.9
"""Lines over the whole width, and the share of it that each goes over."""
_MANY, _SCATTERED = 14, 0.45


class Region(NamedTuple):
    """Where a table may be: its box in points, the lines inside it clipped to it."""

    left: float
    top: float
    right: float
    bottom: float
    lines: Rulings


def grid_regions(rulings: Rulings) -> list[tuple[Region, NDArray[np.intp]]]:
    """Regions of lines that cross or meet each other, each with the numbers of its lines across."""
    across, down = rulings.horizontal[:_MAX_LINES], rulings.vertical[:_MAX_LINES]
    found = []
    for group, walls in _grids(across, down):
        region = _grid_region(across[group], down[walls])
        if region is not None:
            found.append((region, group))
    return found


def _grids(across: Floats, down: Floats) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Lines that cross or meet each other: for each group the numbers of those across and of those down."""
    if not len(down) or not len(across):
        return []
    meets = (
        (down[:, 0] >= across[:, 1, None] - _TOUCH)
        & (down[:, 0] <= across[:, 2, None] + _TOUCH)
        & (across[:, 0, None] >= down[:, 1] - _TOUCH)
        & (across[:, 0, None] <= down[:, 2] + _TOUCH)
    )
    left = np.logical_or.reduce(meets, axis=1)
    groups = []
    for start in left.nonzero()[0].tolist():
        if not left[start]:
            continue
        rows, columns = np.zeros(len(across), bool), np.zeros(len(down), bool)
        new = np.array([start])
        while len(new):
            rows[new] = True
            found = (np.logical_or.reduce(meets[new], axis=0) & ~columns).nonzero()[0]
            columns[found] = True
            new = (np.logical_or.reduce(meets[:, found], axis=1) & ~rows).nonzero()[0]
        left &= ~rows
        if np.count_nonzero(rows) >= 2:
            groups.append((rows.nonzero()[0], columns.nonzero()[0]))
    return groups


def _grid_region(across: Floats, down: Floats) -> Region | None:
    """The region of lines that meet; None where they part nothing from left to right."""
    # Both are sorted by their places.
    left = min(float(smallest(across[:, 1])), float(down[0, 0]))
    right = max(float(largest(across[:, 2])), float(down[-1, 0]))
    top = min(float(across[0, 0]), float(smallest(down[:, 1])))
    bottom = max(float(across[-1, 0]), float(largest(down[:, 2])))
    inner = (down[:, 0] > left + _TOUCH) & (down[:, 0] < right - _TOUCH)
    if not np.count_nonzero(inner) or bottom - top < 2 * _TOUCH:
        return None
    return Region(left, top, right, bottom, Rulings(across, down))


def between_lines(rulings: Rulings, free: NDArray[np.bool_], pieces: Pieces, text: str) -> list[Region]:
    """Regions between lines of one width, as tables without lines down have them; they keep all lines of the page.

    `free` are the lines to look at, `text` is the page's.
    """
    across = rulings.horizontal[free][:_MAX_LINES]
    across = across[across[:, 2] - across[:, 1] > _MIN_WIDTH - 2 * _TOUCH]
    groups = [lines for lines in _of_one_width(across) if lines[0, 2] - lines[0, 1] >= _MIN_WIDTH]
    if not groups:
        return []
    middle: Floats = np.divide(pieces.top + pieces.bottom, 2)
    order = middle.argsort(kind="stable")
    centre: Floats = np.divide((pieces.left + pieces.right)[order], 2)
    by_height = _Heights(order, middle[order], centre)
    found: list[Region] = []
    for lines in groups:
        x0, x1 = float(smallest(lines[:, 1])), float(largest(lines[:, 2]))
        for top, bottom in _stacks(lines[:, 0], (x0, x1), pieces, by_height, text):
            found.append(Region(x0, top, x1, bottom, rulings))
    return found


class _Heights(NamedTuple):
    """Pieces by the heights of their middles: their numbers, and the middles."""

    number: NDArray[np.intp]
    middle: Floats
    centre: Floats


def _of_one_width(across: Floats) -> Iterator[Floats]:
    """`across` in groups of lines with both ends at one place, two lines at least."""
    start, end = across[:, 1], across[:, 2]
    left = np.arange(len(across))
    while len(left) > 1:
        one = left[0]
        same = (np.abs(start[left] - start[one]) < _TOUCH) & (np.abs(end[left] - end[one]) < _TOUCH)
        if np.count_nonzero(same) > 1:
            yield across[left[same]]
        left = left[~same]


def _stacks(
    places: Floats, width: tuple[float, float], pieces: Pieces, by_height: _Heights, text: str
) -> list[tuple[float, float]]:
    """Tops and bottoms of neighbouring spaces between lines that hold rows of a table, and no running text.

    The caption of a table parts it from what stands above.
    """
    x0, x1 = width
    inside = ((by_height.centre > x0 - 2) & (by_height.centre < x1 + 2)).nonzero()[0]
    if not len(inside):
        return []
    number, middle = by_height.number[inside], by_height.middle[inside]
    starts = middle.searchsorted(places, side="right").tolist()
    ends = middle.searchsorted(places).tolist()
    first = pieces.first[number].tolist()
    stacks: list[tuple[float, float]] = []
    for (top, bottom), start, end in zip(pairwise(places.tolist()), starts, ends[1:], strict=False):
        if start >= end or (end - start > 1 and _is_text(pieces, number[start:end], x1 - x0)):
            continue
        if any(CAPTION.match(text, k, k + 24) for k in first[start:end]):
            continue
        if stacks and stacks[-1][1] == top:
            stacks[-1] = (stacks[-1][0], bottom)
        else:
            stacks.append((top, bottom))
    return stacks


def _is_text(pieces: Pieces, which: NDArray[np.intp], width: float) -> bool:
    """Whether most lines of several pieces, those at `which`, go over most of the width, or nearly all have one."""
    order = which[pieces.bottom[which].argsort(kind="stable")]
    bottom = pieces.bottom[order]
    step = (bottom[1:] - bottom[:-1] > 0.5 * median(pieces.size[which])).nonzero()[0] + 1
    num_rows = len(step) + 1
    if num_rows == 1:
        return False
    starts = np.concatenate((_ZERO, step, [len(bottom)]))
    alone = order[starts[:-1][starts[1:] - starts[:-1] == 1]]
    if num_rows > 6 and len(alone) > 0.7 * num_rows:
        return True
    return 2 * int(np.count_nonzero(pieces.right[alone] - pieces.left[alone] > 0.6 * width)) > num_rows


def clipped(region: Region) -> Region:
    """`region` with only the lines inside it, cut at its bounds."""
    x0, top, x1, bottom, (across, down) = region
    return Region(
        x0, top, x1, bottom, Rulings(_part(across, (top, bottom), x0, x1), _part(down, (x0, x1), top, bottom))
    )


def _part(lines: Floats, places: tuple[float, float], start: float, end: float) -> Floats:
    """`lines` (place, start, end) within `places`, what is of them from `start` to `end`."""
    if not len(lines):
        return lines
    place, low, high = lines[:, 0], np.maximum(lines[:, 1], start), np.minimum(lines[:, 2], end)
    near = ((place > places[0] - _TOUCH) & (place < places[1] + _TOUCH) & (high - low > 2)).nonzero()[0]
    found: Floats = lines[near]
    found[:, 1], found[:, 2] = low[near], high[near]
    return found


def has_drawn_rows(region: Region) -> bool:
    """Whether three lines or more go over the whole width."""
    across = region.lines.horizontal
    return int(np.count_nonzero(across[:, 2] - across[:, 1] > FULL * (region.right - region.left))) >= _LEAST_FULL


def is_scattered(region: Region) -> bool:
    """Whether many lines go over small parts of the width and of the height only: a drawing or a form."""
    across, down = region.lines
    num_across, num_down = _num_places(across), _num_places(down)
    if num_across + num_down < _MANY:
        return False
    wide = float((across[:, 2] - across[:, 1]).sum()) / max(num_across * (region.right - region.left), 1e-6)
    high = float((down[:, 2] - down[:, 1]).sum()) / max(num_down * (region.bottom - region.top), 1e-6)
    return wide < _SCATTERED and high < _SCATTERED


def _num_places(lines: Floats) -> int:
    return int(np.count_nonzero(lines[1:, 0] - lines[:-1, 0] > _TOUCH)) + 1 if len(lines) else 0
