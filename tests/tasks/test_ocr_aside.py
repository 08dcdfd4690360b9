"""Lines that run up or down a page: credits beside pictures, stamps of archives, labels of axes."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw, ImageFont

from omnipipe.page import Block
from omnipipe.tasks.layout_extraction.apply import apply_regions
from omnipipe.tasks.ocr_extraction import RapidOCR
from omnipipe.tasks.ocr_extraction.lines import FoundLine, arrange

SIZE = (1000, 1400)
CREDIT = "PHOTOGRAPH BY COURTESY OF THE CITY ARCHIVES"
PROSE = "Nothing of what was said that evening was written down, and so it grew. " * 20


def _line(text: str, x0: float, y0: float, x1: float, y1: float) -> FoundLine:
    return FoundLine(text, 0.9, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))


def _page(count: int = 20) -> list[FoundLine]:
    return [_line(f"a line of running text, number {i}", 100, 100 + 28 * i, 850, 120 + 28 * i) for i in range(count)]


def _blocks(found: list[FoundLine]) -> tuple[Block, ...]:
    lines, blocks = arrange(found, SIZE, "test")
    return apply_regions(blocks, lines, [], aspect=SIZE[0] / SIZE[1])


@pytest.mark.parametrize(("x", "places"), [(900, [0, 1]), (30, [1, 0])])
def test_a_credit_beside_the_text_is_no_part_of_its_lines(x: float, places: list[int]) -> None:
    blocks = _blocks([*_page(), _line(CREDIT, x, 300, x + 20, 560)])

    assert [blocks[place].text for place in places] == [" ".join(line.text for line in _page()), CREDIT]


def test_a_stamp_at_the_edge_is_running_matter() -> None:
    blocks = _blocks([*_page(), _line("Downloaded from library.example on 3 May 2021", 960, 300, 980, 900)])

    assert {block.type for block in blocks} == {"text", "header"}


def test_a_page_of_upright_lines_keeps_them_in_its_columns() -> None:
    found = [_line(f"a column that runs down, {i}", 100 + 60 * i, 100, 120 + 60 * i, 900) for i in range(8)]

    assert all("header" not in block.type for block in _blocks(found))
    assert sum(block.text.count("runs down") for block in _blocks(found)) == 8


def test_a_column_of_single_digits_is_level() -> None:
    digits = [_line("1", 60, 100 + 28 * i, 66, 120 + 28 * i) for i in range(6)]

    text = " ".join(block.text for block in _blocks([*digits, *_page(6)]))

    assert text.startswith("1 a line")


@pytest.mark.parametrize("quarters", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270], ids=["up", "down"])
def test_a_line_is_read_upwards_and_downwards(quarters: Image.Transpose) -> None:
    strip = Image.new("L", (620, 30), 255)
    ImageDraw.Draw(strip).text((10, 4), CREDIT, fill=0, font=ImageFont.load_default(20))
    page = Image.new("L", (900, 760), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    for i in range(16):
        draw.text((60, 40 + 40 * i), PROSE[52 * i : 52 * i + 52].strip(), fill=0, font=font)
    page.paste(strip.transpose(quarters), (820, 60))

    result = RapidOCR().extract(page)

    assert result.rotation_applied == 0
    assert result.blocks[-1].text.replace(" ", "") == CREDIT.replace(" ", "")
