"""The straight parts of drawn paths, as PDFium is asked for them."""

from __future__ import annotations

import numpy as np
import pypdfium2

from omnipipe.text.paths import WHITE, Parts, find_parts
from tests.pdfs import pdf_of_contents


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
