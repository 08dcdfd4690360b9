"""Which numbers at the start of a line open an item, and which belong to the sentence that the line goes on with."""

from __future__ import annotations

import pytest

from tests.pdfs import Line, pdf_of_lines
from tests.tablekit import read

FULL = "the river carries its light slowly under every bridge and stone of the"


def paragraphs(lines: list[str]) -> list[str]:
    placed: list[Line] = [(72, 700 - 12.0 * i, 10, line) for i, line in enumerate(lines)]
    return read(pdf_of_lines([placed])).text.split("\n\n")


@pytest.mark.parametrize(
    "opening", ["4. Finally we", "[8] offers a", "(b) the ends", "2) and the", "C. These are", "(iv) more of"]
)
def test_a_number_that_a_broken_sentence_goes_on_with_opens_no_item(opening: str) -> None:
    lines = [f"At dawn {FULL}", f"{FULL} in note", f"{opening} come to the sea with all of it.", "So it is."]

    assert paragraphs(lines)[0].startswith(f"At dawn {FULL} {FULL} in note {opening} come")


def test_an_initial_goes_on_with_the_names_before_it() -> None:
    lines = [
        "[1] A. Willow and B. Hazel. The light of the rivers and of the lake at dawn. 1999.",
        "[2] C. Elm, D. Rowan, P. Alder, Q. Linden, R. Maple, S. Poplar, T. Aspen, and",
        "I. Stone. The names of the rivers.",
        "[3] E. Ash. Bridges.",
    ]

    assert [text[:3] for text in paragraphs(lines)] == ["[1]", "[2]", "[3]"]


@pytest.mark.parametrize(("first", "second"), [("1.", "2."), ("[7]", "[8]"), ("(a)", "(b)"), ("(i)", "(ii)")])
def test_items_without_a_full_stop_that_fill_their_lines_stay_items(first: str, second: str) -> None:
    lines = [f"At dawn {FULL}", f"{first} Item {FULL}", f"{second} Item {FULL}"]

    assert [text.split()[0] for text in paragraphs(lines)] == ["At", first, second]


def test_authors_below_each_other_stay_apart() -> None:
    lines = [
        "A. Willow, B. Hazel, C. Elm, University of the Rivers, Laputa",
        "P. Rowan, Q. Alder, School of Names, Lagado",
    ]

    assert len("\n".join(paragraphs(lines)).split("\n")) > 1
