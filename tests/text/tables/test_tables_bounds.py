"""Tables of hostile sizes end in time, with their text."""

from __future__ import annotations

import time

from tests.pdfs import pdf_of_contents, text_content
from tests.tablekit import FRUIT, cells, grid_lines, page, read, set_out, tables


def test_a_table_of_thousands_of_cells_is_read_in_seconds() -> None:
    rows = [[f"r{r}c{c}" for c in range(25)] for r in range(200)]
    lines = [(20.0 + 23 * c, 785.0 - 3.8 * r, 3.0, rows[r][c]) for r in range(200) for c in range(25)]
    started = time.process_time()

    layer = read(page(lines))

    assert time.process_time() - started < 5
    assert cells(tables(layer)[0]) == rows


def test_a_grid_of_thousands_of_lines_is_read_in_seconds() -> None:
    rules = grid_lines([20 + 0.7 * i for i in range(800)], [780 - 0.9 * i for i in range(800)])
    lines = [(20.0 + 28 * c, 780.0 - 9 * r, 5.0, "word") for r in range(80) for c in range(20)]
    started = time.process_time()

    layer = read(page(lines, rules))

    assert time.process_time() - started < 10
    assert layer.text.count("word") == 1600


def test_a_table_of_too_many_words_keeps_its_text_and_is_flagged() -> None:
    rules = grid_lines([18 + 23 * i for i in range(26)], [790 - 7.7 * i for i in range(101)])
    lines = [(20.0 + 23 * c, 788.0 - 0.38 * r, 0.3, "a b") for r in range(2000) for c in range(25)]
    started = time.process_time()

    layer = read(page(lines, rules))

    assert time.process_time() - started < 10
    assert layer.text.count("a b") > 40_000
    assert "table:not_understood" in layer.flags


def test_a_cell_of_thousands_of_lines_is_read_in_seconds() -> None:
    rules = grid_lines([18, 100, 590], [790, 780, 10])
    lines = [(110.0 + i % 7, 778.0 - 0.15 * i, 0.1, f"word {i} and") for i in range(5000)]
    started = time.process_time()

    layer = read(page([*lines, (20.0, 782.0, 5.0, "one"), (110.0, 782.0, 5.0, "two"), (20.0, 400.0, 5.0, "x")], rules))

    assert time.process_time() - started < 10
    assert "word 4999 and" in layer.text


def test_lines_that_are_no_numbers_are_left_out() -> None:
    drawn = b"1e30 700 m 1e38 700 l S\n-99999999 5 m 99999999 5 l S\n"
    data = pdf_of_contents([text_content(set_out(FRUIT, [80, 220, 340])) + b"\n" + drawn])

    assert cells(tables(read(data))[0]) == FRUIT


def test_a_line_right_of_and_below_a_table_is_none_of_it() -> None:
    lines = set_out(FRUIT, [80, 220, 340])
    bottom = min(line[1] for line in lines)

    layer = read(page([*lines, (520.0, bottom - 12, 10.0, "beside")]))

    assert cells(tables(layer)[0]) == FRUIT
    assert "beside" in layer.text
