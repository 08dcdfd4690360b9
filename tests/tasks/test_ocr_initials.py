"""Initials: the large first letter of a text, beside its first lines."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw, ImageFont

from omnipipe.tasks.ocr_extraction import RapidOCR

PROSE = "nothing of what was said that evening was ever written down and so it grew with the years until "


def _page(first: str, letter: str, *, size: int = 78, drawn: bool = False) -> Image.Image:
    """A text whose first two lines are set in; `letter` stands beside them, or a picture where it is `drawn`."""
    page = Image.new("L", (900, 560), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(26)
    if drawn:
        draw.rectangle((62, 58, 112, 118), fill=0)
    else:
        draw.text((60, 44), letter, fill=0, font=ImageFont.load_default(size))
    for row in range(10):
        text = first if row == 0 else (PROSE * 12)[50 * row : 50 * row + (44 if row == 1 else 50)].strip()
        draw.text((130 if row < 2 else 60, 56 + 38 * row), text, fill=0, font=font)
    return page


@pytest.mark.parametrize(
    ("letter", "first", "begin"),
    [
        ("S", "HE MOPED and then she sighed and went", "SHE MOPED"),
        ("H", "ow much of it was true nobody could say", "How much"),
        ("R", "eading was what he had come to the city", "Reading was"),
    ],
)
def test_a_large_first_letter_is_put_before_its_word(letter: str, first: str, begin: str) -> None:
    assert RapidOCR().extract(_page(first, letter)).content.startswith(begin)


def test_an_ornament_is_no_letter() -> None:
    content = RapidOCR().extract(_page("ow much of it was true nobody could say", "", drawn=True)).content

    assert content.startswith("ow much")


def test_lines_that_are_set_in_beside_white_stay_as_they_are() -> None:
    content = RapidOCR().extract(_page("How much of it was true nobody could say", "")).content

    assert content.startswith("How much")


def test_letters_that_count_answers_are_no_initials() -> None:
    page = Image.new("L", (900, 400), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(26)
    for row, text in enumerate(["most of the people who had been there", "said nothing of it afterwards to others"]):
        draw.text((130, 56 + 38 * row), text, fill=0, font=font)
    for row in range(2, 8):
        draw.text((60, 56 + 38 * row), PROSE[8 * row : 8 * row + 50].strip(), fill=0, font=font)
    draw.text((60, 56), "A", fill=0, font=font)

    assert "Amost" not in RapidOCR().extract(page).content
