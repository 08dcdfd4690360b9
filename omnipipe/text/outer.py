"""Takes running heads, feet and page numbers out of the pieces of a text layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.lines import to_frame
from omnipipe.text.markdown import Part, Row, to_rows
from omnipipe.text.order import Column
from omnipipe.text.running import Cells, Edges, Found, find_edges, find_running

if TYPE_CHECKING:
    import pypdfium2

    from omnipipe.text.lines import Pieces
    from omnipipe.text.running import Sample


class Running(NamedTuple):
    """The pieces that are left, and what was taken out at the top and at the bottom, each with its type."""

    pieces: Pieces
    head: list[tuple[str, Row]]
    foot: list[tuple[str, Row]]


def take_running(
    page: pypdfium2.PdfPage, pieces: Pieces, turn: int, text: str, body: float, sample: Sample | None = None
) -> Running:
    """`pieces`, all of direction `turn`, without the page's running matter. `body` is the usual font size in points."""
    found = find_running(page_edges(page, pieces, turn, text, body), sample)
    if not found:
        return Running(pieces, [], [])
    rows = [(part.kind, _row(pieces, part, text)) for part in found]
    middle = (float(pieces.top.min()) + float(pieces.bottom.max())) / 2
    kept = np.ones(len(pieces.left), bool)
    kept[[piece for part in found for piece in part.pieces]] = False
    head = [row for row in rows if row[1].bottom < middle]
    return Running(pieces.take(kept), head, [row for row in rows if row[1].bottom >= middle])


def page_edges(page: pypdfium2.PdfPage, pieces: Pieces, turn: int, text: str, body: float) -> Edges:
    """What stands at the top and bottom of `page`."""
    left, top, _, bottom = (float(side[0]) for side in to_frame(np.array([page.get_bbox()], np.float32), turn))
    height = max(bottom - top, 1e-3)
    cells = Cells(
        (pieces.left - left) / height,
        (pieces.top - top) / height,
        (pieces.right - left) / height,
        (pieces.bottom - top) / height,
        pieces.size / height,
    )
    return find_edges(cells, lambda i: text[pieces.first[i] : pieces.last[i]], max(body, 0.1) / height)


def to_part(kind: str, row: Row) -> Part:
    """A row of running matter as a block."""
    return Part(kind, None, row.text, row.left, row.top, row.right, row.bottom)


def _row(pieces: Pieces, part: Found, text: str) -> Row:
    return to_rows(pieces, Column(np.array(part.pieces), np.zeros(1, np.intp)), text)[0]
