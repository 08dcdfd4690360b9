"""The blocks of a page from what geometry made of its lines, and from the parts that a layout model found."""

from __future__ import annotations

from collections.abc import Sequence

from omnipipe.page import Block, Box, Line
from omnipipe.tasks.layout_extraction.order import order_boxes
from omnipipe.tasks.layout_extraction.pieces import Piece, to_pieces
from omnipipe.tasks.layout_extraction.regions import Place, heading_level, place
from omnipipe.tasks.ocr_extraction.lines import join_lines
from omnipipe.text.compose import PAGE_FURNITURE
from omnipipe.text.running import Box as MarginLine
from omnipipe.text.running import classify_margins

_BAND = 0.12
"""Share of the page's height, at the top and at the bottom, in which a model's header or footer is believed."""
_MAX_RUNNING = 120
"""Letters of a line of running matter at most."""


def apply_regions(
    blocks: Sequence[Block], lines: Sequence[Line], regions: Sequence[Block], *, aspect: float
) -> tuple[Block, ...]:
    """The blocks of a page in reading order, with kinds; every line, or block where there are none, is in one of them.

    `blocks` and `lines` are what geometry made of the page, in reading order; `regions` what a layout model found, none
    if it was not asked. `aspect` is the page's width by its height. Where a part without text is a figure it is a block
    of its own.
    """
    pieces = to_pieces(blocks, lines)
    places = place(pieces, regions)
    running = _running(pieces, regions, aspect)
    groups: dict[Place, list[Piece]] = {}
    for index, piece in enumerate(pieces):
        where = running[index] or places[index] or Place(piece.block.type)
        # What geometry joined stays apart from its neighbours, unless one part holds it all.
        key = where if where.part >= 0 and where.kind in _WHOLE else Place(where.kind, -2 - piece.paragraph)
        groups.setdefault(key, []).append(piece)
    heights = [piece.height for piece in pieces]
    made = [_block(key, own, heights) for key, own in groups.items()]
    made += _empty_figures(regions, made)
    return tuple(made[index]._replace(order=order) for order, index in enumerate(_order(made)))


def typed_by_regions(blocks: Sequence[Block], regions: Sequence[Block], *, in_order: bool) -> tuple[Block, ...]:
    """The blocks of a text layer with the kinds of the parts that hold them; `in_order`: read as these stand.

    What geometry and fonts said of a block goes before what the model says.
    """
    pieces = to_pieces(blocks, ())
    places = place(pieces, regions)
    made = [
        block._replace(type=where.kind, level=block.level or _level(where.kind))
        if where is not None and block.type == "text" and where.kind in _SINGLE
        else block
        for block, where in zip(blocks, places, strict=True)
    ]
    made += _empty_figures(regions, made)
    order = _order(made) if in_order else range(len(made))
    return tuple(made[index]._replace(order=number) for number, index in enumerate(order))


def _level(kind: str) -> int | None:
    return 3 if kind == "title" else None


_SINGLE = frozenset({"title", "caption", "reference"})
"""Kinds that a block of a text layer takes from the part that holds it."""
_WHOLE = frozenset({"title", "table", "figure", "caption"})
"""Kinds whose part is one block, whatever geometry made of its lines."""


def _running(pieces: Sequence[Piece], regions: Sequence[Block], aspect: float) -> list[Place | None]:
    """Running heads, feet and page numbers: what place and form say, and what the model says of the outermost lines."""
    kinds = classify_margins([MarginLine(piece.text, *piece.box) for piece in pieces], aspect=aspect)
    found = [Place(kind) if kind is not None else None for kind in kinds]
    for side, kind in ((1, "header"), (-1, "footer")):
        order = sorted(range(len(pieces)), key=lambda i: side * (pieces[i].box[1] + pieces[i].box[3]))
        for index in order:
            if found[index] is None and not _is_running(pieces[index], kind, regions):
                break
            found[index] = found[index] or Place(kind)
    return found if any(kind is None for kind in found) else [None] * len(pieces)


def _is_running(piece: Piece, kind: str, regions: Sequence[Block]) -> bool:
    middle = (piece.box[1] + piece.box[3]) / 2
    if len(piece.text) > _MAX_RUNNING or not (middle < _BAND if kind == "header" else middle > 1 - _BAND):
        return False
    return any(_holds(region.bbox, piece.box) for region in regions if region.type == kind and region.bbox)


def _holds(part: Box, box: Box) -> bool:
    across = min(part[2], box[2]) - max(part[0], box[0])
    return across > 0.5 * (box[2] - box[0]) and part[1] < (box[1] + box[3]) / 2 < part[3]


def _block(key: Place, own: Sequence[Piece], heights: Sequence[float]) -> Block:
    first = own[0].block
    if all(piece.text == piece.block.text for piece in own) and len(own) == 1 and key.kind == first.type:
        return first
    x0s, y0s, x1s, y1s = zip(*(piece.box for piece in own), strict=True)
    box = (min(x0s), min(y0s), max(x1s), max(y1s))
    weights = sum(len(piece.text) for piece in own)
    confidence = sum(len(piece.text) * (piece.confidence or 0.0) for piece in own) / max(1, weights)
    level = None
    if key.kind == "title":
        level = first.level or heading_level(min(piece.height for piece in own), heights)
    text = _rows(own) if key.kind in ("table", "figure") else join_lines([piece.text for piece in own])
    known = round(confidence, 4) if own[0].confidence is not None else None
    return Block(key.kind, box, 0, level, text, None, known, first.source)


def _rows(own: Sequence[Piece]) -> str:
    """The text of lines that are no sentences: one row below another."""
    rows: list[list[Piece]] = []
    for piece in sorted(own, key=lambda piece: piece.box[1] + piece.box[3]):
        last = rows[-1][0].box if rows else None
        if last is not None and last[1] < (piece.box[1] + piece.box[3]) / 2 < last[3]:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return "\n".join(" ".join(piece.text for piece in sorted(row, key=lambda piece: piece.box[0])) for row in rows)


def _empty_figures(regions: Sequence[Block], made: Sequence[Block]) -> list[Block]:
    """Figures without any text, which would be nowhere otherwise."""
    return [
        region._replace(text="")
        for region in regions
        if region.type == "figure"
        and region.bbox is not None
        and not any(block.bbox and _overlap(block.bbox, region.bbox) > 0.02 for block in made)
    ]


def _overlap(one: Box, other: Box) -> float:
    """The share of `other` that lies in `one`."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    area = (other[2] - other[0]) * (other[3] - other[1])
    return across * down / area if across > 0 and down > 0 and area > 0 else 0.0


def _order(blocks: Sequence[Block]) -> list[int]:
    head = [i for i, block in enumerate(blocks) if block.type == "header"]
    foot = [i for i, block in enumerate(blocks) if block.type in PAGE_FURNITURE and block.type != "header"]
    apart = {*head, *foot}
    body = [i for i in range(len(blocks)) if i not in apart]
    boxes = [blocks[i].bbox or (0.0, 0.0, 1.0, 1.0) for i in body]
    return [*head, *(body[i] for i in order_boxes(boxes)), *foot]
