"""Takes running heads, feet and page numbers out of the pieces of a text layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.markdown import Part, Row, to_rows
from omnipipe.text.order import Column
from omnipipe.text.running import find_running

if TYPE_CHECKING:
    from omnipipe.text.lines import Pieces
    from omnipipe.text.opened import OpenPage
    from omnipipe.text.running import Sample


class Running(NamedTuple):
    """The pieces that are left, and what was taken out at the top and at the bottom, each with its type."""

    pieces: Pieces
    head: list[tuple[str, Row]]
    foot: list[tuple[str, Row]]


def take_running(page: OpenPage, sample: Sample | None = None) -> Running:
    """The pieces of `page` in its most frequent direction, without its running matter."""
    pieces, text = page.pieces, page.words.text
    found = find_running(page.edges, sample)
    if not found:
        return Running(pieces, [], [])
    one = np.zeros(1, np.intp)
    rows = [(part.kind, to_rows(pieces, Column(np.array(part.pieces), one), text)[0]) for part in found]
    middle = (float(pieces.top.min()) + float(pieces.bottom.max())) / 2
    kept = np.ones(len(pieces.left), bool)
    kept[[piece for part in found for piece in part.pieces]] = False
    head = [row for row in rows if row[1].bottom < middle]
    return Running(pieces.take(kept), head, [row for row in rows if row[1].bottom >= middle])


def to_part(kind: str, row: Row) -> Part:
    """A row of running matter as a block."""
    return Part(kind, None, row.text, row.left, row.top, row.right, row.bottom)
