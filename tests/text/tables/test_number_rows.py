"""Tables without lines whose numbers stand closer than columns mostly do."""

from __future__ import annotations

import pytest

from tests.tablekit import PROSE, cells, page, prose, read, set_out, tables

ROWS = [
    ["Region", "2019", "2020"],
    ["Northern quarry", "36.27", "75.33"],
    ["Distant harbour", "17.93", "22.31"],
    ["Borrowed garden", "34.92", "57.81"],
    ["Upland orchestra", "72.38", "34.86"],
    ["Amber committee", "22.37", "19.64"],
    ["Crooked lanterns", "74.13", "14.15"],
]
CLOSE = [80.0, 168.0, 202.0]
"""Where the cells of `ROWS` start: less than a font size apart."""


def test_numbers_close_to_their_labels_are_columns() -> None:
    lines = [*prose(700), *set_out(ROWS, CLOSE, top=630, pitch=12), *prose(530)]

    assert [cells(table) for table in tables(read(page(lines)))] == [ROWS]


def test_text_in_the_column_beside_close_numbers_takes_no_rows_from_them() -> None:
    beside = [(330.0, 690 - 12 * i, 10.0, line[:40]) for i, line in enumerate(PROSE * 2)]
    above = [(80.0, 690 - 12 * i, 10.0, line[:40]) for i, line in enumerate(PROSE)]
    lines = [*above, *set_out(ROWS, CLOSE, top=630, pitch=12), *beside]

    layer = read(page(lines))

    assert [cells(table) for table in tables(layer)] == [ROWS]
    assert layer.text.count(PROSE[0][:30]) == 3


def test_signs_for_no_number_are_cells_between_close_numbers() -> None:
    rows = [row[:] for row in ROWS]
    rows[2][1] = rows[4][2] = "-"

    assert [cells(table) for table in tables(read(page(set_out(rows, CLOSE, pitch=12))))] == [rows]


def test_a_share_in_brackets_stays_with_its_number() -> None:
    rows = [[row[0], *(f"{cell} ({cell[:1]}.{cell[-1]})" if "." in cell else cell for cell in row[1:])] for row in ROWS]

    found = tables(read(page(set_out(rows, [80.0, 180.0, 250.0], pitch=12))))

    assert [cells(table) for table in found] == [rows]


@pytest.mark.parametrize("end", ["in 1923 and 1924", "from 12 to 17"])
def test_sentences_that_end_in_numbers_are_no_table(end: str) -> None:
    lines = [(80.0, 700 - 13.0 * i, 10.0, f"{line[:40]} {end}") for i, line in enumerate(PROSE)]

    assert not tables(read(page(lines)))


def test_two_tables_of_other_columns_near_each_other_are_two() -> None:
    upper = [[name, *(f"0{h}:{m + h:02d}" for h in range(4, 9))] for m, name in enumerate(["Ash", "Elm", "Oak"], 11)]
    lower = [[name, *(f"1{h}:{m + h:02d}" for h in range(2, 9))] for m, name in enumerate(["Bay", "Fig", "Fir"], 31)]
    lines = [
        *set_out(upper, [80.0, 150.0, 193.0, 236.0, 279.0, 322.0], pitch=12),
        (80.0, 642.0, 10.0, "Trains from Bay to Fir on the days before a holiday, and on other days"),
        *set_out(lower, [80.0, 130.0, 171.0, 212.0, 253.0, 294.0, 335.0, 376.0], top=618, pitch=12),
    ]

    assert [cells(table) for table in tables(read(page(lines)))] == [upper, lower]


def test_the_interval_in_brackets_after_a_number_stays_in_its_cell() -> None:
    rates = ["12.5 (11.2-13.9)", "47.1 (46.0-48.3)", "30.3 (28.8-31.0)"] * 3
    rows = [["Region", "Rate", "Cases"], *([f"Area {i}", rate, f"{i + 11}"] for i, rate in enumerate(rates))]
    rules = [(78, y, 400, y) for y in (714, 694, 544)]

    block = tables(read(page(set_out(rows, [80, 200, 330], pitch=16), rules)))[0]

    assert cells(block) == rows


def test_columns_with_lines_below_their_sums_are_one_table_with_their_labels() -> None:
    rows = [
        ["", "2018", "2017"],
        ["Loans due within a year", "2,649", "2,243"],
        ["Loans due later", "952", "882"],
        ["Loans", "3,601", "3,125"],
        ["Leases", "1,545", "1,364"],
        ["Borrowings", "5,146", "4,489"],
    ]
    rules = [(x, y, x + 60, y) for x in (290, 370) for y in (695, 659, 641, 623, 605)]

    block = tables(read(page(set_out(rows, [80, 310, 390]), rules)))[0]

    assert cells(block) == rows
