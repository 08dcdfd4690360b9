"""Numbers of lines in the margin of running text, as in drafts of laws, manuscripts and transcripts read by OCR."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

from omnipipe.tasks.ocr_extraction.columns import Row, printed_lines

_LEAST, _LEAST_STEPS = 8, 6
"""Numbers that a column of them has at least, and where each fifth or tenth line has one."""
_EVEN = 0.8
"""Heights of a line by which the column's edges differ at most."""
_WIDE = 15.0
"""Heights of a line that half of the text's lines are wide at least."""
_ALL, _FEW = 20, 0.25
"""Numbers of a page each of whose lines has one, and the share of its lines that are wide: transcripts are set wide."""
_MOST = 0.05
"""Share of the text's lines that may reach into the column, and of two cells beside one another."""
_COUNTED = 0.7
"""Share of the numbers that follow the one above by the usual step, at least."""
_NEAR = 4.0
"""Heights of a line within which a line that was read with its number begins as another one does."""
_NUMBER = re.compile(r"\d{1,4}")
_GLUED = re.compile(r"(\d{1,4})\s+(?=\S)")


def split_line_numbers(rows: Sequence[Row], unit: float) -> tuple[list[Row], list[Row]]:
    """`rows` without numbers of lines, and these from top to bottom; `unit` is the usual height of a line.

    They stand in one column beside all text, at the left or right of it, and count by one step; what is beside them
    runs on and is no table. A number that was read with its line is cut off.
    """
    numbers = [row for row in rows if _NUMBER.fullmatch(row.line.text)]
    if len(numbers) < _LEAST_STEPS:
        return list(rows), []
    for column in (_column(numbers, unit, is_left=True), _column(numbers, unit, is_left=False)):
        own = {id(row) for row in column}
        rest = [row for row in rows if id(row) not in own]
        if not _counts([int(row.line.text) for row in column]) or not rest:
            continue
        begin, end = min(row.x0 for row in column), max(row.x1 for row in column)
        is_left = begin < min(row.x0 for row in rest) + unit
        glued = [row for row in rest if is_left and _is_glued(row, column, begin, unit)]
        text = [row for row in rest if row not in glued]
        within = sum(row.x0 < end if is_left else row.x1 > begin for row in text)
        if within > _MOST * len(text) + 2 or not _is_running(text, glued, len(column), unit):
            continue
        parted = [_parted(row, [row.x0 for row in text], unit) for row in glued]
        cut = [number for number, _ in parted]
        found = sorted([*column, *cut], key=lambda row: row.y0 + row.y1)
        return [*text, *(line for _, line in parted)], found
    return list(rows), []


def _column(numbers: Sequence[Row], unit: float, *, is_left: bool) -> list[Row]:
    """The outermost numbers whose right or left edges are even, from top to bottom."""
    best: list[Row] = []
    for one in numbers:
        right = [row for row in numbers if abs(row.x1 - one.x1) < _EVEN * unit]
        left = [row for row in numbers if abs(row.x0 - one.x0) < _EVEN * unit]
        for own in (right, left):
            if len(own) < _LEAST_STEPS:
                continue
            side = -own[0].x0 if is_left else own[0].x0
            if not best or side > (-best[0].x0 if is_left else best[0].x0) + unit or len(own) > len(best):
                best = own
    return sorted(best, key=lambda row: row.y0 + row.y1)


def _counts(values: Sequence[int]) -> bool:
    """Whether most numbers follow the one above by one step; single ones may be misread or missing."""
    steps = Counter(below - above for above, below in itertools.pairwise(values))
    if not steps:
        return False
    step = min((size for size in steps if size > 0 and 3 * steps[size] >= len(values)), default=0)
    if step not in (1, 2, 3, 4, 5, 10) or len(values) < (_LEAST_STEPS if step >= 5 else _LEAST):
        return False
    told = sum(number for size, number in steps.items() if size > 0 and size % step == 0 and size <= 10 * step)
    return told >= _COUNTED * (len(values) - 1)


def _is_glued(row: Row, column: Sequence[Row], begin: float, unit: float) -> bool:
    """Whether a line begins with its number, which is between those above and below."""
    match = _GLUED.match(row.line.text)
    if match is None or abs(row.x0 - begin) > 2 * unit:
        return False
    above = [int(other.line.text) for other in column if other.y0 < row.y0][-1:]
    below = [int(other.line.text) for other in column if other.y0 > row.y0][:1]
    return (
        bool(above or below)
        and all(value < int(match[1]) for value in above)
        and all(value > int(match[1]) for value in below)
    )


def _is_running(text: Sequence[Row], glued: Sequence[Row], num_numbers: int, unit: float) -> bool:
    """Whether the text beside the numbers is wide, and no table."""
    lines = [row for row in (*text, *glued) if any(map(str.isalpha, row.line.text))]
    wide = sum(row.x1 - row.x0 >= _WIDE * unit for row in lines)
    if wide < (_FEW if num_numbers >= _ALL else 0.5) * len(lines) or not lines:
        return False
    printed = printed_lines(list(text))
    return sum(len(line) > 2 for line in printed) <= _MOST * len(printed) + 1


def _parted(row: Row, starts: Sequence[float], unit: float) -> tuple[Row, Row]:
    """The number of a line, and the line without it, which begins where one of `starts` is near."""
    match = _GLUED.match(row.line.text)
    assert match is not None
    at = row.x0 + (row.x1 - row.x0) * match.end() / len(row.line.text)
    near = min(starts, key=lambda start: abs(start - at), default=at)
    at = near if abs(near - at) < _NEAR * unit else at
    x0, y0, x1, y1 = row.line.bbox
    middle = round(x0 + (x1 - x0) * (at - row.x0) / (row.x1 - row.x0), 5)
    number = row.line._replace(text=match[1], bbox=(x0, y0, middle, y1))
    line = row.line._replace(text=row.line.text[match.end() :], bbox=(middle, y0, x1, y1))
    return row._replace(x1=at, line=number), row._replace(x0=at, line=line)
