"""The columns of a page of OCR: its lines cut into parts that are read one after another."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable
from typing import NamedTuple

from omnipipe.page import Line

_MIN_GUTTER = 0.6
"""Heights of a line that are free between two columns at least."""
_NARROW_GUTTER = 0.3
"""The same where nothing crosses it and both columns have many full lines, as in newspapers and in small pictures."""
_MANY = 8
"""Full lines of each column that make a narrow gutter one."""
_MIN_COLUMN = 9.0
"""Heights of a line that the lines of a column are wide at least; the cells of a table are narrower."""
_MIN_ROWS = 3
"""Lines that a column has at least."""
_LOOSE = 8
"""Of so many lines of a column one may have a box that is wider than it; of full lines in narrow or short columns."""
_MAX_LINES = 600
"""Pages with more lines (maps, drawings) are read in rows only: looking for columns takes seconds there."""


class Row(NamedTuple):
    """A line of OCR where it stands on the straight page, in pixels, without the slack of its box."""

    x0: float
    y0: float
    x1: float
    y1: float
    line: Line

    @property
    def height(self) -> float:
        return self.y1 - self.y0


_Test = Callable[[list[Row], list[Row], float], bool]
"""From what stands left and right of a gutter, and the usual height of a line, to whether they are two columns."""


def to_parts(rows: list[Row], unit: float, depth: int = 0) -> list[list[Row]]:
    """`rows` cut into parts of one column each, in reading order; `unit` is the usual height of a line."""
    split = _find_columns(rows, unit) if 2 * _MIN_ROWS <= len(rows) <= _MAX_LINES and depth < 8 else None
    if split is None:
        return [rows] if rows else []
    return [part for piece in split for part in to_parts(piece, unit, depth + 1)]


def _find_columns(rows: list[Row], unit: float) -> list[list[Row]] | None:
    """What is above, left, between, right and below of the gutter with most lines beside it; None without one."""
    ordered = sorted(rows, key=lambda row: row.y0 + row.y1)
    best: tuple[int, list[list[Row]]] = 0, []
    ends = {int(2 * row.x1 / unit): row.x1 for row in sorted(rows, key=lambda row: row.x1)}
    cells = _rows_of_cells(rows, unit)
    for x in ends.values():
        crossing = [other for other in ordered if other.x0 < x < other.x1]
        if 2 * len(crossing) > len(rows):
            continue
        walls = {id(other) for other in crossing if not _is_between(other, ordered, unit)}
        found = _best_run(ordered, walls, x, unit, _are_columns)
        if not found[1]:
            tabled = {id(row) for line in cells if _is_across(line, x) for row in line}
            found = _best_run(ordered, walls | tabled, x, unit, _are_prose)
        best = max(best, found, key=lambda run: run[0] if run[1] else -math.inf)
    return best[1] or None


def _best_run(ordered: list[Row], walls: set[int], x: float, unit: float, test: _Test) -> tuple[int, list[list[Row]]]:
    """What `_cut` makes of the run between two of `walls` that is best as columns beside `x`."""
    best: tuple[int, list[list[Row]]] = 0, []
    start = 0
    for end in range(len(ordered) + 1):
        if end < len(ordered) and id(ordered[end]) not in walls:
            continue
        weight, pieces = _cut(ordered[:start], ordered[start:end], ordered[end:], x, unit, test)
        if pieces and (not best[1] or weight > best[0]):
            best = weight, pieces
        start = end + 1
    return best


def _rows_of_cells(rows: list[Row], unit: float) -> list[list[Row]]:
    """The rows of four and more pieces beside one another that are all as narrow as the cells of a table."""
    printed = printed_lines(rows)
    return [line for line in printed if len(line) > 3 and all(row.x1 - row.x0 < _MIN_COLUMN * unit for row in line)]


def _is_across(line: list[Row], x: float) -> bool:
    """Whether cells of a row stand on both sides of `x`: a table in one column has them on one side."""
    return line[1].x1 <= x <= line[-2].x0


def _is_between(row: Row, rows: list[Row], unit: float) -> bool:
    """Whether other lines stand beside `row` on both sides, as they do beside a caption that hangs between columns."""
    level = [other for other in rows if other.y0 < row.y1 + 0.5 * unit and other.y1 > row.y0 - 0.5 * unit]
    return any(other.x1 <= row.x0 for other in level) and any(other.x0 >= row.x1 for other in level)


def _cut(
    above: list[Row], run: list[Row], below: list[Row], x: float, unit: float, test: _Test
) -> tuple[int, list[list[Row]]]:
    """The lines of `run` as columns beside `x`, and how good that is; no pieces if they are none by `test`."""
    left = [row for row in run if row.x1 <= x]
    right = [row for row in run if row.x0 >= x]
    between = [row for row in run if row.x0 < x < row.x1]
    if min(len(left), len(right)) < _MIN_ROWS:
        return 0, []
    is_sure = not between and all(_num_full(side, _MIN_COLUMN * unit) >= _MANY for side in (left, right))
    least = _NARROW_GUTTER if is_sure else _MIN_GUTTER
    if _white(left, right, unit) < least * unit or not test(left, right, unit):
        return 0, []
    foot = _foot(left, max(row.y1 for row in right), unit)
    left = left[: len(left) - len(foot)]
    below = sorted(foot + below, key=lambda row: row.y0 + row.y1)
    return min(len(left), len(right)) - 2 * len(between), [above, left, between, right, below]


def _white(left: list[Row], right: list[Row], unit: float) -> float:
    """How wide the gutter is; between columns of text the boxes of a few lines may reach into it."""
    ends, starts = sorted((row.x1 for row in left), reverse=True), sorted(row.x0 for row in right)
    full = min(_num_full(side, _MIN_COLUMN * unit) for side in (left, right))
    are_wide = all(_num_full(side, 1.5 * _MIN_COLUMN * unit) >= 2 * _LOOSE for side in (left, right))
    few = min(len(left), len(right)) // _LOOSE if are_wide else full // _LOOSE
    return starts[few] - ends[few]


def _num_full(side: list[Row], least: float) -> int:
    """How many lines are `least` pixels wide, and as wide as most of those of one side."""
    least = max(least, 0.9 * statistics.median(row.x1 - row.x0 for row in side))
    return sum(row.x1 - row.x0 >= least for row in side)


def _foot(column: list[Row], bottom: float, unit: float) -> list[Row]:
    """The last lines of the left column that stand below the right one and apart: they belong to what follows."""
    for i in range(len(column) - 1, max(0, len(column) - 4), -1):
        if column[i].y0 < bottom:
            return []
        if column[i].y0 - column[i - 1].y1 > 0.6 * unit:
            return column[i:]
    return []


def _are_columns(left: list[Row], right: list[Row], unit: float) -> bool:
    """Whether both sides are wider than cells, or one is much wider and not level with the other."""
    if all(statistics.median(row.x1 - row.x0 for row in side) >= _MIN_COLUMN * unit for side in (left, right)):
        return True
    wider = max(_usual_width(left), _usual_width(right))
    return wider >= 1.5 * _MIN_COLUMN * unit and _share_level(left, right, unit) < 0.6


def _are_prose(left: list[Row], right: list[Row], unit: float) -> bool:
    """Whether both sides are text that runs on, with a table or formulas between."""
    return all(_is_prose(side, unit) for side in (left, right))


def _is_prose(side: list[Row], unit: float) -> bool:
    """Whether most printed lines of one side are a single wide piece: there may be a small table between them."""
    printed = printed_lines(side)
    wide = sum(len(line) == 1 and line[0].x1 - line[0].x0 >= _MIN_COLUMN * unit for line in printed)
    return wide >= max(_MIN_ROWS, 0.5 * len(printed))


def _usual_width(side: list[Row]) -> float:
    """The width of the lines that half of the ink of one side is in, or in wider ones."""
    widths = sorted((row.x1 - row.x0 for row in side), reverse=True)
    reached = itertools.accumulate(widths)
    return next(width for width, total in zip(widths, reached, strict=True) if 2 * total >= sum(widths))


def _share_level(left: list[Row], right: list[Row], unit: float) -> float:
    """Share of the shorter side's lines that stand level with one of the other side, as the cells of a table do."""
    few, many = sorted((left, right), key=len)
    middles = [row.y0 + row.y1 for row in many]
    return sum(any(abs(row.y0 + row.y1 - middle) < 0.3 * unit for middle in middles) for row in few) / len(few)


def printed_lines(rows: list[Row]) -> list[list[Row]]:
    """`rows` of one column as printed lines from top to bottom, each from left to right."""
    printed: list[list[Row]] = []
    for row in sorted(rows, key=lambda row: row.y0 + row.y1):
        last = printed[-1] if printed else None
        if last and _overlap(last[-1], row) > 0.5:
            last.append(row)
        else:
            printed.append([row])
    return [sorted(line, key=lambda row: row.x0) for line in printed]


def _overlap(one: Row, other: Row) -> float:
    """How much of the lower of two rows lies at the height of the other, 0 to 1."""
    common = min(one.y1, other.y1) - max(one.y0, other.y0)
    return common / max(1e-6, min(one.height, other.height))
