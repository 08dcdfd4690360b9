"""The edge of the facing page on scans of bound books."""

from __future__ import annotations

import math

import pytest

from omnipipe.page import Block
from omnipipe.tasks.layout_extraction.apply import apply_regions
from omnipipe.tasks.ocr_extraction.lines import FoundLine, arrange, to_markdown

WIDTH, HEIGHT = 1000, 1400
LABELS = ["Name", "Telephone", "Street", "House", "Post code", "Country", "Birthday"]
WORDS = ["which was", "the reaso", "that nobo", "in the ho", "had ever a", "about it", "and why i", "was so co"]


def _line(text: str, x0: float, y: float, x1: float) -> FoundLine:
    return FoundLine(text, 0.9, ((x0, y), (x1, y), (x1, y + 20), (x0, y + 20)))


def _page(x0: float = 100, x1: float = 850) -> list[FoundLine]:
    return [_line(f"A line of the page, number {row}, with words", x0, 100 + 30 * row, x1) for row in range(20)]


def _strip(x0: float, x1: float, texts: list[str] = WORDS) -> list[FoundLine]:
    return [_line(text, x0, 107 + 30 * row, x1) for row, text in enumerate(texts)]


def _kinds(found: list[FoundLine]) -> list[str]:
    return [block.type for block in arrange(found, (WIDTH, HEIGHT), "test")[1]]


def _turned(line: FoundLine, degrees: float) -> FoundLine:
    """A line of a page that lies askew, as far as the picture shows it."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    corners = tuple((min(WIDTH, x * cosine - y * sine), x * sine + y * cosine) for x, y in line.corners)
    return line._replace(corners=corners)  # type: ignore[arg-type]


@pytest.mark.parametrize(("page", "strip"), [((100, 850), (910, 1000)), ((150, 900), (0, 90))], ids=["right", "left"])
def test_lines_cut_off_at_the_edge_are_hidden(page: tuple[int, int], strip: tuple[int, int]) -> None:
    lines, blocks = arrange([*_strip(*strip), *_page(*page)], (WIDTH, HEIGHT), "test")

    assert [block.type for block in blocks] == ["text", "hidden"]
    assert blocks[-1].text == " ".join(WORDS)
    assert len(lines) == 28
    assert "nobo" not in to_markdown(blocks)


def test_a_strip_that_shows_a_few_letters_of_each_line_is_hidden() -> None:
    found = [*_page(), *_strip(960, 1000, ["in", "no", "ke", "fot", "PN", "yea", "s", "ask"])]

    assert _kinds(found) == ["text", "hidden"]


def test_a_speck_in_the_margin_of_the_facing_page_does_not_show_its_lines() -> None:
    found = [*_page(), _line("1", 940, 60, 955), *_strip(970, 1000, ["in", "no", "ke", "fot", "PN", "yea", "s", "ask"])]

    assert _kinds(found) == ["text", "hidden"]


def test_a_strip_that_leans_otherwise_than_the_page_is_hidden() -> None:
    strip = [_line(text, 960 - 5 * row, 107 + 60 * row, WIDTH) for row, text in enumerate(WORDS)]

    assert _kinds([*_page(), *strip])[-1] == "hidden"


@pytest.mark.parametrize("degrees", [-1.5, 1.5])
def test_so_they_are_on_pages_that_lie_askew(degrees: float) -> None:
    found = [_turned(line, degrees) for line in [*_page(100, 800), *_strip(880, 1200)]]

    assert _kinds(found)[-1] == "hidden"


@pytest.mark.parametrize(
    "found",
    [
        [*_page(), *_strip(890, 975)],
        [*_page(x1=950), *_strip(910, 1000)],
        [*_page(), *_strip(910, 1000, ["1,204.50"] * 8)],
        [*_page(), *_strip(910, 1000)[:3]],
        [*_page()[:2], *_strip(910, 1000)],
        [*_page(), *(line._replace(text="Ja") for line in _strip(960, 1000))],
        [*_page(150, 950), *(_line(text, 0, 100 + 30 * row, 9 * len(text)) for row, text in enumerate(LABELS))],
    ],
    ids=["notes in the margin", "text up to them", "numbers", "three lines", "little else", "short", "labels"],
)
def test_what_else_stands_at_the_side_is_text(found: list[FoundLine]) -> None:
    assert "hidden" not in _kinds(found)


def test_the_layout_model_leaves_them_hidden() -> None:
    lines, blocks = arrange([*_page(), *_strip(910, 1000)], (WIDTH, HEIGHT), "test")
    part = Block("text", (0.9, 0.0, 1.0, 1.0), 0, None, "", None, 0.9, "rapid_layout")

    made = apply_regions(blocks, lines, [part], aspect=WIDTH / HEIGHT)

    assert [block.type for block in made] == ["text", "hidden"]
    assert [block.order for block in made] == [0, 1]
