"""Lines that an OCR engine found, put into reading order and joined into paragraphs."""

from __future__ import annotations

import itertools
import math
import re
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from omnipipe.page import Block, Box, Line
from omnipipe.tasks.ocr_extraction.columns import Row, printed_lines, to_parts
from omnipipe.tasks.ocr_extraction.facing import split_facing
from omnipipe.text.compose import NEVER_SHOWN, compose

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]

_SLACK = 0.15
"""Share of its height by which a detected box is wider and higher on each side than its text."""
BULLET = "•"
_ITEM = re.compile(r"[•●▪■◦○‣]\s?\S")
_SIGN = re.compile(r"^[•●▪■◦○‣]\s*(?=\S)")
"""How a line begins that starts an item of a list."""
_LEADER = re.compile(r"…|(?:[.·]\s?){3}[\s.·…]*")
_NUMBER = re.compile(r"(?:[A-Z]-?)?\d[\d\s,.;:–-]*|[ivxlc]+")
"""Numbers of pages, and prices."""
_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


class FoundLine(NamedTuple):
    """A line as an engine found it: `corners` in pixels, clockwise from the start of the text's upper edge.

    `doubtful` of its characters the engine was not sure of; 0 where it does not tell.
    """

    text: str
    confidence: float
    corners: Quad
    doubtful: int = 0


def arrange(
    found: Sequence[FoundLine], size: tuple[int, int], source: str
) -> tuple[tuple[Line, ...], tuple[Block, ...]]:
    """`found` as lines in reading order, and as paragraphs.

    `size` is the picture's width and height in pixels. Columns are read one after another, rows of a table across.
    Lines of a facing page, cut off at the picture's edge, are the last block, which is hidden.
    """
    angle = skew([line.corners for line in found])
    found, away = split_facing(found, size[0], angle)
    rows = [_row(line, size, angle) for line in found]
    if not rows:
        return (), ()
    unit = statistics.median(row.height for row in rows)
    lines: list[Line] = []
    blocks: list[Block] = []
    for part in to_parts(rows, unit):
        for paragraph in _paragraphs(printed_lines(part), unit):
            members = [row.line for row in paragraph]
            blocks.append(_block(members, len(blocks), source))
            lines += members
    if away:
        members = [_row(line, size, angle).line for line in sorted(away, key=lambda line: line.corners[0][1])]
        blocks.append(_block(members, len(blocks), source)._replace(type=NEVER_SHOWN))
        lines += members
    return tuple(lines), tuple(blocks)


def to_markdown(blocks: Sequence[Block]) -> str:
    """The markdown of what `arrange` made of a page."""
    return compose((block.type, block.level, block.text) for block in blocks)


def skew(quads: Sequence[Quad]) -> float:
    """The angle of the text in radians, clockwise positive: the median over the longer half of the lines."""
    edges = sorted(((q[1][0] - q[0][0], q[1][1] - q[0][1]) for q in quads), key=lambda e: -math.hypot(*e))
    angles = [math.atan2(dy, dx) for dx, dy in edges[: max(1, len(edges) // 2)] if dx > abs(dy)]
    angle = statistics.median(angles) if angles else 0.0
    return angle if abs(angle) < math.radians(20) else 0.0


def is_number(text: str) -> bool:
    """Whether `text` is what dots lead to: a number, some of them, or one in Roman letters."""
    return _NUMBER.fullmatch(text.strip()) is not None


def is_entry(text: str) -> bool:
    """Whether a line is one of a table of contents, of an index or of a price list: dots lead to its number."""
    leaders = [*_LEADER.finditer(text)]
    if not leaders or not any(map(str.isalpha, text[: leaders[-1].start()])):
        return False
    return is_number(text[leaders[-1].end() :])


def join_lines(texts: Sequence[str]) -> str:
    """The lines of a paragraph as markdown: a word broken by a hyphen at the end of a line is put together, a bullet at
    the start of the first is `- `; an entry that dots lead to its number ends its line."""
    joined = ""
    for text in texts:
        if re.search(r"[^\W\d_]-$", joined) and re.match(r"[^\W\d_]", text) and text[0].islower():
            joined = joined[:-1] + text
        elif joined and _CJK.match(joined[-1]) and _CJK.match(text[:1]):
            joined += text
        elif is_entry(joined.rsplit("\n", 1)[-1]):
            joined = f"{joined}\n{text}"
        else:
            joined = f"{joined} {text}" if joined else text
    return _SIGN.sub("- ", joined)


def _row(found: FoundLine, size: tuple[int, int], angle: float) -> Row:
    width, height = size
    xs, ys = zip(*found.corners, strict=True)
    box: Box = (_share(min(xs), width), _share(min(ys), height), _share(max(xs), width), _share(max(ys), height))
    sine, cosine = math.sin(-angle), math.cos(-angle)
    level_x = [x * cosine - y * sine for x, y in found.corners]
    level_y = [x * sine + y * cosine for x, y in found.corners]
    line = Line(found.text, box, round(found.confidence, 4))
    slack = _SLACK * (max(level_y) - min(level_y))
    return Row(min(level_x) + slack, min(level_y) + slack, max(level_x) - slack, max(level_y) - slack, line)


def _share(value: float, whole: int) -> float:
    return round(min(1.0, max(0.0, value / whole)), 5)


def _paragraphs(printed: list[list[Row]], unit: float) -> list[list[Row]]:
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
        is_listed = is_entry(above[-1].line.text) and is_entry(line[-1].line.text)
        is_table = (len(above) > 1 or len(line) > 1) and not is_listed
        # The further lines of an item stand no less in than its first one.
        first = paragraphs[-1][0]
        is_hanging = _ITEM.match(first.line.text) is not None
        is_indented = line[0].x0 - left > unit and above[0].x0 - left < 0.7 * unit and not (is_hanging or is_listed)
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
