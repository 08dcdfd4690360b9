"""Lines that a detector took for one over the gutter of two columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from omnipipe.page import Line
from omnipipe.tasks.ocr_extraction.columns import Row, to_parts
from omnipipe.tasks.ocr_extraction.gutters import cut_at_gutters
from omnipipe.tasks.ocr_extraction.lines import FoundLine, Quad

HEIGHT = 20
LEFT, RIGHT = (100, 500), (520, 920)


def _line(text: str, span: tuple[int, int], row: int) -> FoundLine:
    y = 100 + 24 * row
    (x0, x1) = span
    return FoundLine(text, 0.99, ((x0, y), (x1, y), (x1, y + HEIGHT), (x0, y + HEIGHT)))


def _columns(*rows: int) -> list[FoundLine]:
    return [_line(f"{name} {row}", span, row) for row in rows for name, span in (("left", LEFT), ("right", RIGHT))]


def _cut(lines: Sequence[FoundLine], white: tuple[int, int]) -> list[str]:
    """The texts of `lines` cut on a page whose rows are all strokes but for `white`."""
    page = np.full((600, 1000), 255, np.uint8)
    page[:, 100:920:4] = 0
    page[:, white[0] : white[1]] = 255

    def cut(quad: Quad) -> NDArray[np.uint8]:
        (x0, y0), _, (x1, y1), _ = quad
        return page[int(y0) : int(y1), int(x0) : int(x1)]

    def read(halves: Sequence[Quad]) -> list[FoundLine]:
        return [FoundLine(f"{quad[0][0]:.0f}-{quad[1][0]:.0f}", 0.9, quad) for quad in halves]

    return [line.text for line in cut_at_gutters(lines, cut, read)]


def test_a_line_over_the_gutter_is_cut_there_and_read_again() -> None:
    lines = [*_columns(0, 1, 2, 3), _line("both", (100, 920), 4), *_columns(5, 6)]

    assert _cut(lines, (500, 520))[8:10] == ["100-502", "515-920"]


def test_a_line_over_both_columns_without_white_is_left_alone() -> None:
    lines = [*_columns(0, 1, 2, 3), _line("both", (100, 920), 4), *_columns(5, 6)]

    assert _cut(lines, (0, 0)) == [line.text for line in lines]


def test_a_line_among_others_over_both_columns_is_left_alone() -> None:
    lines = [*_columns(0, 1, 2), *(_line(f"title {row}", (100, 920), row) for row in range(3, 9))]

    assert _cut(lines, (500, 520)) == [line.text for line in lines]


def test_cells_of_a_table_are_no_columns() -> None:
    cells = [_line(f"{x}", (x, x + 90), row) for row in range(5) for x in (100, 200, 300)]

    assert _cut([*cells, _line("two cells", (100, 290), 5)], (190, 200))[-1] == "two cells"


def test_boxes_of_some_lines_may_reach_into_the_gutter() -> None:
    rows = [
        Row(x0, 20.0 * row, x1, 20.0 * row + 14, Line(name, (0, 0, 1, 1), 0.9))
        for row in range(20)
        for name, x0, x1 in (
            ("left", 100.0, 511.0 if row == 4 else 500.0),
            ("right", 513.0 if row == 9 else 520.0, 920.0),
        )
    ]

    assert [[*{row.line.text for row in part}] for part in to_parts(rows, 14)] == [["left"], ["right"]]
