"""Lines of OCR put together into paragraphs, items of lists and entries."""

from __future__ import annotations

import pytest

from omnipipe.tasks.ocr_extraction.lines import FoundLine, arrange

LETTER, PITCH = 10, 28
Rows = list[tuple[float, str]]


def _texts(rows: Rows, right: float = 900) -> list[str]:
    """The paragraphs of lines, each with where it begins; a line that ends with `>` goes on to `right`."""
    found = []
    for row, (x0, text) in enumerate(rows):
        y, x1 = 100 + PITCH * row, right if text.endswith(">") else x0 + LETTER * len(text)
        corners = (x0, y), (x1, y), (x1, y + 20), (x0, y + 20)
        found.append(FoundLine(text.removesuffix(">"), 0.9, corners))
    return [block.text for block in arrange(found, (1000, 1400), "test")[1]]


@pytest.mark.parametrize("marks", [("1.", "2.", "3."), ("(a)", "(b)", "(c)"), ("[7]", "[8]", "[9]"), ("-", "-", "-")])
def test_items_have_their_further_lines(marks: tuple[str, str, str]) -> None:
    one, two, three = marks

    found = _texts(
        [(100, f"{one} first item>"), (140, "goes on>"), (140, "there"), (100, f"{two} next>"), (100, three)]
    )

    assert found == [f"{one} first item goes on there", f"{two} next", three]


def test_an_item_after_the_rest_of_one_from_the_page_before_is_one() -> None:
    rows: Rows = [
        (140, "goes on from the page before>"),
        (140, "to its end>"),
        (100, "4. Next>"),
        (140, "of two lines."),
    ]

    assert _texts(rows) == ["goes on from the page before to its end", "4. Next of two lines."]


def test_text_after_the_last_item_is_none_of_it() -> None:
    rows: Rows = [
        (100, "1. an item>"),
        (140, "of two lines that end here"),
        (100, "The text after it>"),
        (100, "goes on."),
    ]

    assert _texts(rows) == ["1. an item of two lines that end here", "The text after it goes on."]


def test_an_item_whose_first_line_is_set_in_has_its_further_lines() -> None:
    rows: Rows = [
        (140, "• An item that goes>"),
        (100, "on at the margin, as a paragraph>"),
        (100, "does, to its end;"),
        (140, "• Another one>"),
        (100, "of two lines."),
        (140, "• A third one that ends here.>"),
        (100, "The text after it."),
    ]

    assert _texts(rows) == [
        "- An item that goes on at the margin, as a paragraph does, to its end;",
        "- Another one of two lines.",
        "- A third one that ends here.",
        "The text after it.",
    ]


def test_a_numbered_heading_is_no_item_of_the_paragraph_below() -> None:
    rows: Rows = [(100, "5. A heading that is nearly as wide>"), (140, "The first line of it>"), (100, "goes on here.")]

    assert _texts(rows) == ["5. A heading that is nearly as wide", "The first line of it goes on here."]


def test_a_mark_that_stands_apart_is_no_cell() -> None:
    found = [
        FoundLine(text, 0.9, ((x0, y), (x1, y), (x1, y + 20), (x0, y + 20)))
        for text, x0, x1, y in [("1.", 100, 120, 100), ("An item of", 150, 900, 100), ("two lines", 150, 240, 128)]
    ]

    assert [block.text for block in arrange(found, (1000, 1400), "test")[1]] == ["1. An item of two lines"]


def test_entries_whose_further_lines_are_set_in_are_paragraphs() -> None:
    """As in dictionaries and plays."""
    entry: Rows = [(100, "word, n. what it means and>"), (130, "what else it may>"), (130, "mean.")]

    assert _texts(entry * 4) == ["word, n. what it means and what else it may mean."] * 4


def test_paragraphs_whose_first_line_is_set_in_are_no_entries() -> None:
    paragraph: Rows = [(130, "A paragraph begins>"), (100, "and goes on>"), (100, "to its end.")]

    assert _texts(paragraph * 4) == ["A paragraph begins and goes on to its end."] * 4


def test_lists_of_short_lines_are_no_entries() -> None:
    question: Rows = [(100, "Question, which is long>"), (140, "Yes"), (140, "No"), (140, "Perhaps")]

    assert _texts(question * 3) == ["Question, which is long", "Yes", "No", "Perhaps"] * 3


@pytest.mark.parametrize(("letter", "height", "num"), [(15, 26, 2), (15, 22, 1), (11, 26, 1)])
def test_names_below_a_title_in_larger_letters_are_a_paragraph_of_their_own(letter: int, height: int, num: int) -> None:
    """Both the letters and the box of the title are larger."""
    found = []
    for text, size, high, y in (("A title of some length", letter, height, 100), ("By one of them", LETTER, 20, 132)):
        x1 = 100 + size * len(text)
        found.append(FoundLine(text, 0.9, ((100, y), (x1, y), (x1, y + high), (100, y + high))))

    assert len(arrange(found, (1000, 1400), "test")[1]) == num
