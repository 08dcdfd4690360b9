"""Pages in three columns and more whose lines stand level: dictionaries, indexes, newsletters."""

from __future__ import annotations

import pytest

from omnipipe.text.options import TextOptions
from tests.pdfs import Line
from tests.tablekit import page, read, tables

LINES = [
    "quarry opened a chapel",
    "in March, and our tower",
    "closed the old viaduct;",
    "every parish received a",
    "ledger from the council",
    "while the ferry crossed",
    "twice a day, and no one",
    "painted the market hall",
    "before the first winter",
]


def columns(num: int, lines: list[str], pitch: float) -> tuple[list[str], list[Line]]:
    """The texts of columns, each with its letter before its lines, and where these stand."""
    texts = [f"{'abcdef'[k]} {line}" for k in range(num) for line in lines]
    return texts, [
        (60 + pitch * (k // len(lines)), 700 - 12.0 * (k % len(lines)), 9.0, text) for k, text in enumerate(texts)
    ]


@pytest.mark.parametrize(("num", "pitch"), [(3, 150.0), (4, 124.0)])
def test_columns_whose_lines_stand_level_are_read_one_after_another(num: int, pitch: float) -> None:
    texts, lines = columns(num, LINES, pitch)

    layer = read(page(lines))

    assert layer.text.split() == " ".join(texts).split()
    assert "layout:doubt" not in layer.flags


def test_cells_below_each_other_in_three_columns_stay_a_table() -> None:
    """Their file writes column after column, too."""
    _, lines = columns(3, ["ash 12", "elm 31", "oak 7", "yew 19", "fir 4", "bay 22", "fig 80"], 150.0)

    layer = read(page(lines))

    assert len(tables(layer)) == 1


def test_a_gutter_as_narrow_as_a_letter_parts_columns() -> None:
    """Of small text on a wide page; classified advertisements are set so."""
    line = "The committee rented one dairy after the flood, and"
    _, box, _ = read(page([(40.0, 700.0, 6.5, line)]), TextOptions(lines=True)).lines[0]
    pitch = (box[2] - box[0]) * 612 + 5.0
    lines = [(40.0 + pitch * k, 700 - 7.9 * i - 0.4 * k, 6.5, line) for k in range(3) for i in range(12)]

    layer = read(page(lines), TextOptions(lines=True))

    assert layer.text.split() == " ".join([line] * 36).split()
    assert "layout:doubt" not in layer.flags
    lefts = [box[0] for _, box, _ in layer.lines]
    assert lefts == sorted(lefts)


def test_three_columns_that_are_written_line_by_line_are_read_one_after_another() -> None:
    """Their lines do not stand level, and one of them comes close to the next column."""
    texts, _ = columns(3, [*LINES, *LINES], 0.0)
    places = [(60 + 131.0 * (k // 18), 700 - 12.0 * (k % 18) - 4.0 * (k // 18), 9.0, t) for k, t in enumerate(texts)]
    written = sorted(places, key=lambda line: (-round(line[1] / 12), line[0]))

    layer = read(page(written))

    assert layer.text.split() == " ".join(texts).split()


def test_a_full_line_that_ends_close_to_the_next_column_is_no_line_over_both() -> None:
    line = "The committee rented one dairy after the flood, and"
    _, box, _ = read(page([(40.0, 700.0, 9.0, line)]), TextOptions(lines=True)).lines[0]
    pitch = (box[2] - box[0]) * 612 + 9.0
    short = "The committee rented one dairy after it"
    lines = [
        (40.0 + pitch * k, 700 - 12.0 * i, 9.0, f"{i} {line[2:] if i == 9 else short}")
        for i in range(14)
        for k in range(2)
    ]

    layer = read(page(lines), TextOptions(lines=True))

    assert layer.text.index("13 ") < layer.text.rindex("0 The")


def test_lines_that_wide_white_fills_are_prose() -> None:
    """Narrow columns are justified so."""
    lines: list[Line] = []
    for k in range(4):
        for i, text in enumerate([*LINES, *LINES]):
            left, top = 40.0 + 130.0 * k, 700 - 12.0 * i
            mark = f"{'abcd'[k]}{i}"
            if i % 5 in (1, 3):
                between = left + 30 + 5 * (i % 7)
                lines += [(left, top, 9.0, mark), (between, top, 9.0, "so"), (left + 76, top, 9.0, "chapel")]
            else:
                lines.append((left, top, 9.0, f"{mark} {text[2:]}"))

    words = read(page(lines)).text.split()

    marks = [f"{letter}{i}" for letter in "abcd" for i in range(18)]
    assert [word for word in words if word in marks] == marks


def test_stories_below_each_other_between_rules_and_with_rules_between_their_columns_are_no_table() -> None:
    lines: list[Line] = []
    rules = [(55.0, y, 555.0, y) for y in (720.0, 570.0, 420.0)]
    expected = []
    for story in range(2):
        top = 700.0 - 150 * story
        lines.append((240.0, top, 12.0, f"The title of story {story}"))
        texts, _ = columns(4, LINES, 0.0)
        texts = [f"{story}{text}" for text in texts]
        lines += [(60 + 126.0 * (k // 9), top - 20 - 11 * (k % 9), 9.0, text) for k, text in enumerate(texts)]
        rules += [(180 + 126.0 * k, top - 112, 180 + 126.0 * k, top - 10) for k in range(3)]
        expected += ["The", "title", "of", "story", f"{story}", *" ".join(texts).split()]

    layer = read(page(lines, rules))

    assert not tables(layer)
    assert [word.strip("#") for word in layer.text.split() if word.strip("#")] == expected
