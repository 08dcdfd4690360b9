"""Pages with tables, drawn for a test, and what is read from them."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import pypdfium2

from omnipipe.page import Block
from omnipipe.text.layer import TextLayer, read_text_layer
from omnipipe.text.options import TextOptions
from tests.pdfs import Line, pdf_of_contents, text_content

Rule = tuple[float, float, float, float]
"""A line from (x0, y0) to (x1, y1), points from the lower left corner."""

FRUIT = [
    ["Fruit", "Boxes", "Price"],
    ["Apple", "12", "3.50"],
    ["Banana", "7", "0.25"],
    ["Cherry", "101", "9.75"],
    ["Damson", "4", "1.50"],
]
PROSE = [
    "The quick brown fox jumps over the lazy dog while the sun goes",
    "down behind the hills and the river runs on to the sea, where",
    "ships are waiting for the evening wind that carries them far",
    "out to lands that nobody has seen for a long while, it is said.",
]


def page(lines: Sequence[Line], rules: Sequence[Rule] = ()) -> bytes:
    """A page with text and lines of half a point."""
    drawn = "\n".join(f"0.5 w {x0:g} {y0:g} m {x1:g} {y1:g} l S" for x0, y0, x1, y1 in rules)
    return pdf_of_contents([text_content(lines) + b"\n" + drawn.encode()])


def read(data: bytes, options: TextOptions = TextOptions()) -> TextLayer:  # noqa: B008
    document = pypdfium2.PdfDocument(data)
    try:
        return read_text_layer(document[0], options)
    finally:
        document.close()


def tables(layer: TextLayer) -> list[Block]:
    return [block for block in map(Block._make, layer.blocks) if block.type == "table"]


def cells(block: Block) -> list[list[str]]:
    """The texts of the cells of a table, by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", block.html or "", re.DOTALL)
    return [[html.unescape(text) for text in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


def set_out(rows: Sequence[Sequence[str]], columns: Sequence[float], top: float = 700, pitch: float = 18) -> list[Line]:
    """Rows of cells whose texts start at `columns`."""
    return [
        (x, top - pitch * r, 10.0, text)
        for r, row in enumerate(rows)
        for x, text in zip(columns, row, strict=True)
        if text
    ]


def grid_lines(columns: Sequence[float], rows: Sequence[float]) -> list[Rule]:
    """A line at each of `columns` and `rows`."""
    across = [(columns[0], y, columns[-1], y) for y in rows]
    return across + [(x, rows[0], x, rows[-1]) for x in columns]


def prose(top: float, times: int = 1) -> list[Line]:
    return [(80.0, top - 13 * i, 10.0, line) for i, line in enumerate(PROSE * times)]
