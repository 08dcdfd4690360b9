"""Bars at the side of slides."""

from __future__ import annotations

import pytest

from tests.pdfs import Line, pdf_of_lines
from tests.tablekit import read

_SAID = [
    "The river carries its light slowly under the old bridge",
    "and small stones of the garden lie before the house.",
    "Every letter that was found between the fields of late",
    "summer says what was seen from the road by the water.",
    "Nobody asked for the bread that lay on the window",
    "until the village was quiet again in the evening.",
]
_PARTS = ["Introduction", "Rivers", "Bridges", "Gardens", "What next"]


def slide(bar_left: float, pitch: float, top: float) -> bytes:
    said: list[Line] = [(120.0, 330.0 - 17 * i, 12.0, text) for i, text in enumerate(_SAID)]
    bar: list[Line] = [(bar_left, top - pitch * i, 6.5, text) for i, text in enumerate(_PARTS)]
    return pdf_of_lines([[(120.0, 370.0, 18.0, "Of rivers"), *said, *bar]], width=540, height=405)


@pytest.mark.parametrize("left", [20.0, 480.0])
def test_a_bar_beside_the_text_of_a_slide_is_read_after_it(left: float) -> None:
    text = " ".join(read(slide(left, 13, 334)).text.split())

    assert " ".join(_SAID) in text
    assert " ".join(text.split()).endswith(" ".join(_PARTS))


def test_small_words_beside_each_line_are_read_with_it() -> None:
    text = read(slide(20.0, 17, 330)).text

    assert text.index("Gardens") < text.index("Nobody")
