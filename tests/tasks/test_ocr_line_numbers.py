"""Numbers of lines in the margin of pages that were read by OCR."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from omnipipe.page import Block
from omnipipe.tasks.layout_extraction.apply import apply_regions
from omnipipe.tasks.ocr_extraction.lines import FoundLine, arrange

SIZE = (1000, 1400)
PROSE = "and the parties shall thereupon be heard by the committee on it"


def _line(text: str, x0: float, row: int, x1: float) -> FoundLine:
    y = 100 + 40 * row
    return FoundLine(text, 0.99, ((x0, y), (x1, y), (x1, y + 24), (x0, y + 24)))


def _blocks(found: Sequence[FoundLine]) -> list[tuple[str, str]]:
    lines, blocks = arrange(found, SIZE, "rapidocr")
    made: Sequence[Block] = apply_regions(blocks, lines, [], aspect=0.7)
    return [(block.type, block.text) for block in made]


def _page(numbers: Sequence[int | None], text: Sequence[str], x: float = 80) -> list[FoundLine]:
    found = []
    for row, (number, line) in enumerate(zip(numbers, text, strict=True)):
        if number is not None:
            found.append(_line(str(number), x, row, x + 12 * len(str(number))))
        found.append(_line(line, 160, row, 160 + 11 * len(line)))
    return found


@pytest.mark.parametrize("x", [80, 900])
def test_numbers_in_the_margin_are_no_text(x: float) -> None:
    found = _page(range(11, 23), [PROSE] * 12, x)

    assert _blocks(found) == [("text", " ".join([PROSE] * 12)), ("line_number", " ".join(map(str, range(11, 23))))]


def test_a_number_at_each_fifth_line_is_one() -> None:
    numbers = [row if row % 5 == 0 else None for row in range(1, 31)]

    assert _blocks(_page(numbers, [PROSE] * 30))[-1] == ("line_number", "5 10 15 20 25 30")


def test_a_number_that_was_read_with_its_line_is_cut_off() -> None:
    found = _page([*range(11, 16), None, *range(17, 23)], [PROSE] * 12)
    found = [line._replace(text=f"16 {PROSE}") if row == 10 else line for row, line in enumerate(found)]
    at = next(row for row, line in enumerate(found) if line.text.startswith("16 "))
    found[at] = _line(f"16 {PROSE}", 80, 5, 160 + 11 * len(PROSE))

    assert _blocks(found)[0] == ("text", " ".join([PROSE] * 12))


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], ["A name", "Another", "The third", "Nobody", "Some", "One", "Two", "Six", "End"]),
        ([17, 4, 23, 8, 99, 41, 5, 60, 12], [PROSE] * 9),
        ([1, 2, 3, None, None, None, None, None, None], [PROSE] * 9),
    ],
)
def test_ranks_amounts_and_few_numbers_stay(numbers: Sequence[int | None], text: Sequence[str]) -> None:
    assert not any(kind == "line_number" for kind, _ in _blocks(_page(numbers, text)))


def test_numbers_of_a_table_stay() -> None:
    rows = [
        _line(cell, x, row, x + 60 if len(cell) < 9 else x + 400)
        for row in range(12)
        for x, cell in ((80, str(row + 1)), (160, "what was bought that day"), (600, "12.50"), (800, "3.00"))
    ]

    assert not any(kind == "line_number" for kind, _ in _blocks(rows))
