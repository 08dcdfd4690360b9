"""Notes in the margin: small type beside the lines of a paragraph."""

from __future__ import annotations

import pytest

from omnipipe.text.options import TextOptions
from tests.pdfs import Line, pdf_of_lines
from tests.text.running.test_running_columns import FULL
from tests.text.running.test_running_heads import read


def paragraph(top: float, last: str) -> list[Line]:
    """Lines that begin and end at one edge, and a short one."""
    return [*((160.0, top - 14 * i, 10.0, FULL[:88]) for i in range(7)), (160.0, top - 98, 10.0, last)]


TEXT = [*paragraph(700, "and so it went on."), *paragraph(580, "and there it ended.")]


def paragraphs(notes: list[Line]) -> list[str]:
    """The page's paragraphs, notes being drawn after the line that they stand beside."""
    lines = sorted([*TEXT, *notes], key=lambda line: (-line[1], line[0]))
    return read(pdf_of_lines([lines])).text.split("\n\n")


def test_a_note_comes_after_the_paragraph_beside_it() -> None:
    note = [(560.0, 672.0, 7.0, "Rivers bend"), (560.0, 663.5, 7.0, "to the left")]

    first, found, second = paragraphs(note)

    assert (first[-18:], found, second[-19:]) == (
        "and so it went on.",
        "Rivers bend to the left",
        "and there it ended.",
    )


def test_a_note_left_of_the_first_line_comes_before_its_paragraph() -> None:
    first, found, second = paragraphs([(90.0, 580.0, 8.0, "Where it ends")])

    assert (first[-18:], found, second[-19:]) == ("and so it went on.", "Where it ends", "and there it ended.")


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ([(130.0, 672.0, 7.0, "12")], "12 the river"),
        ([(90.0, 672.0, 10.0, "bridge.")], "bridge. the river"),
        ([(70.0, 672.0, 7.0, "stone"), (110.0, 672.0, 7.0, "bridge")], "stone bridge the river"),
    ],
    ids=["a number", "type as large as that of the text", "cells of a table"],
)
def test_what_may_belong_to_the_line_stays_in_it(note: list[Line], text: str) -> None:
    assert text in " ".join(" ".join(paragraphs(note)).split())


def test_the_lines_of_notes_are_given_with_the_others() -> None:
    page = sorted([*TEXT, (560.0, 672.0, 7.0, "Rivers bend")], key=lambda line: (-line[1], line[0]))

    layer = read(pdf_of_lines([page]), options=TextOptions(lines=True))

    assert [line[0] for line in layer.lines].count("Rivers bend") == 1
    assert len(layer.lines) == len(page)
