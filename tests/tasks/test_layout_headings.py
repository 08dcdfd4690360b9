"""Headings of OCR pages that the layout model does not see: by their size, strokes, capitals and numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from omnipipe.page import Block, Line
from omnipipe.tasks.layout_extraction.apply import apply_regions
from omnipipe.tasks.layout_extraction.weight import stroke_widths

ROW = 0.012
SIDE = 1000
PROSE = "which was the reason that nobody in the house had ever asked about it"
BODY = [(PROSE, 0.1, 0.3 + 1.4 * ROW * row, ROW, 2) for row in range(4)]


def page(rows: Sequence[tuple[str, float, float, float, int]]) -> tuple[list[Line], NDArray[np.uint8]]:
    """Lines of text, left, top, height and pixels of a stroke, and a picture with as many strokes as letters."""
    picture = np.full((SIDE, SIDE), 255, np.uint8)
    lines = []
    for text, x0, y0, height, stroke in rows:
        step = (0.9 if text.isupper() else 0.7) * height * SIDE
        for number in range(len(text)):
            left = int(x0 * SIDE + number * step)
            picture[int(y0 * SIDE) : int((y0 + height) * SIDE), left : left + stroke] = 0
        lines.append(Line(text, (x0, y0, x0 + len(text) * step / SIDE, y0 + height), 0.9))
    return lines, picture


def kinds(*paragraphs: Sequence[tuple[str, float, float, float, int]]) -> dict[str, str]:
    """The type of the block that each paragraph is in, by the text of its first line."""
    lines, picture = page([row for rows in paragraphs for row in rows])
    blocks, left = [], iter(lines)
    for rows in paragraphs:
        own = [next(left) for _ in rows]
        x0s, y0s, x1s, y1s = zip(*(line.bbox for line in own), strict=True)
        box = (min(x0s), min(y0s), max(x1s), max(y1s))
        blocks.append(Block("text", box, 0, None, " ".join(line.text for line in own), None, 0.9, "rapidocr"))
    made = apply_regions(blocks, lines, [], aspect=0.7, image=picture)
    return {rows[0][0]: next(block.type for block in made if block.text.startswith(rows[0][0])) for rows in paragraphs}


def test_bold_strokes_are_wider_however_faint() -> None:
    lines, picture = page([("some words", 0.1, 0.1, 0.02, 2), ("other words", 0.1, 0.2, 0.02, 4)])
    faint = (255 - (255 - picture.astype(np.uint16)) // 2).astype(np.uint8)

    for image in (picture, faint):
        thin, bold = stroke_widths(image, [line.bbox for line in lines])
        assert thin == pytest.approx(2, abs=0.3)
        assert bold == pytest.approx(4, abs=0.5)


def test_strokes_on_dark_paper_are_unknown() -> None:
    assert stroke_widths(np.full((100, 100), 90, np.uint8), [(0.1, 0.1, 0.9, 0.3)]) == [None]


@pytest.mark.parametrize(
    ("text", "height", "stroke"),
    [
        ("Bold as text is large", ROW, 3),
        ("Larger than text", 1.6 * ROW, 3),
        ("ABSTRACT", ROW, 2),
        ("3.2 Measuring the rest", ROW, 2),
    ],
)
def test_a_line_alone_above_text_is_a_heading_by_its_style(text: str, height: float, stroke: int) -> None:
    found = kinds(
        [("What stands above it all, at the top of the page.", 0.1, 0.1, ROW, 2)],
        [(text, 0.1, 0.27, height, stroke)],
        BODY,
    )

    assert found[text] == "title"


@pytest.mark.parametrize(
    "text",
    [
        "Just a short line",
        "Bold, and it goes on,",
        "4.1 Titles of proceedings ... 60",
        "Figure 1",
        "end_of_function",
    ],
)
def test_what_is_worded_otherwise_is_no_heading(text: str) -> None:
    stroke = 2 if text.startswith("Just") else 3
    found = kinds(
        [("What stands above it all, at the top of the page.", 0.1, 0.1, ROW, 2)],
        [(text, 0.1, 0.28, ROW, stroke)],
        BODY,
    )

    assert found[text] == "text"


def test_a_cell_beside_others_is_no_heading() -> None:
    cells = [[(text, x, 0.28, ROW, 3)] for text, x in (("Year of issue", 0.1), ("Copies", 0.3), ("Price", 0.5))]

    found = kinds([("What stands above it all, at the top of the page.", 0.1, 0.1, ROW, 2)], *cells, BODY)

    assert {*found.values()} == {"text"}


def test_a_bold_running_head_with_the_number_of_the_page_is_no_heading() -> None:
    found = kinds([("214 Records of the Society", 0.1, 0.27, ROW, 3)], BODY)

    assert found["214 Records of the Society"] != "title"


def test_headings_below_one_another_stay_two() -> None:
    lines, picture = page([("3. Methods", 0.1, 0.25, 1.4 * ROW, 3), ("3.1 Numbers", 0.1, 0.275, 1.2 * ROW, 3), *BODY])
    part = Block("title", (0.09, 0.245, 0.5, 0.295), 0, None, "", None, 0.9, "rapid_layout")
    blocks = [Block("text", line.bbox, 0, None, line.text, None, 0.9, "rapidocr") for line in lines]

    made = apply_regions(blocks, lines, [part], aspect=0.7, image=picture)

    assert [block.text for block in made if block.type == "title"] == ["3. Methods", "3.1 Numbers"]
