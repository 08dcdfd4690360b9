"""Heads and feet over two columns of text, and what their words tell: pages that are read alone."""

from __future__ import annotations

import random

import pytest

from tests.pdfs import Line, pdf_of_lines
from tests.test_running_heads import WORDS, prose, read, running


def columns(seed: int, *, top: float = 700, rows: int = 40) -> list[Line]:
    """Two columns of justified lines: each says the same words in another order."""
    chance = random.Random(seed)
    return [
        (left, top - 12 * i, 10.0, " ".join(chance.sample(WORDS[:11], 11)))
        for left in (54.0, 318.0)
        for i in range(rows)
    ]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The Name of All the Rivers Is Hope", "Waters'17, July 2017, Washington"),
        ("A History of All Known Rivers", "WATERS 18, June 03-05, 2018, Woodstock"),
        ("902 draft: January 16, 2023 13:05", "Riverboat, Volume 12 (9999), No. 3"),
    ],
)
def test_a_head_over_two_columns_of_text_is_no_head_of_a_table(left: str, right: str) -> None:
    body = columns(1)
    head = [(54.0, 730.0, 8.0, left), (420.0, 730.0, 8.0, right)]

    layer = read(pdf_of_lines([[*head, *body]]))

    assert " ".join(text for _, text in running(layer)) == f"{left} {right}"
    assert layer.text.startswith(body[0][3][:20])


def test_a_note_beside_the_last_line_of_the_other_column_is_no_foot() -> None:
    body = columns(1)
    last = [(54.0, 90.0, 10.0, "Version 2, May 4, 2020"), (318.0, 90.0, 10.0, body[-1][3])]
    foot = [(54.0, 50.0, 8.0, "Journal of Rivers"), (420.0, 50.0, 8.0, "Volume 12, No. 3")]

    layer = read(pdf_of_lines([[*body, *last, *foot]]))

    assert [text for _, text in running(layer)] == ["Journal of Rivers Volume 12, No. 3"]
    assert "Version 2, May 4, 2020" in layer.text


@pytest.mark.parametrize("head", ["The Names of Rivers 111:3", "Proc. of the 9th Meeting on Rivers and Waters"])
def test_a_head_shows_by_its_words_what_it_is(head: str) -> None:
    layer = read(pdf_of_lines([[(260.0, 728.0, 9.0, head), *prose(1)]]))

    assert running(layer) == [("header", head)]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ((530.0, 735.0, 11.0, "i"), "i"),
        ((300.0, 40.0, 11.0, "V"), "V"),
        ((72.0, 700.0, 10.0, "12"), "12"),
    ],
)
def test_a_page_number_far_from_the_text_needs_no_other_page(line: Line, text: str) -> None:
    layer = read(pdf_of_lines([[line, *prose(1, top=670)]]))

    assert running(layer) == [("page_number", text)]


def test_a_page_number_stands_well_before_the_title_at_its_side() -> None:
    head = [(72.0, 712.0, 10.0, "2"), (125.0, 712.0, 10.0, "Names of Rivers and of Their Waters")]

    layer = read(pdf_of_lines([[*head, *prose(1, top=670)]]))

    assert [text for _, text in running(layer)] == ["2", "Names of Rivers and of Their Waters"]


@pytest.mark.parametrize("line", [(72.0, 700.0, 16.0, "2"), (72.0, 700.0, 11.0, "i"), (300.0, 695.0, 11.0, "x")])
def test_a_number_in_the_place_of_a_heading_stays(line: Line) -> None:
    layer = read(pdf_of_lines([[line, *prose(1, top=670)]]))

    assert not running(layer)


@pytest.mark.parametrize("first", [1, 41], ids=["the same numbers", "the next numbers"])
def test_line_numbers_at_both_sides_of_two_columns_are_taken_out(first: int) -> None:
    body = columns(3)
    rulers = [
        (x, line[1], 7.0, str(start + i))
        for x, start in ((30.0, 1), (592.0, first))
        for i, line in enumerate(body[:40])
    ]

    layer = read(pdf_of_lines([[*body, *rulers]]))

    assert [kind for kind, _ in running(layer)] == ["line_number"]
    assert not [word for word in layer.text.split() if word.isdecimal()]
    assert layer.text.startswith(body[0][3][:20])


def test_numbers_at_the_right_that_count_otherwise_stay() -> None:
    body = columns(3)
    sides = [(x, line[1], 7.0, str(k * i)) for x, k in ((30.0, 1), (592.0, 3)) for i, line in enumerate(body[:40])]

    layer = read(pdf_of_lines([[*body, *sides]]))

    assert "117" in layer.text.split()
