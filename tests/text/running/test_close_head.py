"""Heads of scanned books that no white parts from the text below."""

from __future__ import annotations

import pytest

from omnipipe.text.running.margin_lines import Box, classify_margins

_PITCH = 0.0155


def page(
    *first: tuple[str, float, float], lines: int = 30, below: tuple[tuple[str, float, float], ...] = ()
) -> list[Box]:
    """A first row of texts with their ends, rows `below` it, and a page of lines: boxes reach into each other."""
    rows = [first, *[(row,) for row in below]]
    rows += [(("words of running text in a line over the whole width", 0.15, 0.88),)] * lines
    top = 0.08
    boxes: list[Box] = []
    for number, row in enumerate(rows):
        y = top + number * _PITCH
        boxes += [Box(text, left, y, right, y + 1.35 * _PITCH) for text, left, right in row]
    return boxes


def kinds(boxes: list[Box], num: int) -> list[str | None]:
    found = classify_margins(boxes, aspect=0.6)
    assert not any(found[num:])
    return found[:num]


def test_head_with_number_title_and_chapter() -> None:
    row = (("400", 0.154, 0.198), ("BRITISH HUSBANDRY.", 0.38, 0.63), ("[Ch. XIX.", 0.77, 0.878))
    assert kinds(page(*row), 3) == ["page_number", "header", "header"]


def test_head_with_number_at_the_right() -> None:
    assert kinds(page(("THE VOYAGE", 0.152, 0.34), ("217", 0.84, 0.88)), 2) == ["header", "page_number"]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param((("Wheat and barley", 0.152, 0.34), ("and oats", 0.78, 0.88)), id="no number"),
        pytest.param((("4", 0.152, 0.16), ("On the use of bones", 0.30, 0.52)), id="a heading with its number"),
        pytest.param((("Wheat", 0.152, 0.34), ("1834", 0.5, 0.54), ("217", 0.84, 0.88)), id="a row of numbers"),
        pytest.param((("THE VOYAGE", 0.152, 0.82), ("217", 0.84, 0.88)), id="no gap"),
        pytest.param((("THE VOYAGE", 0.3, 0.4), ("217", 0.6, 0.66)), id="not over the width"),
    ],
)
def test_other_first_rows_are_text(row: tuple[tuple[str, float, float], ...]) -> None:
    assert not any(classify_margins(page(*row), aspect=0.6))


def test_head_of_a_short_column_is_text() -> None:
    row = (("THE VOYAGE", 0.152, 0.34), ("217", 0.84, 0.88))
    assert not any(classify_margins(page(*row, below=(("a short line", 0.15, 0.4),)), aspect=0.6))


def test_row_of_a_page_with_few_lines_is_text() -> None:
    row = (("THE VOYAGE", 0.152, 0.34), ("217", 0.84, 0.88))
    assert not any(classify_margins(page(*row, lines=4), aspect=0.6))


def test_first_row_of_a_list_of_contents_is_text() -> None:
    entries = [[("Of the use of bones", 0.152, 0.5), (str(200 + n), 0.84, 0.88)] for n in range(20)]
    boxes = [
        Box(text, left, 0.08 + n * _PITCH, right, 0.08 + (n + 1.35) * _PITCH)
        for n, row in enumerate(entries)
        for text, left, right in row
    ]
    assert not any(classify_margins(boxes, aspect=0.6))


def test_head_with_a_title_in_the_middle_and_a_number_at_its_right() -> None:
    row = (("Von der Erden.", 0.42, 0.61), ("41", 0.85, 0.88))
    assert kinds(page(*row), 2) == ["header", "page_number"]


def test_head_over_two_columns() -> None:
    row = (("Von der Erden.", 0.42, 0.61), ("41", 0.85, 0.88))
    left, right = [
        [Box(box.text, start, box.top, end, box.bottom) for box in page(*row)[2:]]
        for start, end in ((0.15, 0.505), (0.525, 0.88))
    ]
    boxes = [*page(*row)[:2], *left, *right]
    assert kinds(boxes, 2) == ["header", "page_number"]


def test_head_of_a_table_with_a_number_over_cells_stays() -> None:
    row = (("Rivers of the north", 0.4, 0.63), ("41", 0.85, 0.88))
    cells = [
        Box(box.text, start, box.top, end, box.bottom)
        for start, end in ((0.15, 0.4), (0.7, 0.88))
        for box in page(*row)[2:]
    ]
    assert kinds([*page(*row)[:2], *cells], 2) == [None, None]


@pytest.mark.parametrize(
    ("text", "kind"), [("\uff08190\uff09", "page_number"), ("* (190) *", "page_number"), ("Finis", None)]
)
def test_number_in_brackets_alone_in_the_middle(text: str, kind: str | None) -> None:
    assert kinds(page((text, 0.47, 0.56)), 1) == [kind]
