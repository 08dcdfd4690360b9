"""Bullets that the line detector overlooks, and the list items that they begin."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from omnipipe.tasks.ocr_extraction.bullets import with_bullets
from omnipipe.tasks.ocr_extraction.lines import FoundLine, arrange


def _page(
    *marks: tuple[int, int, int, int], paper: int = 255, ink: int = 0
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A page with one line of text in a box at (100, 50) to (400, 78), and spots as (x0, y0, x1, y1)."""
    image = Image.new("L", (500, 200), paper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((105, 57, 395, 71), fill=ink)
    for mark in marks:
        draw.ellipse(mark, fill=ink)
    return np.asarray(image)


def _line(text: str, x: float = 100, y: float = 50, width: float = 300) -> FoundLine:
    return FoundLine(text, 0.99, ((x, y), (x + width, y), (x + width, y + 28), (x, y + 28)))


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (200, 90)])
def test_a_spot_at_half_height_is_a_bullet(paper: int, ink: int) -> None:
    [line] = with_bullets(_page((66, 60, 74, 68), paper=paper, ink=ink), [_line("An item")])

    assert line.text == "• An item"
    assert line.corners == _line("An item").corners


@pytest.mark.parametrize(
    "marks",
    [
        [],
        [(66, 70, 72, 76)],
        [(40, 60, 80, 68)],
        [(66, 50, 90, 77)],
        [(66, 60, 74, 68), (40, 60, 48, 68)],
        [(70, 63, 71, 64)],
        [(92, 60, 100, 68)],
    ],
    ids=["nothing", "a full stop", "a dash", "too large", "two spots", "a speck", "part of the text"],
)
def test_other_ink_beside_a_line_is_none(marks: list[tuple[int, int, int, int]]) -> None:
    assert [line.text for line in with_bullets(_page(*marks), [_line("A line")])] == ["A line"]


def test_text_of_another_column_is_no_bullet() -> None:
    lines = [_line("A line"), _line("o", x=60, width=20)]

    assert [line.text for line in with_bullets(_page((66, 60, 74, 68)), lines)] == ["A line", "o"]


def test_items_become_blocks_with_all_their_lines() -> None:
    texts = ["Before the list", "• first item that", "goes on here", "• second item", "After"]
    lines = [_line(text, x=100 if text in texts[1:4] else 60, y=50 + 30 * i) for i, text in enumerate(texts)]

    _, blocks = arrange(lines, (500, 400), "test")

    assert [(block.type, block.text) for block in blocks][1:3] == [
        ("list", "- first item that goes on here"),
        ("list", "- second item"),
    ]
