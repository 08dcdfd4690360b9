"""Tables that stand near each other, or near text, and are read apart."""

from __future__ import annotations

from tests.tablekit import PROSE, cells, page, read, set_out, tables


def test_tables_of_two_widths_below_one_another_stay_two() -> None:
    upper = [
        ["Town", "Men", "Women"],
        ["Ash", "34", "36"],
        ["Elm", "72", "75"],
        ["Oak", "18", "11"],
        ["Yew", "55", "51"],
    ]
    lower = [
        ["Metal", "Ore", "Slag", "Price", "Share"],
        ["Iron", "12", "41", "3.25", "17"],
        ["Zinc", "71", "19", "4.50", "61"],
        ["Lead", "31", "88", "1.75", "25"],
    ]
    lines = [
        *set_out(upper, [160.0, 260.0, 360.0], pitch=12),
        *set_out(lower, [100.0, 180.0, 260.0, 340.0, 420.0], top=630, pitch=12),
    ]
    rules = [(155.0, y, 400.0, y) for y in (712.0, 696.0, 648.0)] + [(95.0, y, 460.0, y) for y in (641.0, 626.0, 590.0)]

    assert [cells(table) for table in tables(read(page(lines, rules)))] == [upper, lower]


def test_text_in_the_column_beside_is_no_column_of_a_table_between_lines() -> None:
    rows = [
        ["Metal", "Ore", "Slag", "Price"],
        ["Iron", "12", "41", "3.25"],
        ["Zinc", "71", "19", "4.50"],
        ["Lead", "31", "88", "1.75"],
        ["Gold", "44", "67", "9.80"],
    ]
    beside = [(330.0, 700 - 12 * i, 10.0, line[:40]) for i, line in enumerate(PROSE * 2)]
    lines = [*set_out(rows, [80.0, 150.0, 200.0, 250.0], pitch=12), *beside]
    rules = [(75.0, y, 290.0, y) for y in (712.0, 697.0, 646.0)]

    assert [cells(table) for table in tables(read(page(lines, rules)))] == [rows]


def test_programmes_of_four_wide_columns_are_tables_also_below_one_another() -> None:
    bands = ["Blackhole", "New Device", "Dissolved In", "Linchpin", "Don Broco", "Outcry", "Young Guns", "Tripswitch"]
    starts = [16.0, 164.0, 312.0, 460.0]
    lines = [(16.0, 720.0, 14.0, "Friday"), (16.0, 560.0, 14.0, "Saturday")]
    for top, num_rows in ((700.0, 7), (540.0, 10)):
        for r in range(num_rows):
            for c, x in enumerate(starts):
                lines.append((x, top - 13 * r, 8.0, bands[(3 * r + c) % 8]))
                lines.append((x + 52, top - 13 * r, 8.0, f"{21 - r}:{10 + c} - {21 - r}:{40 + c} (30min)"))

    found = [cells(table) for table in tables(read(page(lines)))]

    assert [len(rows) for rows in found] == [7, 10]
    assert found[0][1][0] == "Linchpin"
    assert found[1][9][-1].endswith("12:43 (30min)")
