"""The names of groups of rows, centred beside an even number of them, stand on no row's line."""

from __future__ import annotations

import re

from tests.pdfs import Line
from tests.tablekit import cells, page, read, set_out, tables

GROUPS = ["Willow of the river", "Hazel", "Elm of the hills"]
SETTINGS = ["None at all", "A few", "Several", "Ours"]
COLUMNS = [180.0, 280.0, 350.0, 420.0]


def results(groups: list[str]) -> list[Line]:
    """Rows of a setting and three numbers, four to a group, each group's name in the middle of its own."""
    lines = [(80.0, 700.0, 10.0, "TREE"), *set_out([["SETTING", "RIVER", "LAKE", "SEA"]], COLUMNS)]
    for k, name in enumerate(groups):
        rows = [[setting, f"{60 + k}.{i}", f"{70 + i}.{k}", f"{80 + k}.5"] for i, setting in enumerate(SETTINGS)]
        lines += [(80.0, 670 - 48.0 * k, 10.0, name), *set_out(rows, COLUMNS, 688 - 48 * k, 12)]
    return lines


def rules() -> list[tuple[float, float, float, float]]:
    return [(78, y, 460, y) for y in (712, 697, 649, 601, 553)]


def test_names_between_the_rows_of_their_groups_are_a_column_of_their_own() -> None:
    layer = read(page(results(GROUPS), rules()))

    (table,) = tables(layer)
    assert re.findall(r'<td rowspan="4">(.*?)</td>', table.html or "") == GROUPS
    assert "<th>TREE</th><th>SETTING</th>" in (table.html or "")


def test_a_table_in_the_column_beside_is_no_labels_of_rows() -> None:
    left = [["Metal", "Ore"], ["Iron", "12"], ["Zinc", "7"], ["Lead", "31"], ["Gold", "4"]]
    right = [
        ["Town", "Men", "Women"],
        ["Ash", "34", "36"],
        ["Elm", "72", "75"],
        ["Oak", "18", "11"],
        ["Yew", "55", "51"],
    ]
    lines = [*set_out(left, [100.0, 190.0]), *set_out(right, [360.0, 420.0, 480.0], top=718)]
    rules = [(100.0, y, 230.0, y) for y in (712.0, 694.0, 622.0)] + [
        (360.0, y, 520.0, y) for y in (730.0, 712.0, 640.0)
    ]

    assert sorted(map(cells, tables(read(page(lines, rules))))) == [left, right]


def test_the_name_beside_the_middle_row_of_a_group_is_in_the_column_of_the_others() -> None:
    rows = [["River", "Lake", "Sea"], *([f"Site {k}", f"{31 + k}.{k}", f"{70 + k}.5"] for k in range(7))]
    names = [(80.0, 676.0, 10.0, "Willow"), (80.0, 634.0, 10.0, "Hazel")]
    lines = [(80.0, 700.0, 10.0, "Tree"), *set_out(rows, [130.0, 220.0, 300.0], pitch=12), *names]
    drawn = [(78.0, y, 360.0, y) for y in (712.0, 697.0, 661.0, 611.0)]

    (table,) = tables(read(page(lines, drawn)))

    assert cells(table)[0] == ["Tree", *rows[0]]
    assert "<td>Willow</td><td>Site 1</td>" in (table.html or "")
    assert '<td rowspan="4">Hazel</td>' in (table.html or "")
