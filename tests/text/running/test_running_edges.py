"""Names in large type at the head, large numbers and last lines of text at the foot; numbers of old books."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnipipe.reading.process import ReaderLimits
from omnipipe.text.running.margin_lines import Box, classify_margins
from tests.pdfs import Line, pdf_of_lines
from tests.text.running.test_running_heads import found, prose, read, read_anew, running

_LIMITS = ReaderLimits(page_seconds=10)


def pages(name: str, *, size: float = 20.0, body: float = 11) -> bytes:
    """Five pages with a name in large type far out at the head."""
    return pdf_of_lines([[(72.0, 760.0, size, name), *prose(i, top=690, rows=30, size=body)] for i in range(5)])


def test_a_name_in_large_type_that_every_page_has_is_its_head(tmp_path: Path) -> None:
    (facts,) = read_anew(_LIMITS, tmp_path, pages("The River Post"), [2])

    assert found(facts) == [("header", "The River Post")]


def test_on_slides_a_title_stays_that_the_next_ones_repeat(tmp_path: Path) -> None:
    (facts,) = read_anew(_LIMITS, tmp_path, pages("Rivers of the north", size=30.0, body=18), [2])

    assert found(facts) == []


def test_a_title_in_large_type_stays_on_a_page_alone() -> None:
    page: list[Line] = [(72.0, 760.0, 20.0, "The River Post"), *prose(1, top=690, rows=30)]

    assert running(read(pdf_of_lines([page]))) == []


def test_a_large_number_far_out_at_the_foot_is_the_page_s() -> None:
    page: list[Line] = [*prose(1, top=690, rows=30), (72.0, 24.0, 16.0, "4")]

    assert running(read(pdf_of_lines([page]))) == [("page_number", "4")]


def test_the_last_line_of_text_below_a_picture_is_no_foot_where_margins_are_narrow() -> None:
    last = "The map above shows what rivers there are and where they come from in the north:"
    page: list[Line] = [*prose(1, top=762, rows=40), (72.0, 35.0, 11.0, last)]

    assert running(read(pdf_of_lines([page]))) == []


@pytest.mark.parametrize(
    ("text", "left", "kind"),
    [
        ("(486 )", 0.46, "page_number"),
        ("( xiv )", 0.46, "page_number"),
        ("* (190) *", 0.46, "page_number"),
        pytest.param("(3)", 0.8, None, id="an equation's"),
        pytest.param("(see there)", 0.44, None, id="words"),
    ],
)
def test_a_number_in_brackets_in_the_middle_of_the_head_is_the_page_s(text: str, left: float, kind: str | None) -> None:
    lines = [
        Box("words of running text over the whole width", 0.15, 0.2 + 0.024 * i, 0.85, 0.222 + 0.024 * i)
        for i in range(24)
    ]
    head = Box(text, left, 0.15, 0.54 + left - 0.46, 0.172)

    assert classify_margins([head, *lines], aspect=0.7) == [kind] + [None] * 24


def test_what_a_library_prints_in_several_rows_below_its_picture_is_its_foot() -> None:
    lines = [
        Box("words of running text over the whole width", 0.15, 0.2 + 0.024 * i, 0.85, 0.222 + 0.024 * i)
        for i in range(24)
    ]
    strip = [
        Box("University and State Library", 0.03, 0.970, 0.2, 0.978),
        Box("Saxony", 0.03, 0.979, 0.1, 0.987),
        Box("urn:nbn:de:gbv:3:1-1375-p02-9", 0.5, 0.979, 0.75, 0.987),
        Box("Halle, 5908", 0.0, 0.991, 0.08, 0.998),
    ]

    assert classify_margins([*lines, *strip], aspect=0.7) == [None] * 24 + ["footer"] * 4
