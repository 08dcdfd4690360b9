"""The straight parts of drawn paths, as PDFium is asked for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pypdfium2
import pytest

from omnipipe.text.lines.rulings import find_lines
from omnipipe.text.pdfium.objects import Drawn
from omnipipe.text.pdfium.paths import WHITE, Parts, find_parts
from omnipipe.text.pdfium.segments import are_records, ask_segments, read_segments
from tests.pdfs import pdf_of_contents, text_content
from tests.tablekit import cells, read, tables


def _parts(content: str) -> Parts:
    document = pypdfium2.PdfDocument(pdf_of_contents([content.encode()]))
    try:
        return find_parts(document[0])
    finally:
        document.close()


def test_a_thin_stroke_is_one_box() -> None:
    found = _parts("1 w 50 100 m 250 100 l S")

    assert found.boxes.shape == (1, 4)
    assert np.abs(found.boxes[0] - (50, 99, 250, 101)).max() < 1.5


def test_a_framed_rectangle_has_four_edges_where_it_was_turned_to() -> None:
    found = _parts("q 0 1 -1 0 300 100 cm 10 20 60 40 re S Q")

    edges = {tuple(edge) for edge in found.boxes.round().astype(int).tolist() if edge[:2] != edge[2:]}
    assert edges == {(240, 110, 240, 170), (280, 110, 280, 170), (240, 110, 280, 110), (240, 170, 280, 170)}


def test_filled_boxes_keep_their_colours_and_thin_ones_are_lines() -> None:
    found = _parts("1 0 0 rg 50 50 40 30 re f 1 g 150 50 40 30 re f 0 g 50 200 200 1 re f")

    assert found.fills.tolist() == [[50, 50, 90, 80], [150, 50, 190, 80]]
    assert found.colours.tolist() == [0xFF0000, WHITE]
    assert len(found.boxes) == 1


def test_shapes_with_curves_have_no_straight_parts() -> None:
    round_box = "50 60 m 50 90 l 60 100 70 100 80 100 c 200 100 l 200 60 l h S"

    found = _parts(f"{round_box} 300 60 m 300 90 l 340 90 l 340 60 l h S")

    assert found.boxes[:, 0].min() >= 299


def test_every_part_of_a_path_is_closed_on_its_own() -> None:
    found = _parts("0 0 1 rg 50 50 m 90 50 l 90 80 l 50 80 l h 150 50 m 190 50 l 190 80 l 150 80 l h f")

    assert found.fills.tolist() == [[50, 50, 90, 80], [150, 50, 190, 80]]
    assert found.colours.tolist() == [0x0000FF, 0x0000FF]


def test_a_drawing_of_small_marks_is_given_up() -> None:
    marks = " ".join(f"{k % 500} {k // 500 + 10} m {k % 500 + 2} {k // 500 + 12} l S" for k in range(900))
    line = "50 400 m 250 400 l S"

    assert len(_parts(f"{line} {marks}").boxes) == 1
    assert len(_parts(f"{marks} {line}").boxes) == 0


def test_no_more_than_the_first_parts_of_a_page_are_looked_at() -> None:
    boxes = " ".join(f"{10 * (k % 50)} {10 * (k // 50)} 9 9 re S" for k in range(1500))

    found = _parts(boxes)

    assert 2000 < len(found.boxes) < 3000


_WIDTHS = (0.5, 2.0, 4.0, 6.0)
_EDGES, _ROWS = (70, 180, 290), (712, 683, 639, 610, 581)
_CELLS = [["first of all", "one line"], ["then there are three", "and two of these"], ["then", "two"], ["last", "both"]]


def _strokes(width: float) -> str:
    across = " ".join(f"{_EDGES[0]} {y} m {_EDGES[-1]} {y} l S" for y in _ROWS)
    return f"{width} w {across} " + " ".join(f"{x} {_ROWS[0]} m {x} {_ROWS[-1]} l S" for x in _EDGES)


def _bars(width: float) -> str:
    across = " ".join(f"{_EDGES[0]} {y - width / 2} {_EDGES[-1] - _EDGES[0]} {width} re f" for y in _ROWS)
    down = " ".join(f"{x - width / 2} {_ROWS[-1]} {width} {_ROWS[0] - _ROWS[-1]} re f" for x in _EDGES)
    return f"{across} {down}"


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("draw", [_strokes, _bars])
def test_thick_rules_part_the_rows_of_a_table(draw: Callable[[float], str], width: float) -> None:
    heights = (697.0, 669.0, 658.0, 647.0, 622.0, 593.0)
    texts = ("first of all", "one line", "then there", "and two", "are", "of these", "three", "", "then", "two")
    places = [(x, y) for y in heights for x in (80.0, 190.0)]
    lines = [(x, y, 10.0, text) for (x, y), text in zip(places, (*texts, "last", "both"), strict=True)]

    layer = read(pdf_of_contents([text_content(lines) + f"\n{draw(width)}".encode()]))

    assert [cells(table) for table in tables(layer)] == [_CELLS]


def test_a_thick_rule_is_one_line_and_a_bar_has_edges() -> None:
    content = (
        "0 0 1 rg 50 100 200 6 re f 50 200 200 12 re f 300 100 6 16 re f 1 g 50 300 200 5 re f 12 w 50 400 m 90 400 l S"
    )
    document = pypdfium2.PdfDocument(pdf_of_contents([content.encode()]))

    lines = find_lines(document[0])

    document.close()
    assert sorted(np.bincount(lines[:, 1].astype(int) // 100, minlength=5).tolist()) == [0, 0, 0, 4, 5]


def test_slopes_are_no_lines() -> None:
    assert len(_parts("2 w 50 100 m 250 104 l S 50 200 m 250 200 l S").boxes) == 1


def test_segments_are_read_as_pdfium_answers_for_each() -> None:
    content = "10 20 m 30 40 l h 50 60 m 60 70 70 80 80 90 c S 5.5 6.5 40 30 re f 1 2 m 3 4 l S"
    document = pypdfium2.PdfDocument(pdf_of_contents([content.encode()]))
    page = document[0]
    paths, _ = Drawn(page).first(3)

    whole = read_segments(paths, [7, 5, 2])

    if not are_records():
        pytest.skip("this build of PDFium keeps segments otherwise: each is asked for with calls")
    asked = ask_segments(paths, [7, 5, 2])
    assert [np.asarray(column).tolist() for column in whole] == [np.asarray(column).tolist() for column in asked]
    assert whole.y.tolist() == [20, 40, 20, 60, 70, 80, 90, 6.5, 6.5, 36.5, 36.5, 6.5, 2, 4]
    assert read_segments(paths[1:], [2, 1]).x.tolist() == [5.5, 45.5, 1]
    page.close()
    document.close()
