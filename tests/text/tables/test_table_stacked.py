"""Which lines of text are rows of a table, and which go on with the row above."""

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


def read_lines(texts: Sequence[Line], rules: Sequence[float] = ()) -> str:
    """The markdown of a page of such lines, with lines across at the heights of `rules`."""
    drawn = [b"72 %g m 540 %g l S" % (y, y) for y in rules]
    document = pypdfium2.PdfDocument(pdf_of_contents([b"\n".join([text_content(texts), b"0.5 w", *drawn])]))
    try:
        return read_text_layer(document[0], TextOptions()).text
    finally:
        document.close()


def test_the_last_row_of_a_table_without_lines_has_all_of_its_lines() -> None:
    """Rows stand farther from each other than the lines of one cell."""
    rows = [
        ("02.03.", "Card payment|Supermarket 12", "-45.10", "1,204.33"),
        ("04.03.", "Salary|Acme Trading Ltd.|March", "2,450.00", "3,654.33"),
        ("05.03.", "Standing order|Rent of March", "-950.00", "2,704.33"),
        ("09.03.", "Cash machine", "-100.00", "2,604.33"),
        ("11.03.", "Direct debit|Water and sewage|Contract 77", "-41.15", "2,563.18"),
    ]
    texts: list[Line] = []
    y = 700.0
    for date, details, *amounts in rows:
        texts += [(72, y, 10, date), (130, y, 10, details.split("|")[0])]
        texts += [(x, y, 10, amount) for x, amount in zip((400, 480), amounts, strict=True)]
        texts += [(130, y - 12.0 * i, 10, line) for i, line in enumerate(details.split("|")) if i]
        y -= 12 * details.count("|") + 15

    text = read_lines(texts)

    assert text == pipes([tuple(cell.replace("|", " ") for cell in row) for row in rows])


def test_a_table_parted_by_lines_is_no_table_of_contents() -> None:
    """Its last column holds numbers that only grow."""
    rows = [("Department", "Head", "Phone"), ("Sales", "Anna Berg", "1201"), ("", "Tom Klein", "1202")]
    rows += [("Research", "Paul Wolf", "1301"), ("", "Ida Lang", "1302"), ("Service", "Max Kurz", "1401")]
    texts = [
        (x, 700 - 16.0 * i, 10.0, cell)
        for i, row in enumerate(rows)
        for x, cell in zip((72.0, 220.0, 400.0), row, strict=True)
        if cell
    ]

    text = read_lines(texts, [712, 694, 662, 630, 614])

    assert text == pipes(rows)


def test_the_name_of_a_group_stands_between_head_and_rows() -> None:
    rows = [("", "2023", "2022"), ("Fixed assets", "", ""), ("Buildings", "1,200", "1,250"), ("Machines", "340", "310")]
    rows += [("Current assets", "", ""), ("Stocks", "220", "205"), ("Cash", "90", "77"), ("Total", "1,850", "1,842")]
    texts = [
        (x, 700 - 14.0 * i, 10.0, cell)
        for i, row in enumerate(rows)
        for x, cell in zip((72.0, 350.0, 450.0), row, strict=True)
        if cell
    ]

    text = read_lines(texts)

    assert text == pipes(rows)
