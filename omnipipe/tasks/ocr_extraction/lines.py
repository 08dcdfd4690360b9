"""Lines that an OCR engine found, put into reading order and joined into paragraphs."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from omnipipe.page import Block, Box, Line
from omnipipe.tasks.ocr_extraction.aside import is_running_aside, split_aside
from omnipipe.tasks.ocr_extraction.columns import Row, printed_lines, to_parts
from omnipipe.tasks.ocr_extraction.entries import is_entry
from omnipipe.tasks.ocr_extraction.facing import split_facing
from omnipipe.tasks.ocr_extraction.line_numbers import split_line_numbers
from omnipipe.tasks.ocr_extraction.paragraphs import is_item, to_paragraphs
from omnipipe.text.compose import NEVER_SHOWN, compose

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]

_SLACK = 0.15
"""Share of its height by which a detected box is wider and higher on each side than its text."""
BULLET = "•"
_SIGN = re.compile(r"^[•●▪■◦○‣]\s*(?=\S)")
"""How a line begins that starts an item of a list."""
_HASH = re.compile(r"^#{1,6}(?=\s)", re.MULTILINE)
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
    Lines that run up or down the page are blocks of their own behind all others, and so are numbers of lines in the
    margin; lines of a facing page, cut off at the picture's edge, are the last block, which is hidden.
    """
    angle = skew([line.corners for line in found])
    found, away = split_facing(found, size[0], angle)
    found, aside = split_aside(found)
    rows = [_row(line, size, angle) for line in found]
    if not rows:
        return (), ()
    unit = statistics.median(row.height for row in rows)
    rows, numbers = split_line_numbers(rows, unit)
    lines: list[Line] = []
    blocks: list[Block] = []
    for part in to_parts(rows, unit):
        for paragraph in to_paragraphs(printed_lines(part), unit):
            members = [row.line for row in paragraph]
            blocks.append(_block(members, len(blocks), source))
            lines += members
    for upright in aside:
        members = [_row(upright, size, angle).line]
        block = _block(members, len(blocks), source)
        blocks.append(block._replace(type="header") if is_running_aside(upright, found, size[0]) else block)
        lines += members
    if numbers:
        members = [row.line for row in numbers]
        blocks.append(_block(members, len(blocks), source)._replace(type="line_number"))
        lines += members
    if away:
        members = [_row(line, size, angle).line for line in sorted(away, key=lambda line: line.corners[0][1])]
        blocks.append(_block(members, len(blocks), source)._replace(type=NEVER_SHOWN))
        lines += members
    return tuple(lines), tuple(blocks)


def to_markdown(blocks: Sequence[Block], keep_headers: bool = False) -> str:
    """The markdown of the blocks of an OCR page; a prompt or comment that begins with `#` is made no heading by it."""
    return compose(
        (
            (block.type, block.level, block.text if block.level else _HASH.sub(r"\\\g<0>", block.text))
            for block in blocks
        ),
        keep_headers,
    )


def skew(quads: Sequence[Quad]) -> float:
    """The angle of the text in radians, clockwise positive: the median over the longer half of the lines."""
    edges = sorted(((q[1][0] - q[0][0], q[1][1] - q[0][1]) for q in quads), key=lambda e: -math.hypot(*e))
    angles = [math.atan2(dy, dx) for dx, dy in edges[: max(1, len(edges) // 2)] if dx > abs(dy)]
    angle = statistics.median(angles) if angles else 0.0
    return angle if abs(angle) < math.radians(20) else 0.0


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


def _block(members: Sequence[Line], order: int, source: str) -> Block:
    x0s, y0s, x1s, y1s = zip(*(line.bbox for line in members), strict=True)
    size = sum(len(line.text) for line in members)
    confidence = sum(len(line.text) * (line.confidence or 0.0) for line in members) / max(1, size)
    box = (min(x0s), min(y0s), max(x1s), max(y1s))
    text = join_lines([line.text for line in members])
    kind = "list" if is_item(members[0].text) else "text"
    return Block(kind, box, order, None, text, confidence=round(confidence, 4), source=source)
