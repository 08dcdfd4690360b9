"""The text layer of one PDF page as markdown in reading order, with what is needed to judge whether to trust it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.blocks.arrange import join_parts
from omnipipe.text.blocks.code import join_comments
from omnipipe.text.blocks.markdown import Part, Row, to_parts, to_rows
from omnipipe.text.blocks.side_notes import Note, place_notes, take_notes
from omnipipe.text.blocks.tag_order import tree_order
from omnipipe.text.columns.order import is_in_doubt, reading_order
from omnipipe.text.compose import compose
from omnipipe.text.extreme import largest
from omnipipe.text.lines.pieces import from_frame, join_words
from omnipipe.text.opened import OpenPage
from omnipipe.text.options import TextOptions
from omnipipe.text.outer import take_aside, take_running, to_part
from omnipipe.text.slant import SLANTED, slanted_parts
from omnipipe.text.structure import has_formula, page_style, to_blocks
from omnipipe.text.tables.build import TableStyle
from omnipipe.text.tables.find import TableFinder, no_tables
from omnipipe.text.trust.measure import Measures, measure
from omnipipe.text.visibility.hidden import HIDDEN, has_tiny, hidden_parts
from omnipipe.text.words.bitmap_ligatures import SPELT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pypdfium2

    from omnipipe.text.blocks.rows import PageStyle
    from omnipipe.text.running.matter import Sample
    from omnipipe.text.words.chars import Words

Box = tuple[float, float, float, float]

BlockTuple = tuple[str, Box | None, int, int | None, str, str | None, float | None, str | None]
"""The fields of `omnipipe.page.Block`, in its order: type, bbox, order, level, text, html, confidence, source."""

LineTuple = tuple[str, Box, float | None]
"""The fields of `omnipipe.page.Line`, in its order: text, bbox, confidence."""


_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\uffff]")
_LONE = re.compile("[\\ud800-\\udfff]")
_UNWANTED = np.zeros(0x10000, bool)
_UNWANTED[[*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFF]] = True
_UNWANTED[list(SPELT)] = True
"""Characters that are not left in a text, ligatures spelt out; halves of pairs are met in other texts as well."""


class TextLayer(NamedTuple):
    """The text layer of one page, in plain picklable values.

    `text` is markdown in reading order, always encodable as UTF-8. Boxes are (x0, y0, x1, y1) as shares (0
    to 1) of the upright page (after /Rotate), origin at the top left. `flags` are stable strings about what was found
    or not understood, such as `table:not_understood`.
    """

    text: str
    blocks: tuple[BlockTuple, ...]
    lines: tuple[LineTuple, ...]
    measures: Measures
    flags: tuple[str, ...] = ()


def read_text_layer(page: pypdfium2.PdfPage, options: TextOptions, sample: Sample | None = None) -> TextLayer:
    """The text layer of `page`; an empty one where the page has no text. Never raises on what a page may hold.

    `sample` gives what other pages of the document have at their edges, to tell running heads by.
    """
    opened = OpenPage(page)
    try:
        return read_open_page(opened, options, sample)
    finally:
        opened.close()


def read_open_page(opened: OpenPage, options: TextOptions, sample: Sample | None = None) -> TextLayer:
    """As `read_text_layer`, for a page whose text is open already."""
    page, words = opened.page, opened.found
    is_seen = words is not None and np.count_nonzero(words.turn != HIDDEN) > 0
    measures = measure(page, opened.textpage, words if is_seen else None, opened.drawn, opened.box)
    if words is None:
        return TextLayer("", (), (), measures)
    parts, rows, flags = _read(opened, measures, options, sample)
    boxes = _upright(opened, [(turn, part[3:7]) for turn, part in parts])
    texts = [part.text for _, part in parts]
    whole = join_parts([part for _, part in parts], options.dehyphenate, words.text)
    lines = [row.text for _, row in rows]
    is_unwanted = _UNWANTED.take(words.units, mode="wrap")
    is_unclean = np.count_nonzero(is_unwanted) > 0
    if is_unclean or any("\ufffe" in text for text in (*texts, *lines)):
        # Most texts come twice.
        every = {*texts, *lines, *[text for _, _, text in whole]}
        unwanted = ["\r", *map(chr, set(words.units[is_unwanted].tolist()))] if is_unclean else []
        clean = {text: _clean(text, unwanted) for text in every}
        texts, lines = [clean[text] for text in texts], [clean[text] for text in lines]
        whole = [(kind, level, clean[text]) for kind, level, text in whole]
    htmls = [part.html.translate(SPELT) if is_unclean and part.html else part.html for _, part in parts]
    blocks = tuple(
        (part.type, box, order, part.level, text, html, None, "text_layer")
        for order, ((_, part), text, html, box) in enumerate(zip(parts, texts, htmls, boxes, strict=True))
    )
    markdown = compose(whole, options.keep_headers)
    placed = _upright(opened, [(turn, row[1:5]) for turn, row in rows])
    placed_lines = tuple((t, box, None) for t, box in zip(lines, placed, strict=True))
    return TextLayer(markdown, blocks, placed_lines, measures, flags)


def _read(
    page: OpenPage, measures: Measures, options: TextOptions, sample: Sample | None
) -> tuple[list[tuple[int, Part]], list[tuple[int, Row]], tuple[str, ...]]:
    """The blocks of a page in reading order, and its rows where they are asked for, each with its direction; flags."""
    words, main, rtl = page.words, page.turns[0], measures.rtl > 0.4
    known = page_style(page, options, measures.invisible > 0.5, rtl=rtl)
    rest, head, foot = take_running(page, sample)
    last = [(main, kind, row) for kind, row in foot]
    parts = [(main, to_part(kind, row)) for kind, row in head]
    rows = [(main, row) for _, row in head if options.lines]
    style = TableStyle(options.dehyphenate, rtl)
    finder = TableFinder(page.rulings, words, style) if options.tables else None
    flags: set[str] = {"formula"} if has_formula(known) else set()
    if words.num_overdrawn:
        flags.add("text:overdrawn")
    if measures.invisible <= 0.5 and has_tiny(words):
        flags.add("text:tiny")
    for turn in page.turns:
        which = page.main
        pieces = rest
        if turn != main:
            which = (words.turn == turn).nonzero()[0]
            pieces, _, aside = take_aside(page, join_words(words, which, turn), turn)
            last += [(turn, kind, row) for kind, row in aside]
        if not len(pieces.left):
            continue
        found = finder.find(pieces, which, turn) if finder else no_tables(pieces)
        flags.update(found.flags)
        columns: list[list[Part]] = []
        notes: list[Note] = []
        order = reading_order(found.pieces, rtl, words.text)
        in_doubt = turn == main and is_in_doubt(found.pieces, order)
        by_tree = known.tags and tree_order(known.tags, found.pieces, order, rtl=rtl, in_doubt=in_doubt)
        if in_doubt and not by_tree:
            flags.add("layout:doubt")
        if turn == main and not by_tree:
            order, notes = take_notes(order, found.pieces, known, rtl=rtl)
        for column in join_comments(by_tree or order, found.pieces, known):
            columns.append([])
            for piece in found.cut(column):
                if isinstance(piece, int):
                    table = found.tables[piece]
                    columns[-1].append(Part("table", None, table.text, *table.box, table.html))
                    here = to_rows(found.inside[piece], found.rows_of(piece), words.text) if options.lines else []
                else:
                    here = to_rows(found.pieces, piece, words.text, known.styles)
                    columns[-1] += to_parts(here, known)
                if options.lines:
                    rows += [(turn, row) for row in here]
        parts += [(turn, part) for part in place_notes(to_blocks(columns, known), notes)]
        rows += [(turn, row) for note in notes for row in note.rows if options.lines]
    slanted, hidden = _apart(words, known, rtl=rtl)
    parts += [(0, part) for part in slanted]
    parts += [(turn, to_part(kind, row)) for turn, kind, row in last]
    rows += [(turn, row) for turn, _, row in last if options.lines]
    parts += [(0, part) for part in hidden]
    flags.update(flag for flag, some in (("text:slanted", slanted), ("text:hidden", hidden)) if some)
    return parts, rows, tuple(sorted(flags))


def _apart(words: Words, style: PageStyle, *, rtl: bool) -> tuple[list[Part], list[Part]]:
    """The blocks of slanted words, and of those that nobody sees."""
    if int(largest(words.turn)) < SLANTED:
        return [], []
    return slanted_parts(words, rtl, style), hidden_parts(words)


def _clean(text: str, unwanted: Sequence[str]) -> str:
    """`text` without control characters, lone surrogates, ligatures (`unwanted`: the page's) and PDFium's hyphen."""
    text = text.replace("\ufffe", "-")
    if not any(map(text.__contains__, unwanted)):
        return text
    return _LONE.sub("\ufffd", _CONTROL.sub("", text)).translate(SPELT)


def _upright(opened: OpenPage, placed: list[tuple[int, Box]]) -> list[Box]:
    """Boxes in reading frames, each with its direction, as shares of the upright page."""
    if not placed:
        return []
    left, bottom, right, top = opened.box
    width, height = max(right - left, 1e-6), max(top - bottom, 1e-6)
    rotation = opened.rotation
    boxes = []
    for turn, frame in placed:
        x0, y0, x1, y1 = from_frame(*frame, turn) if turn else (frame[0], -frame[3], frame[2], -frame[1])
        x0, x1, y0, y1 = (x0 - left) / width, (x1 - left) / width, (y0 - bottom) / height, (y1 - bottom) / height
        if not (0.0 <= x0 <= x1 <= 1.0 and 0.0 <= y0 <= y1 <= 1.0):
            x0, x1, y0, y1 = _share(x0), _share(x1), _share(y0), _share(y1)
        if rotation == 0:
            boxes.append((x0, 1 - y1, x1, 1 - y0))
        elif rotation == 90:
            boxes.append((y0, x0, y1, x1))
        elif rotation == 180:
            boxes.append((1 - x1, y0, 1 - x0, y1))
        else:
            boxes.append((1 - y1, 1 - x1, 1 - y0, 1 - x0))
    return boxes


def _share(value: float) -> float:
    return 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
