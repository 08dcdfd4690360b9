"""Lines that an OCR engine found, put into reading order and joined into paragraphs."""

from __future__ import annotations

import itertools
import math
import re
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from omnipipe.page import Block, Box, Line

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]

_SLACK = 0.15
"""Share of its height by which a detected box is wider and higher on each side than its text."""
_MIN_GUTTER = 0.6
"""Heights of a line that are free between two columns at least."""
_MIN_COLUMN = 9.0
"""Heights of a line that the lines of a column are wide at least; the cells of a table are narrower."""
_MIN_ROWS = 3
"""Lines that a column has at least."""
_MAX_LINES = 600
"""Pages with more lines (maps, drawings) are read in rows only: looking for columns takes seconds there."""
BULLET = "•"
_ITEM = re.compile(r"[•●▪■◦○‣]\s?\S")
_SIGN = re.compile(r"^[•●▪■◦○‣]\s*(?=\S)")
"""How a line begins that starts an item of a list."""
_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


class FoundLine(NamedTuple):
    """A line as an engine found it: `corners` in pixels, clockwise from the start of the text's upper edge.

    `doubtful` of its characters the engine was not sure of; 0 where it does not tell.
    """

    text: str
    confidence: float
    corners: Quad
    doubtful: int = 0


class _Row(NamedTuple):
    x0: float
    y0: float
    x1: float
    y1: float
    line: Line

    @property
    def height(self) -> float:
        return self.y1 - self.y0


def arrange(
    found: Sequence[FoundLine], size: tuple[int, int], source: str
) -> tuple[tuple[Line, ...], tuple[Block, ...]]:
    """`found` as lines in reading order, and as paragraphs.

    `size` is the picture's width and height in pixels. Columns are read one after another, rows of a table across.
    """
    angle = skew([line.corners for line in found])
    rows = [_row(line, size, angle) for line in found]
    if not rows:
        return (), ()
    unit = statistics.median(row.height for row in rows)
    lines: list[Line] = []
    blocks: list[Block] = []
    for part in _parts(rows, unit, 0):
        for paragraph in _paragraphs(_printed(part), unit):
            members = [row.line for row in paragraph]
            blocks.append(_block(members, len(blocks), source))
            lines += members
    return tuple(lines), tuple(blocks)


def skew(quads: Sequence[Quad]) -> float:
    """The angle of the text in radians, clockwise positive: the median over the longer half of the lines."""
    edges = sorted(((q[1][0] - q[0][0], q[1][1] - q[0][1]) for q in quads), key=lambda e: -math.hypot(*e))
    angles = [math.atan2(dy, dx) for dx, dy in edges[: max(1, len(edges) // 2)] if dx > abs(dy)]
    angle = statistics.median(angles) if angles else 0.0
    return angle if abs(angle) < math.radians(20) else 0.0


def join_lines(texts: Sequence[str]) -> str:
    """The lines of a paragraph as markdown: a word broken by a hyphen at the end of a line is put together, a bullet at
    the start of the first is `- `."""
    joined = ""
    for text in texts:
        if re.search(r"[^\W\d_]-$", joined) and re.match(r"[^\W\d_]", text) and text[0].islower():
            joined = joined[:-1] + text
        elif joined and _CJK.match(joined[-1]) and _CJK.match(text[:1]):
            joined += text
        else:
            joined = f"{joined} {text}" if joined else text
    return _SIGN.sub("- ", joined)


def _row(found: FoundLine, size: tuple[int, int], angle: float) -> _Row:
    width, height = size
    xs, ys = zip(*found.corners, strict=True)
    box: Box = (_share(min(xs), width), _share(min(ys), height), _share(max(xs), width), _share(max(ys), height))
    sine, cosine = math.sin(-angle), math.cos(-angle)
    level_x = [x * cosine - y * sine for x, y in found.corners]
    level_y = [x * sine + y * cosine for x, y in found.corners]
    line = Line(found.text, box, round(found.confidence, 4))
    slack = _SLACK * (max(level_y) - min(level_y))
    return _Row(min(level_x) + slack, min(level_y) + slack, max(level_x) - slack, max(level_y) - slack, line)


def _share(value: float, whole: int) -> float:
    return round(min(1.0, max(0.0, value / whole)), 5)


def _parts(rows: list[_Row], unit: float, depth: int) -> list[list[_Row]]:
    """`rows` cut into parts of one column each, in reading order."""
    split = _find_columns(rows, unit) if 2 * _MIN_ROWS <= len(rows) <= _MAX_LINES and depth < 8 else None
    if split is None:
        return [rows] if rows else []
    return [part for piece in split for part in _parts(piece, unit, depth + 1)]


def _find_columns(rows: list[_Row], unit: float) -> list[list[_Row]] | None:
    """What is above, left, between, right and below of the gutter with most lines beside it; None without one."""
    ordered = sorted(rows, key=lambda row: row.y0 + row.y1)
    best: tuple[int, list[list[_Row]]] | None = None
    ends = {int(2 * row.x1 / unit): row.x1 for row in sorted(rows, key=lambda row: row.x1)}
    for x in ends.values():
        crossing = [other for other in ordered if other.x0 < x < other.x1]
        if 2 * len(crossing) > len(rows):
            continue
        walls = {id(other) for other in crossing if not _is_between(other, ordered, unit)}
        start = 0
        for end in range(len(ordered) + 1):
            if end < len(ordered) and id(ordered[end]) not in walls:
                continue
            weight, pieces = _cut(ordered, start, end, x, unit)
            if pieces and (best is None or weight > best[0]):
                best = weight, pieces
            start = end + 1
    return best[1] if best else None


def _is_between(row: _Row, rows: list[_Row], unit: float) -> bool:
    """Whether other lines stand beside `row` on both sides, as they do beside a caption that hangs between columns."""
    level = [other for other in rows if other.y0 < row.y1 + 0.5 * unit and other.y1 > row.y0 - 0.5 * unit]
    return any(other.x1 <= row.x0 for other in level) and any(other.x0 >= row.x1 for other in level)


def _cut(ordered: list[_Row], start: int, end: int, x: float, unit: float) -> tuple[int, list[list[_Row]]]:
    """The lines from `start` to `end` as columns beside `x`, and how good that is; no pieces if they are none."""
    run = ordered[start:end]
    left = [row for row in run if row.x1 <= x]
    right = [row for row in run if row.x0 >= x]
    between = [row for row in run if row.x0 < x < row.x1]
    if not _are_columns(left, right, unit):
        return 0, []
    foot = _foot(left, max(row.y1 for row in right), unit)
    left = left[: len(left) - len(foot)]
    below = sorted(foot + ordered[end:], key=lambda row: row.y0 + row.y1)
    return min(len(left), len(right)) - 2 * len(between), [ordered[:start], left, between, right, below]


def _foot(column: list[_Row], bottom: float, unit: float) -> list[_Row]:
    """The last lines of the left column that stand below the right one and apart: they belong to what follows."""
    for i in range(len(column) - 1, max(0, len(column) - 4), -1):
        if column[i].y0 < bottom:
            return []
        if column[i].y0 - column[i - 1].y1 > 0.6 * unit:
            return column[i:]
    return []


def _are_columns(left: list[_Row], right: list[_Row], unit: float) -> bool:
    if min(len(left), len(right)) < _MIN_ROWS:
        return False
    if min(row.x0 for row in right) - max(row.x1 for row in left) < _MIN_GUTTER * unit:
        return False
    widths = sorted(statistics.median(row.x1 - row.x0 for row in side) for side in (left, right))
    if widths[0] >= _MIN_COLUMN * unit:
        return True
    return widths[1] >= 1.5 * _MIN_COLUMN * unit and _share_level(left, right, unit) < 0.6


def _share_level(left: list[_Row], right: list[_Row], unit: float) -> float:
    """Share of the shorter side's lines that stand level with one of the other side, as the cells of a table do."""
    few, many = sorted((left, right), key=len)
    middles = [row.y0 + row.y1 for row in many]
    return sum(any(abs(row.y0 + row.y1 - middle) < 0.3 * unit for middle in middles) for row in few) / len(few)


def _printed(rows: list[_Row]) -> list[list[_Row]]:
    """`rows` of one column as printed lines from top to bottom, each from left to right."""
    printed: list[list[_Row]] = []
    for row in sorted(rows, key=lambda row: row.y0 + row.y1):
        last = printed[-1] if printed else None
        if last and _overlap(last[-1], row) > 0.5:
            last.append(row)
        else:
            printed.append([row])
    return [sorted(line, key=lambda row: row.x0) for line in printed]


def _overlap(one: _Row, other: _Row) -> float:
    """How much of the lower of two rows lies at the height of the other, 0 to 1."""
    common = min(one.y1, other.y1) - max(one.y0, other.y0)
    return common / max(1e-6, min(one.height, other.height))


def _paragraphs(printed: list[list[_Row]], unit: float) -> list[list[_Row]]:
    """Printed lines grouped into paragraphs, by gaps, first-line indents and short last lines."""
    if not printed:
        return []
    pitches = [below[0].y0 - above[0].y0 for above, below in itertools.pairwise(printed)]
    pitch = min(statistics.median(pitches), 2.2 * unit) if pitches else unit
    paragraphs = [list(printed[0])]
    for i, (above, line) in enumerate(itertools.pairwise(printed)):
        # Text flows around pictures, so that only the lines near by tell how wide a column is.
        near = printed[max(0, i - 2) : i + 4]
        left, right = min(near_by[0].x0 for near_by in near), max(near_by[-1].x1 for near_by in near)
        is_table = len(above) > 1 or len(line) > 1
        # The further lines of an item stand no less in than its first one.
        first = paragraphs[-1][0]
        is_hanging = _ITEM.match(first.line.text) is not None
        is_indented = line[0].x0 - left > unit and above[0].x0 - left < 0.7 * unit and not is_hanging
        is_short = right - above[-1].x1 > 0.25 * (right - left) and not above[-1].line.text.endswith("-")
        is_resized = not 0.7 < line[0].height / max(1e-6, above[0].height) < 1.4
        is_item = _ITEM.match(line[0].line.text) is not None or (is_hanging and line[0].x0 < first.x0 - 0.7 * unit)
        if is_item or is_table or is_indented or is_short or is_resized or line[0].y0 - above[0].y0 > 1.35 * pitch:
            paragraphs.append(list(line))
        else:
            paragraphs[-1] += line
    return paragraphs


def _block(members: Sequence[Line], order: int, source: str) -> Block:
    x0s, y0s, x1s, y1s = zip(*(line.bbox for line in members), strict=True)
    size = sum(len(line.text) for line in members)
    confidence = sum(len(line.text) * (line.confidence or 0.0) for line in members) / max(1, size)
    box = (min(x0s), min(y0s), max(x1s), max(y1s))
    text = join_lines([line.text for line in members])
    kind = "list" if _ITEM.match(members[0].text) else "text"
    return Block(kind, box, order, None, text, confidence=round(confidence, 4), source=source)
