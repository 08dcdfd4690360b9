"""Reading order of OCR lines, and how they are joined."""

from __future__ import annotations

import math

import pytest

from omnipipe.page import Block
from omnipipe.tasks.ocr_extraction.lines import FoundLine, Quad, arrange, join_lines, skew, to_markdown

SIZE = (1000, 1400)


def _line(text: str, x: float, y: float, width: float, height: float = 20) -> FoundLine:
    return FoundLine(text, 0.9, ((x, y), (x + width, y), (x + width, y + height), (x, y + height)))


def _column(name: str, x: float, count: int, width: float = 400, top: float = 200) -> list[FoundLine]:
    return [_line(f"{name}{i}", x, top + 28 * i, width) for i in range(count)]


def _order(found: list[FoundLine]) -> list[str]:
    return [line.text for line in arrange(found, SIZE, "test")[0]]


def _turned(found: FoundLine, degrees: float) -> FoundLine:
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    corners = tuple((x * cosine - y * sine, x * sine + y * cosine) for x, y in found.corners)
    return found._replace(corners=corners)  # type: ignore[arg-type]


def test_no_lines_give_no_blocks() -> None:
    assert arrange([], SIZE, "test") == ((), ())


def test_columns_are_read_one_after_another() -> None:
    left, right = _column("a", 50, 8), _column("b", 550, 8)
    found = [line for pair in zip(left, right, strict=True) for line in pair]

    assert _order(found) == [f"a{i}" for i in range(8)] + [f"b{i}" for i in range(8)]


@pytest.mark.parametrize(("count", "are_columns"), [(10, True), (5, False)])
def test_a_narrow_gutter_is_one_beside_many_full_lines(count: int, are_columns: bool) -> None:
    left, right = _column("a", 50, count, width=450), _column("b", 500, count)
    found = [line for pair in zip(left, right, strict=True) for line in pair]

    assert (_order(found) == [line.text for line in [*left, *right]]) == are_columns


def test_boxes_of_narrow_columns_may_reach_into_the_gutter() -> None:
    """Columns of 11 heights of a line, as in small prayer books; the boxes of some lines are a letter too wide."""
    left, right = _column("a", 50, 24, width=150), _column("b", 208, 24, width=150)
    left[5] = _line("a5", 50, 340, 157)
    right[9] = _line("b9", 201, 452, 157)
    found = [line for pair in zip(left, right, strict=True) for line in pair]

    assert _order(found) == [line.text for line in [*left, *right]]


def test_lines_over_both_columns_stay_above_and_below_them() -> None:
    title, footer = _line("title", 200, 100, 600), _line("footer", 50, 900, 900)
    found = [footer, *_column("b", 550, 6), *_column("a", 50, 6), title]

    assert _order(found) == ["title", *(f"a{i}" for i in range(6)), *(f"b{i}" for i in range(6)), "footer"]


def test_a_caption_between_two_columns_does_not_cut_them() -> None:
    left = _column("a", 50, 4) + _column("n", 50, 4, width=300, top=312) + _column("z", 50, 4, top=424)
    right = _column("b", 550, 4) + _column("m", 650, 4, width=300, top=312) + _column("y", 550, 4, top=424)
    caption = _column("c", 400, 3, width=200, top=326)

    order = _order([*right, *caption, *left])

    assert order[:12] == [line.text for line in left]
    assert order[12:15] == ["c0", "c1", "c2"]
    assert order[15:] == [line.text for line in right]


def test_the_cells_of_a_table_are_read_across() -> None:
    found = [_line(f"{name}{i}", x, 200 + 30 * i, 90) for name, x in (("a", 50), ("b", 400)) for i in range(5)]

    assert _order(found) == ["a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"]


def _cells(name: str, xs: list[float], top: float, count: int, step: float = 24) -> list[FoundLine]:
    return [_line(f"{name}{i}-{k}", x, top + step * i, 60) for i in range(count) for k, x in enumerate(xs)]


def test_a_table_in_one_column_does_not_hide_the_columns() -> None:
    right = _cells("t", [550, 720, 890], 200, 14, step=28) + _column("b", 550, 16, top=592)

    order = _order([*right, *_column("a", 50, 30)])

    assert order[:30] == [f"a{i}" for i in range(30)]
    assert order[-16:] == [f"b{i}" for i in range(16)]


def test_a_table_over_both_columns_stays_above_them() -> None:
    table = _cells("t", [50, 200, 350, 550, 700, 850], 100, 13)
    left, right = _column("a", 50, 12, top=480), _column("b", 550, 12, top=480)

    assert _order([*right, *table, *left]) == [line.text for line in [*table, *left, *right]]


def test_a_side_column_of_short_lines_is_read_apart() -> None:
    """The lines beside it are long but for a list of short ones below."""
    side = _column("a", 50, 20, width=110)
    main = _column("b", 350, 9, width=600, top=205) + _column("c", 350, 11, width=110, top=480)

    order = _order([*main, *side])

    assert order == [line.text for line in [*side, *main]]


@pytest.mark.parametrize("degrees", [-5, -2, 2, 5])
def test_columns_of_a_skewed_page_are_found(degrees: float) -> None:
    left, right = _column("a", 150, 12, 330), _column("b", 530, 12, 330)
    found = [_turned(line, degrees) for line in right + left]

    assert _order(found) == [f"a{i}" for i in range(12)] + [f"b{i}" for i in range(12)]


def test_skew_is_the_slope_of_the_long_lines() -> None:
    quads: list[Quad] = [_turned(line, 3).corners for line in _column("a", 50, 5)]

    assert skew(quads) == pytest.approx(math.radians(3))


def test_boxes_are_shares_of_the_picture() -> None:
    lines, blocks = arrange([_line("a", 100, 140, 500, 28)], SIZE, "test")

    assert lines[0].bbox == blocks[0].bbox == (0.1, 0.1, 0.6, 0.12)
    assert blocks[0].source == "test"


def test_boxes_beyond_the_picture_are_cut_to_it() -> None:
    lines, _ = arrange([_line("a", -20, -5, 2000, 3000)], SIZE, "test")

    assert lines[0].bbox == (0.0, 0.0, 1.0, 1.0)


def test_paragraphs_end_at_gaps_indents_and_short_lines() -> None:
    found = [
        _line("one", 50, 100, 800),
        _line("short.", 50, 128, 200),
        _line("two", 50, 156, 800),
        _line("two more", 50, 184, 800),
        _line("indented", 90, 212, 760),
        _line("goes on", 50, 240, 800),
        _line("after a gap", 50, 330, 800),
    ]

    _, blocks = arrange(found, SIZE, "test")

    assert [block.text for block in blocks] == ["one short.", "two two more", "indented goes on", "after a gap"]
    assert [block.order for block in blocks] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["a broken con-", "tract ends"], "a broken contract ends"),
        (["the years 1990-", "1995"], "the years 1990- 1995"),
        (["Smith-", "Jones"], "Smith- Jones"),
        (["文字文", "字"], "文字文字"),
        (["文字", "and"], "文字 and"),
        ([], ""),
    ],
)
def test_lines_are_joined_as_words_demand(lines: list[str], text: str) -> None:
    assert join_lines(lines) == text


def test_entries_that_dots_lead_to_their_numbers_stay_lines() -> None:
    texts = ["Preface ... ix", "1 On the nature of things, and of their", "names ... 3", "2 Ends ......... 17, 21"]
    _, blocks = arrange([_line(text, 100, 100 + 28 * i, 800) for i, text in enumerate(texts)], SIZE, "test")

    text = "Preface ... ix\n1 On the nature of things, and of their names ... 3\n2 Ends ......... 17, 21"
    assert [block.text for block in blocks] == [text]


def test_every_line_comes_out_once() -> None:
    found = [_line(str(i), (i * 337) % 700, (i * 211) % 1300, 30 + (i * 97) % 400, 10 + i % 17) for i in range(300)]

    lines, blocks = arrange(found, SIZE, "test")

    assert sorted(line.text for line in lines) == sorted(line.text for line in found)
    assert sum(len(block.text.split()) for block in blocks) == 300


def test_a_line_that_begins_with_a_hash_is_no_heading() -> None:
    blocks = [
        Block("text", None, 0, None, "# apt-get install gdb"),
        Block("title", None, 1, 2, "# of items"),
        Block("text", None, 2, None, "#hash"),
    ]

    assert to_markdown(blocks) == "\\# apt-get install gdb\n\n## # of items\n\n#hash"
