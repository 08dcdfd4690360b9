"""Headings of numbered sections in the size of the text: bold ones whatever follows them, and centred ones."""

from __future__ import annotations

import pytest

from tests.text.test_structure import PROSE, Text, lines, read

Line = tuple[float, float, int, str]
"""x, y, place of the font and text."""


def headings(between: list[Line], below: float) -> list[str]:
    """Headings of a page of prose with `between` in its middle; prose goes on at `below`."""
    texts: list[Text] = [*lines(PROSE, 700), *[(x, y, 10.0, font, text) for x, y, font, text in between]]
    texts += lines(PROSE, below)
    return [line for line in read(texts).text.splitlines() if line.startswith("#")]


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        pytest.param(
            [(72, 630, 1, "2. Harbours"), (72, 606, 1, "2.1 Lights"), (72, 582, 0, "They are these:")],
            ["## 2. Harbours", "### 2.1 Lights"],
            id="above another and a short line",
        ),
        pytest.param(
            [(72, 630, 1, "2 Harbours"), (72, 617, 1, "2.1 Lights"), (72, 604, 1, "2.1.1 Lamps")],
            ["## 2 Harbours", "### 2.1 Lights", "#### 2.1.1 Lamps"],
            id="right below each other",
        ),
        pytest.param(
            [(72, 630, 1, "3.4 Ships"), (72, 606, 1, "Of the sea."), (130, 606, 0, "They are")],
            ["### 3.4 Ships"],
            id="above words in bold",
        ),
        pytest.param(
            [
                (72, 630, 1, "1. Lights"),
                (72, 617, 1, "2. Lamps"),
                (72, 604, 1, "3. Ships"),
                (72, 580, 0, "All is well:"),
            ],
            [],
            id="a list in bold",
        ),
        pytest.param(
            [(72, 630, 1, "7.22 lamps (Source: lamps.f90)"), (72, 606, 0, "They are these:")],
            ["### 7.22 lamps (Source: lamps.f90)"],
            id="the name of a program",
        ),
        pytest.param([(72, 630, 1, "26 QXd7"), (72, 606, 0, "They are these:")], [], id="a move in chess"),
        pytest.param([(72, 630, 1, "11. Dezember 2022"), (72, 606, 0, "They are these:")], [], id="a date"),
        pytest.param([(72, 630, 1, "4 Harbours 12"), (72, 606, 0, "They are these:")], [], id="contents"),
        pytest.param([(72, 630, 0, "2.1 Lights"), (72, 606, 0, "They are these:")], [], id="not bold"),
    ],
)
def test_bold_headings_of_sections_need_no_text_below(between: list[Line], expected: list[str]) -> None:
    assert headings(between, 560) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param((180, 630, 0, "5. Lights of the harbours"), ["## 5. Lights of the harbours"], id="centred"),
        pytest.param((72, 630, 0, "5. Lights of the harbours"), [], id="an item at the margin"),
        pytest.param((180, 630, 0, "5. The lights x = 3 hold"), [], id="a formula"),
        pytest.param((180, 630, 0, "5.2. figuur Lights of the harbours"), [], id="a caption"),
        pytest.param((180, 630, 0, "5. The lights are here."), [], id="a sentence"),
    ],
)
def test_centred_headings_of_sections_need_no_type_of_their_own(line: Line, expected: list[str]) -> None:
    assert headings([line], 612) == expected


REFERENCES = [f"[{k}] A. Author. The ships of the sea and the lamps of its harbours, volume {k}." for k in range(1, 30)]


@pytest.mark.parametrize(
    ("paragraph", "is_heading"),
    [
        pytest.param(
            ["We would like to thank the men of the lights for all their", "help with the oil of the lamps."],
            False,
            id="a sentence",
        ),
        pytest.param(["that all of the ships are in their harbours by night"], False, id="from within a sentence"),
        pytest.param(["The men of the lights"], True, id="a heading"),
    ],
)
def test_text_larger_than_the_references_of_its_page_is_no_heading(paragraph: list[str], is_heading: bool) -> None:
    texts: list[Text] = [*lines(paragraph, 740, size=10), *lines(REFERENCES, 700, size=7.5)]

    assert read(texts).text.startswith("#") is is_heading
