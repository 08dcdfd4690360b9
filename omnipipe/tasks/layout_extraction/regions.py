"""The lines of a page put into the parts that a layout model found: blocks with kinds, and none of the text lost.

A model of 7 MB is evidence and no judge: it takes running heads for titles and lists for figures. What it says holds
where the lines agree: a heading is short, a table has cells beside one another, running matter stands outermost. Lines
that no part holds, or none that holds, stay as geometry joined them.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from omnipipe.page import Block, Box
from omnipipe.tasks.layout_extraction.pieces import Piece, rows_of
from omnipipe.tasks.ocr_extraction.entries import is_entry
from omnipipe.text.blocks.paragraphs import is_unfinished

_INSIDE = 0.6
"""Share of a line's area that lies in the part which holds it."""
_SAME = 0.7
"""Intersection by union from which two parts of different kinds are one: the surer is right."""
_SURE = 0.5
_MAX_TITLE = 200
_MAX_TITLE_LINES = 4
_FULL = 0.02
"""Share of the page's width that a full line ends before the widest one of its paragraph at most."""
_PROSE = 30
"""Letters that a line of running text has at least."""
_TABLE_ROWS = 2
"""Rows with cells beside one another that a table has at least."""
_COLUMN = 10
"""Lines of a column of text, which no figure has."""
_PARAGRAPH = 5
"""Lines that a paragraph has at least that none of a figure's labels is."""
_SET = 20
"""Letters that lines of columns of text have."""
_JUSTIFIED = 0.75
"""Share of its lines that end below one another in a paragraph of text."""
_JUMP = 0.5
"""Share of a figure's height by which the next column begins higher than the last one ends."""
_LEVEL = 0.3
"""Heights of a line by which the beginnings of cells of one row differ at most."""
_REFERENCE = re.compile(r"^\s*(\[\d{1,3}\]|\(?\d{1,3}[.)])\s|\b(19|20)\d\d\b")
_WORD = re.compile(r"[^\W\d_]{2}")


class Place(NamedTuple):
    """Where a line belongs: the type of its block, and the number of the part; -1 where geometry decides."""

    kind: str
    part: int = -1


def distinct(regions: Sequence[Block]) -> list[Block]:
    """`regions` without those that a surer one covers as well, the surest first."""
    kept: list[Block] = []
    for region in sorted(regions, key=lambda region: -(region.confidence or 0.0)):
        if region.bbox and all(_shared(region.bbox, other.bbox or region.bbox) < _SAME for other in kept):
            kept.append(region)
    return kept


def place(pieces: Sequence[Piece], parts: Sequence[Block]) -> list[Place | None]:
    """The part of each line; None for lines that no part holds. `parts` are distinct ones."""
    held: dict[int, list[int]] = {}
    for index, piece in enumerate(pieces):
        part = _holder(piece.box, parts)
        if part is not None:
            held.setdefault(part, []).append(index)
    sizes = Counter(piece.paragraph for piece in pieces)
    places: list[Place | None] = [None] * len(pieces)
    for part, indices in held.items():
        if parts[part].type == "title":
            indices = _heading_lines(indices, pieces, sizes)
        own = [pieces[index] for index in indices]
        kind = _agreed(parts[part], own, pieces)
        for index in indices:
            is_text = kind == "figure" and _is_prose(pieces[index])
            if kind is not None and not (is_text and _is_outside(pieces[index], own, pieces)):
                places[index] = Place(kind, part)
    return places


def _holder(box: Box, parts: Sequence[Block]) -> int | None:
    """The part that holds a line with `box`; of several a table, else the smallest, and a figure last."""
    best: tuple[tuple[int, float], int] | None = None
    for number, part in enumerate(parts):
        assert part.bbox is not None
        least = 0.3 if part.type == "title" else _INSIDE
        if _covered(box, part.bbox) < least:
            continue
        rank = {"table": 0, "figure": 2}.get(part.type, 1)
        key = (rank, (part.bbox[2] - part.bbox[0]) * (part.bbox[3] - part.bbox[1]))
        if best is None or key < best[0]:
            best = (key, number)
    return best[1] if best is not None else None


def _agreed(part: Block, own: Sequence[Piece], pieces: Sequence[Piece]) -> str | None:
    """The type of the blocks of `own` as `part` says, where the lines agree; None where geometry decides alone."""
    sure = part.confidence or 0.0
    text = " ".join(piece.text for piece in own)
    if part.type == "title":
        return "title" if _is_title(text, own, pieces) else None
    if part.type == "table" and (2 * sum(is_entry(piece.text) for piece in own) > len(own) or _is_news(own)):
        return None
    if part.type == "table" and _has_text_columns(own):
        return None
    if part.type == "table":
        return "table" if sure >= _SURE and sum(len(row) > 1 for row in rows_of(own)) >= _TABLE_ROWS else None
    if part.type == "figure":
        running = _running_text(own)
        prose = sum(
            len(piece.text) for piece in own if _is_prose(piece) or is_entry(piece.text) or piece.paragraph in running
        )
        return "figure" if sure >= _SURE and prose < 0.5 * len(text) and not _are_columns(own) else None
    if part.type == "caption":
        return "caption" if sure >= _SURE and not _goes_on(own[0], pieces) else None
    if part.type == "reference":
        like = sum(bool(_REFERENCE.search(piece.text)) for piece in own)
        return "reference" if sure >= _SURE and 4 * like >= len(own) else None
    if part.type in ("formula", "footnote", "list"):
        return part.type if sure >= _SURE else None
    return None


def _heading_lines(indices: list[int], pieces: Sequence[Piece], sizes: Counter[int]) -> list[int]:
    """`indices` of lines in a title's part without those that begin a paragraph below the heading."""
    inside = Counter(pieces[index].paragraph for index in indices)
    whole = [index for index in indices if inside[pieces[index].paragraph] == sizes[pieces[index].paragraph]]
    return whole or indices


def _is_title(text: str, own: Sequence[Piece], pieces: Sequence[Piece]) -> bool:
    if len(text) > _MAX_TITLE or len(own) > _MAX_TITLE_LINES or not _WORD.search(text):
        return False
    if text.rstrip()[-1] in ",;" or (text.rstrip()[-1] == "." and len(text.split()) > 8):
        return False
    # A line in the middle of a paragraph is no heading, whatever it looks like.
    numbers = {piece.paragraph for piece in own}
    others = [piece for piece in pieces if piece.paragraph in numbers and piece not in own]
    if any(piece.box[1] < own[0].box[1] for piece in others):
        return False
    # Nor is a full line that the paragraph goes on from; headings that geometry joined with one end before.
    last = own[-1].box
    below = [piece.box[2] for piece in others if piece.box[1] > (last[1] + last[3]) / 2]
    return not below or last[2] < max(below) - _FULL


def _goes_on(piece: Piece, pieces: Sequence[Piece]) -> bool:
    """Whether a line goes on with the sentence of the one before it, in one paragraph."""
    index = pieces.index(piece)
    before = pieces[index - 1] if index else None
    return before is not None and before.paragraph == piece.paragraph and is_unfinished(before.text, piece.text)


def _are_columns(own: Sequence[Piece]) -> bool:
    """Whether geometry read long columns of lines one after another: of a figure all texts are short."""
    top, bottom = min(piece.box[1] for piece in own), max(piece.box[3] for piece in own)
    jumps = [
        number
        for number, (before, piece) in enumerate(pairwise(own), 1)
        if before.box[1] - piece.box[1] > _JUMP * (bottom - top)
    ]
    lengths = [end - start for start, end in pairwise([0, *jumps, len(own)])]
    return any(min(pair) >= _COLUMN for pair in pairwise(lengths))


def _is_news(own: Sequence[Piece]) -> bool:
    """Whether geometry read long columns, and their paragraphs begin anywhere: the rows of a table begin level."""
    if not _are_columns(own):
        return False
    tops = [piece for before, piece in pairwise(own) if piece.paragraph != before.paragraph]
    level = sum(
        any(abs(other.box[1] - top.box[1]) < _LEVEL * top.height and other.box[0] != top.box[0] for other in tops)
        for top in tops
    )
    return 2 * level < len(tops)


def _has_text_columns(own: Sequence[Piece]) -> bool:
    """Whether long runs of text stand beside one another, line close below line; between rows of a table is white."""
    runs: list[list[Piece]] = []
    for piece in own:
        above = runs[-1][-1] if runs else None
        if above is not None and len(piece.text) >= _SET and _is_next(above.box, piece.box):
            runs[-1].append(piece)
        else:
            runs.append([piece])
    spans = [_span(run) for run in runs if len(run) >= _COLUMN]
    return any(left[2] < right[0] and left[1] < right[3] and right[1] < left[3] for left in spans for right in spans)


def _span(run: Sequence[Piece]) -> Box:
    """Where the lines of a column usually begin and end, and its first and its last line."""
    x0s, x1s = [piece.box[0] for piece in run], [piece.box[2] for piece in run]
    return statistics.median(x0s), run[0].box[1], statistics.median(x1s), run[-1].box[3]


def _is_next(above: Box, box: Box) -> bool:
    """Whether a line stands close below another one."""
    is_close = above[1] < box[1] < above[3] + (above[3] - above[1])
    return is_close and min(above[2], box[2]) > max(above[0], box[0])


def _running_text(own: Sequence[Piece]) -> frozenset[int]:
    """The paragraphs of many lines that end below one another: text, also of a script without blanks."""
    lines: dict[int, list[Piece]] = {}
    for piece in own:
        lines.setdefault(piece.paragraph, []).append(piece)
    return frozenset(
        paragraph for paragraph, members in lines.items() if len(members) >= _PARAGRAPH and _is_justified(members)
    )


def _is_justified(members: Sequence[Piece]) -> bool:
    right = max(piece.box[2] for piece in members)
    full = sum(len(piece.text) >= _SET and piece.box[2] > right - _FULL for piece in members)
    return full >= _JUSTIFIED * len(members)


def _is_outside(prose: Piece, own: Sequence[Piece], pieces: Sequence[Piece]) -> bool:
    """Whether a line of text is none of the figure that holds `own`; single ones between its labels are of it."""
    middle = (prose.box[1] + prose.box[3]) / 2
    for other in pieces:
        if other.paragraph == prose.paragraph and not other.box[1] < middle < other.box[3]:
            return True
    labels = [piece.box for piece in own if not _is_prose(piece)]
    return not (any(box[3] < middle for box in labels) and any(box[1] > middle for box in labels))


def _is_prose(piece: Piece) -> bool:
    return len(piece.text) >= _PROSE and len(piece.text.split()) >= 5


def _covered(box: Box, part: Box) -> float:
    """The share of `box` that lies in `part`, which is let out a little above and below: parts cut off their lines."""
    slack = 0.4 * (box[3] - box[1])
    across = min(box[2], part[2]) - max(box[0], part[0])
    down = min(box[3], part[3] + slack) - max(box[1], part[1] - slack)
    area = (box[2] - box[0]) * (box[3] - box[1])
    return across * down / area if across > 0 and down > 0 and area > 0 else 0.0


def _shared(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    either = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both
    return both / either if either > 0 else 0.0


def heading_level(size: float, usual: float) -> int:
    """The level (1 to 3) of a heading whose letters have `size`, on a page whose text has letters of `usual` size."""
    ratio = size / usual if usual > 0 else 1.0
    return 1 if ratio >= 1.5 else 2 if ratio >= 1.2 else 3
