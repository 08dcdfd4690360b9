"""The blocks of a page from what geometry made of its lines, and from the parts that a layout model found."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from omnipipe.page import Block, Box, Line
from omnipipe.tasks.layout_extraction.aligned import find_aligned
from omnipipe.tasks.layout_extraction.headings import find_headings, is_next_heading
from omnipipe.tasks.layout_extraction.notes import find_notes
from omnipipe.tasks.layout_extraction.order import order_boxes
from omnipipe.tasks.layout_extraction.pieces import Piece, rows_of, to_pieces
from omnipipe.tasks.layout_extraction.regions import Place, distinct, heading_level, place
from omnipipe.tasks.layout_extraction.rules import find_rules
from omnipipe.tasks.layout_extraction.slant import Slant
from omnipipe.tasks.layout_extraction.weight import stroke_widths
from omnipipe.tasks.ocr_extraction.lines import join_lines
from omnipipe.tasks.table_extraction.result import TableResult
from omnipipe.text.compose import NEVER_SHOWN, PAGE_FURNITURE
from omnipipe.text.running.form import is_note, page_number
from omnipipe.text.running.margin_lines import Box as MarginLine
from omnipipe.text.running.margin_lines import classify_margins

if TYPE_CHECKING:
    from omnipipe.tasks.layout_extraction.picodet import Image

TableReading = Callable[[Sequence[Line], Box, bool], TableResult | None]
"""From the lines of a table and its box, both on the straight page, and whether the model takes it for one, to its
cells; None where it is not understood."""

_TOP, _BOTTOM = 0.09, 0.88
"""Shares of the page's height above and below which a model's header or footer is believed: titles stand at the top."""
_MAX_RUNNING = 120
"""Letters of a line of running matter at most."""
_MAX_HEIGHT = 0.03
"""Share of the page's height that a line of running matter, as OCR boxes it, is high at most: 25 points on A4."""
_INSIDE = 0.5
"""Share of a figure that lies in another one which is there already."""
_OUTER = 0.06
"""Share of the page's height at the edge in which no footnote stands, whatever a line begins with."""
_SHORT = 8
"""Letters from which the room that they take tells their size."""
_APART = 0.5
"""Heights of a line that are white between running matter and the text at least."""
_EMPTY = 0.05
"""Share of a figure that lines cover at most if it is one without text."""
_LARGER = 1.15
"""Times the usual size of letters that a heading at the very top of a page has at least."""
_BOLD = 1.35
"""Times the usual size of letters that those of running matter with the page's number beside it have at most."""
_TELLING = 20
"""Letters that a line has at least that tells how large text is usually set."""
_TABLE_ROWS = 3
"""Rows of texts beside one another in a figure that may be a table."""
_CLASH = 0.1
"""Share of the smaller of two blocks that may lie in the other."""
_MAX_BLOCKS = 400
"""Pages with more blocks (maps, drawings) stay in the order of geometry: each is compared with each."""
_NUMBERS = "line_number"
_PAGE: Box = (0.0, 0.0, 1.0, 1.0)
_RTL = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


def apply_regions(
    blocks: Sequence[Block],
    lines: Sequence[Line],
    regions: Sequence[Block],
    *,
    aspect: float,
    slant: Slant | None = None,
    read_table: TableReading | None = None,
    image: Image | None = None,
) -> tuple[Block, ...]:
    """The blocks of a page in reading order, with kinds; every line, or block where there are none, is in one of them.

    `blocks` and `lines` are what geometry made of the page, in reading order; `regions` what a layout model found, none
    if it was not asked. `aspect` is the page's width by its height. Where a part without text is a figure it is a block
    of its own. Where the page has a `slant`, `regions` are those of the straightened page. A table that `read_table`
    does not understand has its text row by row, and no HTML. `image` is the picture of the straight page, which tells
    what is bold.
    """
    pieces = [piece for piece in to_pieces(blocks, lines, slant) if piece.block.type != NEVER_SHOWN]
    parts = distinct(regions)
    places = place(pieces, parts)
    running = _running(pieces, parts, aspect, image)
    usual = _usual(pieces)
    kinds = _kinds(pieces, running, places)
    known: dict[Place, TableResult] = {}
    for own, part, table in _unseen_tables(pieces, kinds, read_table):
        where = Place("table", len(parts))
        parts.append(part)
        known[where] = table
        for index in own:
            places[index], kinds[index] = where, "table"
    headings = find_headings(pieces, kinds, _stroke_widths(pieces, image))
    held = [
        margin or where or Place(piece.block.type) for piece, margin, where in zip(pieces, running, places, strict=True)
    ]
    groups = _grouped(pieces, held, headings, usual)
    tables = _tables(groups, parts, read_table, known) if read_table is not None else {}
    if tables:
        first = {id(piece): index for index, piece in enumerate(pieces)}
        groups = dict(sorted(groups.items(), key=lambda group: first[id(group[1][0])]))
    made = [_block(key, own, usual, parts, tables.get(key)) for key, own in groups.items()]
    seen = [_around([piece.seen for piece in own]) for own in groups.values()]
    notes = find_notes(made, [_letter(own) for own in groups.values()], usual)
    made = [block._replace(type="footnote") if at in notes else block for at, block in enumerate(made)]
    made += _empty_figures(parts, made, [piece.box for piece in pieces])
    order = _order(made, notes)
    if slant is not None:
        made = [
            block._replace(bbox=seen[index] if index < len(seen) else slant.slanted(block.bbox or _PAGE))
            for index, block in enumerate(made)
        ]
    ordered = [*(made[index] for index in order), *(block for block in blocks if block.type == NEVER_SHOWN)]
    return tuple(block._replace(order=number) for number, block in enumerate(ordered))


def _grouped(
    pieces: Sequence[Piece], held: Sequence[Place], headings: Collection[int], usual: float
) -> dict[Place, list[Piece]]:
    """The lines of each block, from where each line is `held`; `headings` are lines whatever holds them."""
    outermost = _outermost(pieces)
    groups: dict[Place, list[Piece]] = {}
    for index, piece in enumerate(pieces):
        where = held[index]
        if where.kind == "title" and index in outermost and piece.letter < _LARGER * usual:
            # Running heads look like titles to the model: of those that are set as small as text none is believed.
            where = Place(piece.block.type)
        if index in headings:
            where = Place("title")
        if piece.block.type == _NUMBERS:
            where = Place(_NUMBERS)
        # What geometry joined stays apart from its neighbours, unless one part holds it all.
        key = where if where.part >= 0 and where.kind in _WHOLE else Place(where.kind, -2 - piece.paragraph)
        if key.kind == "title" and key in groups and is_next_heading(groups[key], piece):
            key = Place(key.kind, -2 - len(pieces) - index)
        groups.setdefault(key, []).append(piece)
    return groups


def typed_by_regions(blocks: Sequence[Block], regions: Sequence[Block], *, in_order: bool) -> tuple[Block, ...]:
    """The blocks of a text layer with the kinds of the parts that hold them; `in_order`: read as these stand.

    What geometry and fonts said of a block goes before what the model says.
    """
    pieces = to_pieces(blocks, ())
    parts = distinct(regions)
    places = place(pieces, parts)
    made = [
        block._replace(type=where.kind, level=block.level or _level(where.kind))
        if where is not None and block.type == "text" and where.kind in _SINGLE
        else block
        for block, where in zip(blocks, places, strict=True)
    ]
    made += _empty_figures(parts, made, [piece.box for piece in pieces])
    order = _order(made) if in_order else range(len(made))
    return tuple(made[index]._replace(order=number) for number, index in enumerate(order))


def _kinds(
    pieces: Sequence[Piece], running: Sequence[Place | None], places: Sequence[Place | None]
) -> list[str | None]:
    """What is known of each line; None of text."""
    known = zip(pieces, running, places, strict=True)
    found = [(margin or where or Place(piece.block.type)).kind for piece, margin, where in known]
    return [kind if kind != "text" else None for kind in found]


def _stroke_widths(pieces: Sequence[Piece], image: Image | None) -> list[float | None]:
    if image is None or not pieces:
        return [None] * len(pieces)
    return stroke_widths(image, [piece.box for piece in pieces])


def _level(kind: str) -> int | None:
    return 3 if kind == "title" else None


_SINGLE = frozenset({"title", "caption", "reference"})
"""Kinds that a block of a text layer takes from the part that holds it."""
_WHOLE = frozenset({"title", "table", "figure", "caption"})
"""Kinds whose part is one block, whatever geometry made of its lines."""


def _running(pieces: Sequence[Piece], parts: Sequence[Block], aspect: float, image: Image | None) -> list[Place | None]:
    """Running heads, feet and page numbers: what place and form say, and what the model says of the outermost row."""
    found: list[Place | None] = [None] * len(pieces)
    text = [i for i, piece in enumerate(pieces) if piece.block.type != _NUMBERS and not piece.is_aside(aspect)]
    margins = [MarginLine(pieces[index].text, *pieces[index].box) for index in text]
    kinds = classify_margins(margins, aspect=aspect, rules=partial(find_rules, image) if image is not None else None)
    for index, known in zip(text, kinds, strict=True):
        found[index] = Place(known) if known is not None else None
    level = {*text}
    rows = [own for own in ([index for index in row if index in level] for row in rows_of(pieces)) if own]
    usual = _usual(pieces)
    for kind, ordered in (("header", rows), ("footer", rows[::-1])):
        left = [row for row in ordered if not any(found[index] for index in row)]
        own, inner = ([pieces[index] for row in left[at : at + 1] for index in row] for at in (0, 1))
        if own and _is_running(own, inner, kind, parts, usual):
            for index in left[0]:
                found[index] = Place(kind)
    return found if any(kind is None for kind in found) else [None] * len(pieces)


def _is_running(row: Sequence[Piece], inner: Sequence[Piece], kind: str, parts: Sequence[Block], usual: float) -> bool:
    """Whether the model takes the outermost `row` for running matter, and it is as such is: small, short, at the edge,
    and apart from `inner`, the row after it."""
    height = statistics.median(piece.height for piece in row)
    top, bottom = min(piece.box[1] for piece in row), max(piece.box[3] for piece in row)
    if height > _MAX_HEIGHT or not (bottom < _TOP if kind == "header" else top > _BOTTOM):
        return False
    if any(len(piece.text) > _MAX_RUNNING for piece in row):
        return False
    if (bottom if kind == "header" else 1 - top) > _OUTER and any(is_note(piece.text) for piece in row):
        return False
    told = [piece.letter for piece in row if len(piece.text) >= _SHORT]
    is_numbered = len(row) > 1 and any(page_number(piece.text) for piece in (row[0], row[-1]))
    if usual and told and min(told) > (_BOLD if is_numbered else _LARGER) * usual:
        return False
    away = [piece.box[1] - bottom if kind == "header" else top - piece.box[3] for piece in inner]
    if min(away, default=1.0) < _APART * height:
        return False
    boxes = [part.bbox for part in parts if part.type == kind and part.bbox]
    return any(_holds(box, piece.box) for box in boxes for piece in row)


def _usual(pieces: Sequence[Piece]) -> float:
    """How large letters of running text are on this page; 0 where nothing tells it."""
    return statistics.median([piece.letter for piece in pieces if len(piece.text) >= _TELLING] or [0.0])


def _outermost(pieces: Sequence[Piece]) -> frozenset[int]:
    """The first row, where it stands at the top of the page."""
    return frozenset(index for row in rows_of(pieces)[:1] for index in row if pieces[index].box[3] < 1 - _BOTTOM)


def _holds(part: Box, box: Box) -> bool:
    across = min(part[2], box[2]) - max(part[0], box[0])
    return across > 0.5 * (box[2] - box[0]) and part[1] < (box[1] + box[3]) / 2 < part[3]


def _block(key: Place, own: Sequence[Piece], usual: float, parts: Sequence[Block], table: TableResult | None) -> Block:
    first = own[0].block._replace(bbox=own[0].box)
    if all(piece.text == piece.block.text for piece in own) and len(own) == 1 and key.kind == first.type:
        return first
    places = [piece.box for piece in own]
    if key.kind in ("figure", "table") and key.part >= 0 and not (table and table.outside):
        # All of it, not only what is written in it.
        places.append(parts[key.part].bbox or _PAGE)
    box = _around(places)
    weights = sum(len(piece.text) for piece in own)
    confidence = sum(len(piece.text) * (piece.confidence or 0.0) for piece in own) / max(1, weights)
    level = None
    if key.kind == "title":
        level = first.level or heading_level(statistics.median(piece.letter for piece in own), usual)
    text = _as_rows(own) if key.kind in ("table", "figure") else join_lines([piece.text for piece in own])
    known = round(confidence, 4) if own[0].confidence is not None else None
    html = None
    if table is not None:
        text, html = table.text, table.html
    return Block(key.kind, box, 0, level, text, html, known, first.source)


def _read(own: Sequence[Piece], part: Box | None, read_table: TableReading, *, is_table: bool) -> TableResult | None:
    box = _around([*(piece.box for piece in own), *([] if part is None else [part])])
    return read_table([Line(piece.text, piece.box, piece.confidence) for piece in own], box, is_table)


def _unseen_tables(
    pieces: Sequence[Piece], kinds: Sequence[str | None], read_table: TableReading | None
) -> Iterator[tuple[list[int], Block, TableResult]]:
    """The lines of each table that no part holds, as a part would hold it, and what was read of it."""
    if read_table is None:
        return
    for run in find_aligned(pieces, [kind is None for kind in kinds]):
        own = [pieces[index] for index in run]
        table = _read(own, None, read_table, is_table=False)
        if table is not None and not table.outside:
            yield run, Block("table", _around([piece.box for piece in own]), 0, None, ""), table


def _tables(
    groups: dict[Place, list[Piece]],
    parts: Sequence[Block],
    read_table: TableReading,
    known: Mapping[Place, TableResult],
) -> dict[Place, TableResult]:
    """The tables among `groups`, `known` ones too; lines that turn out to be no part of one become text, in groups of
    their own."""
    found = {key: table for key, table in known.items() if key in groups}
    for key, own in [*groups.items()]:
        if key.kind not in ("table", "figure") or key.part < 0 or key in found:
            continue
        if key.kind == "figure" and sum(len(row) > 1 for row in rows_of(own)) < _TABLE_ROWS:
            continue
        table = _read(own, parts[key.part].bbox or _PAGE, read_table, is_table=key.kind == "table")
        if table is None or len(table.outside) == len(own):
            continue
        # The model takes tables without lines for figures; never the other way round.
        del groups[key]
        key = key._replace(kind="table")
        found[key] = table
        groups[key] = [piece for number, piece in enumerate(own) if number not in table.outside]
        for number in table.outside:
            groups.setdefault(Place("text", -2 - own[number].paragraph), []).append(own[number])
    return found


def _around(boxes: Sequence[Box]) -> Box:
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s)


def _as_rows(own: Sequence[Piece]) -> str:
    """The text of lines that are no sentences: one row below another."""
    return "\n".join(" ".join(own[index].text for index in row) for row in rows_of(own))


def _empty_figures(parts: Sequence[Block], made: Sequence[Block], lines: Sequence[Box]) -> list[Block]:
    """Figures without any text, which would be nowhere otherwise; `lines` are the boxes of the page's lines."""
    figures = [block.bbox for block in made if block.type in ("figure", "table") and block.bbox]
    return [
        part._replace(text="")
        for part in parts
        if part.type == "figure"
        and part.bbox is not None
        and not any(_overlap(box, part.bbox) > _INSIDE for box in figures)
        and sum(_overlap(box, part.bbox) for box in lines) < _EMPTY
    ]


def _overlap(one: Box, other: Box) -> float:
    """The share of `other` that lies in `one`."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    area = (other[2] - other[0]) * (other[3] - other[1])
    return across * down / area if across > 0 and down > 0 and area > 0 else 0.0


def _letter(own: Sequence[Piece]) -> float:
    return statistics.median([piece.letter for piece in own if len(piece.text) >= _SHORT] or [0.0])


def _order(blocks: Sequence[Block], notes: Collection[int] = ()) -> list[int]:
    """Indices of `blocks`, which are in the order of geometry, in reading order: `notes` and running matter outside of
    the body."""
    head = [i for i, block in enumerate(blocks) if block.type == "header"]
    foot = [i for i, block in enumerate(blocks) if block.type in PAGE_FURNITURE and block.type != "header"]
    apart = {*head, *foot, *notes}
    body = [i for i in range(len(blocks)) if i not in apart]
    low = sorted(notes)
    ordered = (own[i] for own in (body, low) for i in _body_order([blocks[i] for i in own]))
    return [*head, *ordered, *foot]


def _body_order(blocks: Sequence[Block]) -> list[int]:
    boxes = [block.bbox or _PAGE for block in blocks]
    if len(blocks) > _MAX_BLOCKS or any(_clash(one, other) for i, one in enumerate(boxes) for other in boxes[:i]):
        # Text that flows around a picture has no boxes that can be put in order; its lines could, and were.
        order = [i for i, block in enumerate(blocks) if block.text]
        for index in [i for i, block in enumerate(blocks) if not block.text]:
            _insert(order, index, boxes)
        return order
    among = [i for i, block in enumerate(blocks) if block.type == "figure" and _is_among(boxes[i], boxes)]
    if among:
        # A picture between columns, with the text set around it: it is read where the column goes on below it.
        rest = [i for i in range(len(blocks)) if i not in among]
        order = [rest[at] for at in _body_order([blocks[i] for i in rest])]
        for index in among:
            _insert(order, index, boxes)
        return order
    text = "".join(block.text for block in blocks)
    return order_boxes(boxes, rtl=2 * len(_RTL.findall(text)) > sum(map(str.isalpha, text)))


def _insert(order: list[int], index: int, boxes: Sequence[Box]) -> None:
    """Put `index` before the first of `order` that stands below it."""
    below = (at for at, i in enumerate(order) if _is_below(boxes[i], boxes[index]))
    order.insert(next(below, len(order)), index)


def _is_among(box: Box, boxes: Sequence[Box]) -> bool:
    """Whether other boxes stand on both sides of one."""
    level = [other for other in boxes if other[1] < box[3] and other[3] > box[1]]
    return any(other[2] <= box[0] for other in level) and any(other[0] >= box[2] for other in level)


def _clash(one: Box, other: Box) -> bool:
    return max(_overlap(one, other), _overlap(other, one)) > _CLASH


def _is_below(box: Box, other: Box) -> bool:
    return box[1] >= other[3] - 0.01 and min(box[2], other[2]) > max(box[0], other[0])
