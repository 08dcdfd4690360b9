"""Rows of a table that stand below each other between the same two lines."""

from __future__ import annotations

from collections.abc import Sequence

import pypdfium2
import pytest

from omnipipe.text.layer import read_text_layer
from omnipipe.text.options import TextOptions
from tests.pdfs import Line, pdf_of_contents, text_content

Cells = tuple[str, ...]
HEAD: Cells = ("Type", "Colour", "Finish")


def read(spaces: Sequence[Sequence[Cells]], *, grid: bool) -> str:
    """The markdown of a table whose `spaces` are parted by lines, in columns just as wide as their text needs."""
    widths = [5.6 * max(len(row[k]) for rows in spaces for row in rows) + 10 for k in range(len(spaces[0][0]))]
    lefts = [100 + sum(widths[:k]) for k in range(len(widths) + 1)]
    texts: list[Line] = []
    y = 700.0
    rules = [y]
    for rows in spaces:
        for row in rows:
            y -= 12
            texts += [(x + 4, y + 2, 10, cell) for x, cell in zip(lefts, row, strict=False) if cell]
        y -= 3
        rules.append(y)
    drawn = [b"%g %g m %g %g l S" % (lefts[0], rule, lefts[-1], rule) for rule in rules]
    drawn += [b"%g %g m %g %g l S" % (x, 700, x, y) for x in lefts if grid]
    document = pypdfium2.PdfDocument(pdf_of_contents([b"\n".join([text_content(texts), b"0.5 w", *drawn])]))
    try:
        return read_text_layer(document[0], TextOptions()).text
    finally:
        document.close()


def pipes(rows: Sequence[Cells]) -> str:
    """`rows` as a pipe table."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


@pytest.mark.parametrize("grid", [False, True])
@pytest.mark.parametrize("label", [False, True])
def test_lines_on_common_baselines_are_rows(grid: bool, label: bool) -> None:
    spaces: list[list[Cells]] = [
        [HEAD],
        [("Door", "Green", "matt"), ("Frame", "Orange", "gloss"), ("Handle", "Blue", "satin")],
        [("Window", "White", "gloss"), ("Sill", "Grey", "matt")],
        [("Roof", "Red", "matt"), ("Gutter", "Brown", "satin")],
    ]
    if label:
        spaces = [[row if not i else ("", *row[1:]) for i, row in enumerate(rows)] for rows in spaces]

    assert read(spaces, grid=grid) == pipes([row for rows in spaces for row in rows])


@pytest.mark.parametrize("grid", [False, True])
def test_cells_that_wrap_stay_one_row(grid: bool) -> None:
    spaces: list[list[Cells]] = [
        [HEAD],
        [("Long range", "Light and", "matt only"), ("radio link", "dark blue", "afterwards")],
        [("Short range", "White in", "glossy, for"), ("radio link", "all parts", "the indoors")],
        [("Cable", "Black", "none")],
    ]
    rows = [tuple(" ".join(cells) for cells in zip(*rows, strict=True)) for rows in spaces]

    assert read(spaces, grid=grid) == pipes(rows)


def test_one_column_that_wraps_is_one_row() -> None:
    spaces: list[list[Cells]] = [
        [HEAD],
        [("Door", "Green", "matt"), ("", "Orange", ""), ("", "Blue", "")],
        [("Sill", "White", "gloss"), ("", "Grey", "")],
        [("Roof", "Red", "matt"), ("", "Brown", "")],
    ]

    assert read(spaces, grid=True).count("\n") == 4
