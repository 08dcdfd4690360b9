"""Tables of pictures by the places of their words and lines, as those of text layers are read."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.tasks.table_extraction.ink import walls_at
from omnipipe.text.lines.pieces import join_words
from omnipipe.text.lines.rulings import to_rulings
from omnipipe.text.tables.build import Table, TableReader, TableStyle
from omnipipe.text.tables.markup import to_plain
from omnipipe.text.tables.regions import Region, clipped, grid_regions
from omnipipe.text.words.chars import Words

if TYPE_CHECKING:
    from omnipipe.tasks.table_extraction.ink import Box, Ink, Word
    from omnipipe.text.tables.verdict import Kind

EM = 10.0
"""Points that letters of a picture are taken to be large: limits of the text layer's tables are in points."""
_TOGETHER = 0.5
"""Heights of a line that are white between words of one cell at most."""
_MOST = 0.75
"""Share of the pieces of text that a grid of lines holds if it is the table's."""
_DOTS = ".·_…"
_LETTER = 0.7
"""Share of the height of a box of OCR that its letters' size is."""


class Found(NamedTuple):
    """A table, and the numbers of the lines that are no part of it.

    It is not sure where words that OCR read as one came into several cells, with nothing drawn between.
    """

    table: Table
    outside: tuple[int, ...]
    is_sure: bool


def read_by_geometry(
    words: Sequence[Sequence[Word]], box: Box, ink: Ink, height: float, *, is_table: bool = True
) -> Found | None:
    """The table in `box` of a picture, from the `words` of its lines; None where it is not understood.

    Boxes are in pixels, `height` is that of a line's box. Where nobody says that there `is_table`, gaps and lines have
    to show it as clearly as in a text layer.
    """
    if not words:
        return None
    scale = EM / (_LETTER * height)
    made = _to_words(words, scale)
    which = np.arange(len(made.first))
    pieces = join_words(made, which, 0)
    x0, top, x1, bottom = np.array(box, np.float32) * np.float32(scale)
    box_of = made.box
    x0, x1 = min(x0, box_of[:, 0].min() - 1), max(x1, box_of[:, 2].max() + 1)
    top, bottom = min(top, -box_of[:, 3].max() - 1), max(bottom, -box_of[:, 1].min() + 1)
    lines = ink.lines * np.float32(scale)
    rulings = to_rulings(np.stack((lines[:, 0], -lines[:, 3], lines[:, 2], -lines[:, 1]), axis=1), 0)
    whole = clipped(Region(float(x0), float(top), float(x1), float(bottom), rulings))
    reader = TableReader(made, which, pieces, 0, rulings, TableStyle())
    for region, kind in _regions(whole, reader, len(pieces.left), is_table):
        here = reader.within(region)
        found = reader.read(region, here, ~here, kind, labelled=True)
        if found.table is None:
            continue
        line = made.line[pieces.word]
        outside = np.setdiff1d(line, line[found.inside])
        # A line that stands only partly in the table would lose the rest.
        if not np.isin(line[~found.inside], outside).all():
            continue
        inside = [words[number] for number in sorted({*line.tolist()} - {*outside.tolist()})]
        plain = to_plain(found.table.html)
        if _num_letters(plain) >= _num_letters("".join(word.text for own in inside for word in own)):
            is_sure = all(text in plain for own in inside for text in _close_words(own, ink, height))
            return Found(found.table, tuple(outside.tolist()), is_sure)
    return None


def _close_words(line: Sequence[Word], ink: Ink, height: float) -> Iterator[str]:
    """Pairs of words of a line that stand together, with no line drawn between them."""
    for word, after in pairwise(line):
        start, end = word.box[2], after.box[0]
        walls = walls_at(ink.lines, (word.box[1] + word.box[3]) / 2)
        if end - start < _TOGETHER * height and not ((walls > start - 1) & (walls < end + 1)).any():
            yield f"{word.text} {after.text}"


def _without_leader(text: str) -> str:
    """`text` without the dots that lead on from it: as a word between dots it would go with them."""
    is_dotted = text[0] in _DOTS and text[-1] in _DOTS and any(map(str.isalnum, text))
    return text.rstrip(_DOTS) if is_dotted else text


def _num_letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _regions(whole: Region, reader: TableReader, num_pieces: int, is_table: bool) -> list[tuple[Region, Kind]]:
    """What of `whole` the table may be, the likeliest first: a grid of lines around most of the text, or all of it."""
    found: list[tuple[Region, Kind]] = []
    for region, _ in grid_regions(whole.lines):
        if np.count_nonzero(reader.within(region)) >= _MOST * num_pieces:
            found.append((region, "grid"))
    return [*found, (whole, "between" if is_table else "gaps")]


def _to_words(lines: Sequence[Sequence[Word]], scale: float) -> Words:
    """The words of `lines` as those of a text layer are given, in points."""
    lines = [[word._replace(text=_without_leader(word.text)) for word in line] for line in lines]
    every = [word for line in lines for word in line]
    text = "\r\n".join(" ".join(word.text for word in line) for line in lines)
    gaps = [1 + (k + 1 == len(line)) for line in lines for k in range(len(line))]
    lengths = np.array([len(word.text) for word in every], np.intp)
    first = np.array(
        list(accumulate((len(w.text) + g for w, g in zip(every, gaps, strict=True)), initial=0))[:-1], np.intp
    )
    x0, y0, x1, y1 = np.array([word.box for word in every], np.float32).T * np.float32(scale)
    count = len(every)
    return Words(
        text,
        # One unit a character, whatever it takes in UTF-16: only digits and signs are looked for.
        np.array([min(ord(character), 0xFFFF) for character in text], np.uint16),
        first,
        first + lengths,
        np.repeat(np.arange(len(lines)), [len(line) for line in lines]),
        np.stack((x0, -y1, x1, -y0), axis=1),
        np.full(count, EM, np.float32),
        np.zeros(count, np.intp),
        np.arange(count),
        np.zeros(count, np.float32),
    )


def usual_height(boxes: Sequence[Box]) -> float:
    """The height in pixels of most of `boxes`."""
    return statistics.median(box[3] - box[1] for box in boxes) if boxes else 1.0
