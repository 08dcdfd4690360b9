"""Heads and feet over two columns of text, and what their words tell: pages that are read alone."""

from __future__ import annotations

import random

import pytest

from tests.pdfs import Line, pdf_of_lines
from tests.text.running.test_running_heads import WORDS, prose, read, running

FULL = "the river carries its light slowly under every bridge and small stone of the garden, so that all"
"""A line over the width of the text, from 72 to 514 points where it is set in 11."""


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


@pytest.mark.parametrize(
    "line",
    [(290.0, 83.0, 11.0, "7"), (290.0, 81.0, 11.0, "v"), (263.0, 86.5, 11.0, "Page 3 of 9")],
    ids=lambda line: str(line[3]),
)
def test_a_page_number_in_the_middle_may_stand_close_to_the_text(line: Line) -> None:
    """`v` counts pages with less white above it than letters have elsewhere."""
    body = [(72.0, 700 - 14.3 * i, 11.0, FULL) for i in range(42 if line[3] == "v" else 43)]

    layer = read(pdf_of_lines([[*body, line]]))

    assert running(layer) == [("page_number", line[3])]


@pytest.mark.parametrize("left", [72.0, 190.0, 400.0])
def test_a_number_below_the_text_and_not_in_its_middle_stays(left: float) -> None:
    body = [(72.0, 700 - 14.3 * i, 11.0, FULL) for i in range(43)]

    layer = read(pdf_of_lines([[*body, (left, 83.0, 11.0, "7")]]))

    assert not running(layer)


def test_a_page_number_in_the_middle_is_none_of_the_numbers_of_code_lines() -> None:
    body = [(72.0, 700 - 14.3 * i, 11.0, FULL) for i in range(38)]
    lines = [(54.0, 700 - 14.3 * i, 7.0, str(i)) for i in (38, 39)]

    layer = read(pdf_of_lines([[*body, *lines, (290.0, 80.0, 11.0, "7")]]))

    assert running(layer) == [("page_number", "7")]
    assert layer.text.split()[-2:] == ["38", "39"]


def test_a_head_of_two_titles_stands_at_both_ends_of_the_text() -> None:
    head = [(72.0, 712.0, 10.0, "Rivers and Waters"), (430.0, 712.0, 10.0, "All Known Bridges")]
    body = [(72.0, 680 - 14.3 * i, 11.0, FULL) for i in range(40)]

    layer = read(pdf_of_lines([[*head, *body]]))

    assert running(layer) == [("header", "Rivers and Waters All Known Bridges")]


@pytest.mark.parametrize(
    ("left", "right", "top"),
    [("3. Name all known rivers", "10 points each one", 680), ("Rivers and Waters", "All Known Bridges", 600)],
    ids=["a question", "a title page"],
)
def test_words_at_both_ends_of_the_first_line_may_be_text(left: str, right: str, top: float) -> None:
    head = [(72.0, 712.0, 10.0, left), (430.0, 712.0, 10.0, right)]
    body = [(72.0, top - 14.3 * i, 11.0, FULL) for i in range(35)]

    layer = read(pdf_of_lines([[*head, *body]]))

    assert not running(layer)


def test_a_foot_that_starts_with_the_page_number_is_no_footnote() -> None:
    foot = [(54.0, 40.0, 7.0, "2 | https://rivers.example/waters"), (500.0, 40.0, 7.0, "Smith, Miller and Bridges")]

    layer = read(pdf_of_lines([[*columns(1), *foot]]))

    assert [text for _, text in running(layer)] == ["2 | https://rivers.example/waters Smith, Miller and Bridges"]


def test_a_foot_in_small_type_under_two_columns_of_code_is_no_row_of_a_table() -> None:
    code = [(left, 700 - 12 * i, 9.0, f"river_{i} <- water({i})") for left in (54.0, 318.0) for i in range(50)]
    foot = [(54.0, 40.0, 6.5, "Smith and Miller"), (400.0, 40.0, 6.5, "Rivers Vignette | January 11, 2022 | 7")]

    layer = read(pdf_of_lines([[*code, *foot]]))

    assert [text for _, text in running(layer)] == ["Smith and Miller Rivers Vignette | January 11, 2022 | 7"]


@pytest.mark.parametrize(
    ("line", "top", "rows"),
    [((290.0, 142.0, 11.0, "7"), 700, 35), ((502.0, 692.0, 12.0, "67"), 650, 40)],
    ids=["in the middle of a high foot", "at the right end of a low head"],
)
def test_a_page_number_well_apart_may_stand_far_from_the_edge(line: Line, top: float, rows: int) -> None:
    body = [(72.0, top - 14.3 * i, 11.0, FULL) for i in range(rows)]

    layer = read(pdf_of_lines([[*body, line]]))

    assert running(layer) == [("page_number", line[3])]


def test_the_number_of_a_chapter_below_the_page_number_stays() -> None:
    head = [(507.0, 695.0, 11.0, "5"), (72.0, 664.0, 12.0, "- 1 -")]
    body = [(72.0, 640 - 14.3 * i, 11.0, FULL) for i in range(38)]

    layer = read(pdf_of_lines([[*head, *body]]))

    assert running(layer) == [("page_number", "5")]


def test_headings_in_the_middle_of_both_columns_below_a_title_are_read_with_their_columns() -> None:
    """As on the first page of a paper, where the text is written column by column."""
    text = [(x, y, 9.0, line) for x, y, _, line in columns(1, top=620)]
    left, right = text[:40], text[40:]
    title = [(150.0, 730.0, 16.0, "On Rivers and What Is Carried by Them")]
    first, second = (144.0, 650.0, 10.0, "CONTENTS"), (398.0, 650.0, 10.0, "INTRODUCTION")

    layer = read(pdf_of_lines([[*title, first, *left, second, *right]]))

    places = [layer.text.find(part) for part in ("CONTENTS", left[0][3][:20], "INTRODUCTION", right[0][3][:20])]
    assert places == sorted(places)
