"""Text whose lines stand far apart: manuscripts, theses, drafts for remarks between the lines."""

from __future__ import annotations

import pytest

from tests.pdfs import Line
from tests.tablekit import page, read
from tests.text.test_structure import pdf

PARAGRAPHS = [
    [
        "The ferry was late again, and those who waited at the pier began to com-",
        "plain about the wind, the price of tickets and the new timetable that no-",
        "body had seen. A clerk with a lantern walked along the rails and counted",
        "the crates that were to be shipped before the tide went out that night.",
    ],
    [
        "Nobody asked him for his name. He had been at the harbour for so long that",
        "people took him for a part of it, like the crane or the clock, which was",
        "slow by a quarter of an hour in summer.",
    ],
]


def spaced(pitch: float) -> list[Line]:
    """The paragraphs in 12 points, each with an indent, `pitch` points from line to line."""
    rows = [(90.0 if k == 0 else 72.0, text) for lines in PARAGRAPHS for k, text in enumerate(lines)]
    return [(left, 700 - pitch * i, 12.0, text) for i, (left, text) in enumerate(rows)]


@pytest.mark.parametrize("pitch", [22.0, 24.0, 27.5])
def test_widely_spaced_lines_are_paragraphs(pitch: float) -> None:
    layer = read(page(spaced(pitch)))

    wanted = [" ".join(lines).replace("com- ", "com").replace("no- ", "no") for lines in PARAGRAPHS]
    assert [" ".join(text.split()) for text in layer.text.split("\n\n")] == wanted


def test_more_white_than_usual_still_ends_a_widely_spaced_paragraph() -> None:
    lines = [(x, y if i < 3 else y - 14, size, text) for i, (x, y, size, text) in enumerate(spaced(24.0))]

    layer = read(page(lines))

    assert layer.text.split("\n\n")[1] == PARAGRAPHS[0][3]


def test_labels_of_a_form_far_apart_stay_on_their_own() -> None:
    labels = ["Name of applicant", "Date of birth", "Street and number", "Town", "Telephone", "Signature of applicant"]

    layer = read(page([(72.0, 700 - 24.0 * i, 12.0, text) for i, text in enumerate(labels)]))

    assert layer.text.split("\n\n") == labels


def test_units_beside_the_fields_of_a_form_stay_on_their_own() -> None:
    units = ["km", "litres", "kWh and more", "m2 of roof", "km", "days"]

    layer = read(page([(300.0, 700 - 24.0 * i, 12.0, text) for i, text in enumerate(units)]))

    assert layer.text.split("\n\n") == units


def test_headings_among_widely_spaced_lines_are_no_part_of_them() -> None:
    rows = spaced(24.0)
    end = rows[-1][1]
    above = [(x, y, size, 0, text) for x, y, size, text in rows]
    heads = [(72.0, end - 24.0 * i, 12.0, 1, f"1.2.{i}. The old clock") for i in (1, 2)]
    below = [(x, y - 700 + end - 72.0, size, 0, text) for x, y, size, text in rows]

    layer = read(pdf([*above, *heads, *below]))

    assert {"1.2.1. The old clock", "1.2.2. The old clock"} <= {block[4] for block in layer.blocks}
