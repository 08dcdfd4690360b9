"""Feet under tables, in small type and around a page number; heads that are set as the foot is: pages read alone."""

from __future__ import annotations

import pytest

from tests.pdfs import Line, pdf_of_lines
from tests.text.running.test_running_heads import prose, read, running

SHORT = prose(1, top=690, rows=36)
"""Lines from 690 down to 190 points."""


def rows(top: float) -> list[Line]:
    """Rows of two cells each."""
    return [
        (x, top - 13 * i, 10.0, f"{word} {i}") for i in range(40) for x, word in ((72.0, "river"), (400.0, "stone"))
    ]


def test_a_foot_far_below_rows_of_cells_is_no_row_of_theirs() -> None:
    foot = [(72.0, 40.0, 9.0, "River Association"), (400.0, 40.0, 9.0, "33rd Symposium on Waters 153")]

    layer = read(pdf_of_lines([[*rows(600), *foot]]))

    assert [text for _, text in running(layer)] == ["River Association 33rd Symposium on Waters 153"]


def test_a_last_row_of_cells_near_the_others_stays() -> None:
    last = [(72.0, 68.0, 10.0, "River Association"), (400.0, 68.0, 10.0, "33rd Symposium on Waters 153")]

    layer = read(pdf_of_lines([[*rows(600), *last]]))

    assert running(layer) == []


@pytest.mark.parametrize(
    ("foot", "texts"),
    [
        pytest.param(
            [(72.0, 60.0, 8.0, "Public"), (300.0, 60.0, 8.0, "12"), (480.0, 66.0, 8.0, "River Office")],
            {"Public", "12", "River Office"},
            id="around a page number",
        ),
        pytest.param(
            [(72.0, 60.0, 8.0, "12"), (72.0, 49.0, 8.0, "The views in this document are those of its authors " * 2)],
            {"12", ("The views in this document are those of its authors " * 2).strip()},
            id="long, in small type, below a page number",
        ),
    ],
)
def test_a_foot_of_several_rows_has_a_page_number(foot: list[Line], texts: set[str]) -> None:
    layer = read(pdf_of_lines([[*SHORT, *foot]]))

    assert set(" / ".join(text for _, text in running(layer)).split(" / ")) >= texts


def test_a_head_is_set_in_the_small_type_of_the_foot_and_as_far_out() -> None:
    head, foot = (250.0, 712.0, 8.0, "A manual of rivers"), (300.0, 73.0, 8.0, "12")

    alike = read(pdf_of_lines([[head, *prose(1, top=680, rows=38), foot]]))
    larger = read(pdf_of_lines([[(*head[:2], 10.5, head[3]), *prose(1, top=680, rows=38), foot]]))

    assert [text for _, text in running(alike)] == ["A manual of rivers", "12"]
    assert [text for _, text in running(larger)] == ["12"]


def test_tiny_type_near_the_last_line_is_a_foot_where_it_ends_in_the_number() -> None:
    body: list[Line] = [(40.0, 300 - 30 * i, 18.0, f"The river carries its light {i}") for i in range(9)]
    foot: list[Line] = [(150.0, 36.0, 8.0, "River Office | A Survey of Rivers"), (520.0, 36.0, 8.0, "14")]

    layer = read(pdf_of_lines([[*body, *foot]], width=640, height=360))

    assert {text for _, text in running(layer)} == {"River Office | A Survey of Rivers", "14"}
