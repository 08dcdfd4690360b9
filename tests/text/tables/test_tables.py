"""Tables of text layers: rows, columns, spans and heads from lines and gaps, and nothing where no table is."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pypdfium2
import pytest

from omnipipe.text.lines.pieces import join_words
from omnipipe.text.lines.rulings import find_lines, to_rulings
from omnipipe.text.options import TextOptions
from omnipipe.text.pdfium.records import Chars
from omnipipe.text.tables.build import TableStyle
from omnipipe.text.tables.find import TableFinder
from omnipipe.text.tables.markup import TableCell, to_html, to_pipes, to_plain
from omnipipe.text.words.chars import read_words
from tests.pdfs import Line
from tests.tablekit import FRUIT, PROSE, Rule, cells, grid_lines, page, prose, read, set_out, tables


def test_a_table_in_a_grid_of_lines_becomes_pipes() -> None:
    rules = grid_lines([78, 218, 338, 458], [714 - 18 * i for i in range(6)])

    layer = read(page(set_out(FRUIT, [80, 220, 340]), rules))

    assert layer.text == (
        "| Fruit | Boxes | Price |\n| --- | --- | --- |\n| Apple | 12 | 3.50 |\n| Banana | 7 | 0.25 |\n"
        "| Cherry | 101 | 9.75 |\n| Damson | 4 | 1.50 |"
    )
    assert cells(tables(layer)[0]) == FRUIT
    assert layer.flags == ()


def test_lines_above_and_below_are_enough() -> None:
    rules = [(78, y, 458, y) for y in (714, 694, 622)]

    layer = read(page([*prose(780), *set_out(FRUIT, [80, 220, 340]), *prose(560)], rules))

    assert cells(tables(layer)[0]) == FRUIT
    assert [block[0] for block in layer.blocks].count("table") == 1
    assert layer.text.index("lazy dog") < layer.text.index("| Apple") < layer.text.rindex("lazy dog")


def test_gaps_alone_are_enough() -> None:
    layer = read(page(set_out(FRUIT, [80, 220, 340])))

    assert cells(tables(layer)[0]) == FRUIT


def test_a_table_takes_its_place_between_paragraphs_and_its_caption_stays_outside() -> None:
    caption: Line = (80.0, 725.0, 10.0, "Table 1: Fruit that was sold in the first week.")
    rules = grid_lines([78, 218, 338, 458], [714 - 18 * i for i in range(6)])

    layer = read(page([*prose(780), caption, *set_out(FRUIT, [80, 220, 340]), *prose(580)], rules))

    kinds = [block[0] for block in layer.blocks]
    at = kinds.index("table")
    assert "Table 1: Fruit" in layer.blocks[at - 1][4]
    assert layer.blocks[at + 1][4].startswith("The quick brown fox")
    assert "Table 1" not in layer.blocks[at][4]


def test_a_cell_of_several_lines_is_one_cell() -> None:
    rows = [
        ["Name", "What it does"],
        ["Read", "Takes the text that a page carries where it can"],
        ["", "be trusted, and says why where it cannot"],
        ["Verify", "Looks at what was read before the page is done"],
    ]
    rules = grid_lines([78, 178, 412], [714, 694, 658, 640])

    layer = read(page(set_out(rows, [80, 180], pitch=17), rules))

    assert cells(tables(layer)[0])[1] == ["Read", f"{rows[1][1]} {rows[2][1]}"]


def test_texts_in_the_middle_of_their_cells_need_no_line_in_common() -> None:
    rows = [(name, ["Read help for every", "command, in short."]) for name in ("man", "info", "help", "apropos", "doc")]
    rows += [(name, ["Show and change."]) for name in ("ip", "ls", "cd")]
    lines: list[Line] = []
    for i, (name, text) in enumerate(rows):
        top = 700 - 30 * i
        lines += [(84.0, top - 6 * len(text) + 6, 10.0, name)]
        lines += [(164.0, top - 12 * k, 10.0, part) for k, part in enumerate(text)]

    layer = read(page([*lines, *prose(400)], grid_lines([78, 158, 300], [712 - 30 * i for i in range(len(rows) + 1)])))

    assert cells(tables(layer)[0]) == [[name, " ".join(text)] for name, text in rows]


def test_a_cell_over_several_columns_makes_html() -> None:
    rows = [
        ["Model", "", "Error", "", ""],
        ["", "small", "large", "all", "ms"],
        ["Alpha", "0.12", "0.08", "0.10", "12"],
        ["Beta", "0.22", "0.18", "0.20", "7"],
    ]
    columns = [80, 180, 250, 320, 390]
    edges = [78, 178, 248, 318, 388, 438]
    rules: list[Rule] = [(78, y, 438, y) for y in (714, 678, 660, 642)]
    rules += [(178, 696, 388, 696), *((x, 714.0, x, 642.0) for x in (78, 178, 388, 438))]
    rules += [(x, 696, x, 642) for x in edges[2:4]]

    block = tables(read(page(set_out(rows, columns), rules)))[0]

    assert block.text == block.html
    assert '<th colspan="3">Error</th>' in block.text
    assert '<th rowspan="2">Model</th>' in block.text
    assert block.text.count("<thead>") == 1
    assert "<tr><td>Alpha</td><td>0.12</td><td>0.08</td><td>0.10</td><td>12</td></tr>" in block.text


def test_a_heading_over_some_columns_of_a_table_without_vertical_lines_spans_them() -> None:
    rows = [
        ["", "Training", "", "Test", ""],
        ["Model", "hits", "misses", "hits", "misses"],
        ["Alpha", "91", "9", "88", "12"],
        ["Beta", "93", "7", "80", "20"],
        ["Gamma", "95", "5", "79", "21"],
    ]
    lines = set_out(rows, [80, 190, 260, 340, 410])
    lines[0], lines[1] = (205.0, 700.0, 10.0, "Training"), (365.0, 700.0, 10.0, "Test")
    rules: list[Rule] = [(78, 714, 450, 714), (78, 677, 450, 677), (78, 622, 450, 622)]
    rules += [(188, 695, 300, 695), (338, 695, 450, 695)]

    block = tables(read(page(lines, rules)))[0]

    assert block.text.count("<tr>") == 5
    assert block.text.count("colspan") == 2
    assert "<thead>\n<tr>" in block.text
    assert cells(block)[2] == ["Alpha", "91", "9", "88", "12"]


def test_a_line_of_text_over_the_whole_table_spans_it() -> None:
    rows = [*FRUIT[:3], ["", "From the south", ""], *FRUIT[3:]]
    rules = [(78, y, 458, y) for y in (714, 694, 604)]

    block = tables(read(page(set_out(rows, [80, 235, 340]), rules)))[0]

    assert '<td colspan="3">From the south</td>' in block.text


def test_columns_of_numbers_that_stand_close_are_parted_and_groups_of_digits_are_not() -> None:
    numbers = [("12.5", "11.2-13.9", "1 204"), ("47.1", "46.0-48.3", "3 911"), ("30.3", "28.8-31.0", "2 750")] * 3
    lines: list[Line] = [(80.0, 700.0, 10.0, "Region"), (200.0, 700.0, 10.0, "Rate"), (330.0, 700.0, 10.0, "Cases")]
    for i, (rate, interval, cases) in enumerate(numbers):
        y = 680.0 - 16 * i
        lines += [(80.0, y, 10.0, f"Area {i}"), (200.0, y, 10.0, f"{rate} {interval}"), (330.0, y, 10.0, cases)]
    rules = [(78, y, 400, y) for y in (714, 694, 544)]

    rows = cells(tables(read(page(lines, rules)))[0])

    assert rows[1] == ["Area 0", "12.5", "11.2-13.9", "1 204"]
    assert len(rows) == 10


def test_markup_in_cells_is_escaped() -> None:
    rows = [["a|b", "x < y", "1"], ["<b>bold</b>", "R&D", "2"], ["c", "d", "3"]]
    rules = grid_lines([78, 218, 338, 458], [714 - 18 * i for i in range(4)])

    block = tables(read(page(set_out(rows, [80, 220, 340]), rules)))[0]

    assert "| a\\|b | x < y | 1 |" in block.text
    assert "<td>&lt;b&gt;bold&lt;/b&gt;</td><td>R&amp;D</td>" in (block.html or "")
    assert cells(block) == rows


def test_pipes_are_given_up_where_cells_span() -> None:
    spanning = [TableCell(0, 0, 1, 2, "both"), TableCell(1, 0, 1, 1, "a"), TableCell(1, 1, 1, 1, "b")]

    assert to_pipes(spanning, 2, 2) is None
    assert to_html(spanning, 2, 1) == (
        '<table>\n<thead>\n<tr><th colspan="2">both</th></tr>\n</thead>\n'
        "<tbody>\n<tr><td>a</td><td>b</td></tr>\n</tbody>\n</table>"
    )


def test_plain_text_has_tabs_between_cells() -> None:
    single = [
        TableCell(0, 0, 1, 1, "a|b"),
        TableCell(0, 1, 1, 1, ""),
        TableCell(1, 0, 1, 1, "R&D"),
        TableCell(1, 1, 1, 1, "1"),
    ]

    pipes = to_pipes(single, 2, 2)

    assert pipes is not None
    assert to_plain(pipes) == to_plain(to_html(single, 2, 1)) == "a|b\t\nR&D\t1"
    assert to_plain("| no table") == "| no table"


def test_all_words_are_there_once_with_tables_and_without() -> None:
    rules = grid_lines([78, 218, 338, 458], [714 - 18 * i for i in range(6)])
    data = page([*prose(780), *set_out(FRUIT, [80, 220, 340]), *prose(580)], rules)

    found, plain = (read(data, TextOptions(tables=on)).text for on in (True, False))

    assert sorted(re.findall(r"[\w.]+", found)) == sorted(re.findall(r"[\w.]+", plain))
    assert "|" not in plain


def test_the_lines_of_a_table_keep_their_boxes() -> None:
    rules = grid_lines([78, 218, 338, 458], [714 - 18 * i for i in range(6)])

    layer = read(page(set_out(FRUIT, [80, 220, 340]), rules), TextOptions(lines=True))

    assert [line[0] for line in layer.lines] == [" ".join(row) for row in FRUIT]


COLUMNS = [(60.0, 13), (320.0, 13)]
NO_TABLES: dict[str, list[Line]] = {
    "prose": prose(700, 6),
    "two columns": [
        (x, 700.0 - pitch * i, 10.0, line[:46]) for x, pitch in COLUMNS for i, line in enumerate(PROSE * 5)
    ],
    "a list": [
        (x, 700.0 - 15 * i, 10.0, text)
        for i, line in enumerate(PROSE * 2)
        for x, text in ((80.0, f"{i + 1}."), (105.0, line))
    ],
    "contents with dots": [
        (x, 700.0 - 15 * i, 10.0, text)
        for i in range(9)
        for x, text in ((80.0, f"{i + 1}"), (100.0, f"On chapter number {i} " + ". " * 50), (500.0, str(3 + 7 * i)))
    ],
    "contents without dots": [
        (x, 700.0 - 15 * i, 10.0, text)
        for i in range(9)
        for x, text in ((80.0, f"{i + 1}"), (100.0, f"On chapter number {i}"), (500.0, str(3 + 7 * i)))
    ],
    "references": [
        (x, 700.0 - 15 * i, 10.0, text)
        for i, line in enumerate(PROSE * 3)
        for x, text in ((80.0, f"[{i + 1}]" if i % 2 == 0 else ""), (110.0, f"{line[:50]} 19{50 + i}."))
        if text
    ],
    "code": [
        (x, 700.0 - 12 * i, 9.0, text)
        for i in range(9)
        for x, text in ((80.0, f"mov eax, [{i}]"), (220.0, f"; (*) load {i}, (or) so"))
    ],
}


@pytest.mark.parametrize("kind", list(NO_TABLES))
def test_what_is_no_table_does_not_become_one(kind: str) -> None:
    ruled: list[Rule] = [(60, 760, 550, 760), (60, 60, 550, 60)]
    for rules in ([], ruled):
        layer = read(page(NO_TABLES[kind], rules))

        assert tables(layer) == []
        assert layer.flags in ((), ("layout:doubt",))


def test_boxes_joined_by_lines_are_no_table() -> None:
    rules: list[Rule] = []
    lines: list[Line] = []
    for k, (x, y) in enumerate([(80, 600), (250, 640), (250, 560), (420, 600)]):
        rules += [(x, y, x + 90, y), (x, y + 40, x + 90, y + 40), (x, y, x, y + 40), (x + 90, y, x + 90, y + 40)]
        lines += [(x + 8.0, y + 24.0, 9.0, f"Step {k} of"), (x + 8.0, y + 10.0, 9.0, "the whole")]
    rules += [(170, 620, 210, 620), (210, 580, 210, 660), (210, 660, 250, 660), (210, 580, 250, 580)]

    assert tables(read(page(lines, rules))) == []


def test_a_form_of_lines_that_part_nothing_is_flagged_and_keeps_its_text() -> None:
    columns = [60, 110, 170, 240, 300, 370, 430, 500, 560]
    rules: list[Rule] = [(60, 700 - 20 * i, 560, 700 - 20 * i) for i in range(13)]
    rules += [(x, 700 - 20 * (i % 12), x, 680 - 20 * (i % 12)) for i in range(24) for x in (columns[i % 7 + 1],)]
    rules += [(60, 700, 60, 460), (560, 700, 560, 460)]
    lines = [
        (
            62.0 + 3 * (i % 5),
            686.0 - 20 * i,
            9.0,
            f"{i} the wages, salaries and tips of all that were paid in the year {i}",
        )
        for i in range(12)
    ]
    lines += [(500.0, 686.0 - 20 * i, 9.0, str(i)) for i in range(12)]

    layer = read(page(lines, rules))

    assert all(f"{i} the wages" in layer.text for i in range(12))


def test_columns_of_pages_read_from_the_right_start_at_the_right() -> None:
    found = []
    for rtl in (False, True):
        document = pypdfium2.PdfDocument(page(set_out(FRUIT, [80, 220, 340])))
        opened = document[0]
        words = read_words(Chars(opened.get_textpage()))
        assert words is not None
        which = np.arange(len(words.first))
        finder = TableFinder(partial(to_rulings, find_lines(opened)), words, TableStyle(rtl=rtl))
        found.append(finder.find(join_words(words, which, 0), which, 0).tables[0].text.splitlines()[0])
        document.close()

    assert found == ["| Fruit | Boxes | Price |", "| Price | Boxes | Fruit |"]


def test_rows_between_lines_that_part_groups_of_them_stay_apart() -> None:
    rows = [
        ["", "This week", "Last", "Report"],
        ["Ethanol", "", "", ""],
        ["Iowa", "1.35 - 1.42", "1.38 - 1.43", "Iowa Ethanol"],
        ["Eastern Cornbelt", "1.49 - 1.51", "1.50 - 1.53", "Eastern Ethanol"],
        ["Wisconsin", "none", "none", "Wisconsin Ethanol"],
        ["Biomass of the states", "", "", "Biomass Report"],
        ["Cornstalks", "41.25", "39.38", ""],
        ["Straw", "55.71", "54.29", ""],
        ["Tallow", "", "", ""],
        ["Chicago", "30.50", "none", "Tallow and Hides"],
    ]
    rules = [(78, 712 - 14 * k, 500, 712 - 14 * k) for k in (0, 1, 5, 8, 10)]

    layer = read(page(set_out(rows, [80, 200, 280, 400], pitch=14), rules))

    assert [cells(table) for table in tables(layer)] == [rows]


def test_sums_below_each_other_are_rows_of_their_own() -> None:
    rows = [
        ["Item", "Text", "Price", "Sum"],
        ["HX", "Keys of steel in a case", "12.50", "50.00"],
        ["DR", "Drill", "149.00", "149.00"],
        ["", "", "Subtotal", "199.00"],
        ["", "", "Tax 20 %", "39.80"],
        ["", "", "Total due", "238.80"],
    ]
    rules = [(78, 712 - 19 * k, 500, 712 - 19 * k) for k in (0, 1, 2, 3, 6)]

    layer = read(page(set_out(rows, [80, 140, 370, 420], pitch=19), rules))

    assert [cells(table) for table in tables(layer)] == [rows]


def test_the_names_of_entries_may_be_longer_than_lines_of_text() -> None:
    rows = [
        ["Date", "Details", "Paid out", "Paid in", "Balance"],
        ["01 Mar", "Balance brought forward", "", "", "1,204.50"],
        ["02 Mar", "Card payment at Tesco Stores 3124 in Leeds", "34.20", "", "1,170.30"],
        ["03 Mar", "Council tax", "142.00", "", "1,028.30"],
        ["05 Mar", "Salary of Acme Tools", "", "2,410.77", "3,439.07"],
        ["09 Mar", "Rent", "950.00", "", "2,489.07"],
        ["12 Mar", "Cash at High Street", "60.00", "", "2,429.07"],
    ]

    layer = read(page(set_out(rows, [80, 130, 350, 420, 480], pitch=15)))

    assert [cells(table) for table in tables(layer)] == [rows]
    assert layer.text.startswith("| Date | Details | Paid out | Paid in | Balance |\n| --- |")


def test_marks_above_the_first_row_of_values_are_a_row_of_their_own() -> None:
    stations = ["London", "Stevenage", "Peterborough", "Grantham", "Newark", "Doncaster"]
    rows = [["", "A", "", "B"], *([name, f"06{k}0", f"07{k}2", f"08{k}4"] for k, name in enumerate(stations))]
    rules = [(78, 710 - 14 * k, 265, 710 - 14 * k) for k in (0, 2, 3, 4, 5, 6, 7)]

    layer = read(page(set_out(rows, [80, 160, 200, 240], pitch=14), rules))

    assert [cells(table) for table in tables(layer)] == [rows]
