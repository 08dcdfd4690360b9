"""Titles whose letters are set apart are words, and letters that stand on their own are not."""

from __future__ import annotations

import pytest

from tests.pdfs import pdf_of_contents, text_content
from tests.tablekit import prose, read


def page(title: str, space: float) -> bytes:
    """A page with a title whose letters stand `space` font sizes apart, as TeX moves them, above some prose."""
    moved = "".join(
        f"{-1000 * (space + 0.45):g} " if letter == " " else f"({letter}) {-1000 * space:g} " for letter in title
    )
    line = b"BT /F1 12 Tf 72 740 Td [%s] TJ ET\n" % moved.encode()
    return pdf_of_contents([line + text_content(prose(700))])


@pytest.mark.parametrize("title", ["ABSTRACT", "ARTICLE INFO", "THE HARBOUR OF THE NORTH"])
@pytest.mark.parametrize("space", [0.28, 0.35])
def test_letters_set_apart_are_words(title: str, space: float) -> None:
    layer = read(page(title, space))

    assert layer.blocks[0][4] == title


@pytest.mark.parametrize("title", ["ABCDEFGH", "AAAAAABB"])
def test_letters_that_spell_nothing_stay_apart(title: str) -> None:
    layer = read(page(title, 0.35))

    assert layer.blocks[0][4] == " ".join(title)


def test_letters_as_far_apart_as_columns_stay_apart() -> None:
    layer = read(page("RIVERS", 1.2))

    assert "RIVERS" not in layer.text
