"""Lists of items of invoices: a head, few rows with amounts, and lines that say more of an item."""

from __future__ import annotations

from tests.pdfs import Line
from tests.tablekit import cells, page, prose, read, set_out, tables

HEAD = ["Item", "Quantity", "Rate", "Amount"]
COLUMNS = [60, 300, 400, 480]


def test_one_item_below_a_head_is_a_table() -> None:
    rows = [HEAD, ["Cordless drill", "2", "89.50", "179.00"]]

    layer = read(page([*set_out(rows, COLUMNS), *prose(500)]))

    assert cells(tables(layer)[0]) == rows


def test_lines_below_an_item_go_with_its_first_cell() -> None:
    lines = set_out(
        [
            HEAD,
            ["Service A", "12", "$10.00", "$120.00"],
            ["Description: Repair", "", "", ""],
            ["Notes: Replaced capacitor", "", "", ""],
        ],
        COLUMNS,
        pitch=13,
    )
    lines += set_out([["Service B", "5", "$1.50", "$7.50"], ["Notes: Removed debris", "", "", ""]], COLUMNS, 635, 13)

    layer = read(page([*lines, *prose(500)]))

    assert cells(tables(layer)[0]) == [
        HEAD,
        ["Service A Description: Repair Notes: Replaced capacitor", "12", "$10.00", "$120.00"],
        ["Service B Notes: Removed debris", "5", "$1.50", "$7.50"],
    ]


def test_sums_below_items_are_rows_with_their_names_in_one_column() -> None:
    rows = [HEAD, ["Cordless drill", "2", "89.50", "179.00"]]
    sums: list[Line] = []
    for i, (name, amount) in enumerate(
        [("Subtotal", "179.00"), ("VAT, twenty per cent", "35.80"), ("Total", "214.80")]
    ):
        sums += [(340.0, 655.0 - 14 * i, 10.0, name), (480.0, 655.0 - 14 * i, 10.0, amount)]

    layer = read(page([*set_out(rows, COLUMNS), *sums, *prose(500)]))

    found = cells(tables(layer)[0])
    assert [row[-1] for row in found] == ["Amount", "179.00", "179.00", "35.80", "214.80"]
    assert len({tuple(map(bool, row)) for row in found[2:]}) == 1


def test_headings_of_several_lines_are_one_head() -> None:
    lines = set_out([["Item", "Quantity", "Rate", "Amount"]], COLUMNS)
    lines += [(400.0, 688.0, 10.0, "net"), (480.0, 688.0, 10.0, "net")]
    lines += set_out([["Cordless drill", "2", "89.50", "179.00"]], COLUMNS, 665)

    layer = read(page([*lines, *prose(500)]))

    assert cells(tables(layer)[0])[0] == ["Item", "Quantity", "Rate net", "Amount net"]


def test_a_column_without_values_keeps_its_heading() -> None:
    rows = [["Item", "Quantity", "Discount", "Amount"], ["Cordless drill", "2", "", "179.00"]]
    lines = set_out(rows, [60, 250, 350, 480])
    lines += set_out([["Tape", "3", "", "9.00"]], [60, 250, 350, 480], 664)

    layer = read(page([*lines, *prose(500)]))

    assert cells(tables(layer)[0])[0] == ["Item", "Quantity", "Discount", "Amount"]


def test_dates_and_numbers_above_a_list_stay_out_of_it() -> None:
    block = set_out(
        [["Invoice Date", "Due Date", "Reference"], ["20/03/2024", "04/04/2024", "C-7"]], [60, 200, 350], 740, 13
    )
    rows = [
        ["Item", "Quantity", "Rate", "VAT", "Amount"],
        ["Consulting", "10", "90.00", "20%", "900.00"],
        ["Travel", "1", "120.40", "0%", "120.40"],
    ]
    columns = [60, 290, 360, 430, 500]
    rules = [(55, 715, 560, 715), (55, 694, 560, 694), (55, 654, 560, 654)]
    sums: list[Line] = [(360.0, 635.0, 10.0, "Untaxed amount"), (500.0, 635.0, 10.0, "1,020.40")]
    sums += [(360.0, 620.0, 10.0, "Total of the invoice"), (500.0, 620.0, 10.0, "1,200.40")]

    layer = read(page([*block, *set_out(rows, columns), *sums, *prose(500)], rules))

    assert [cells(table)[:3] for table in tables(layer) if len(cells(table)[0]) == 5] == [rows]


def test_close_numbers_are_cells_of_their_own() -> None:
    rows = [
        ["Item", "Quantity", "Price", "Amount"],
        ["Beeswax", "1", "42.00", "42.00"],
        ["Chair", "1", "70.00", "70.00"],
    ]
    close: list[Line] = [(424.0, 700.0, 10.0, "Disc."), (454.0, 700.0, 10.0, "Taxes")]
    for y, discount in ((682.0, "0.00"), (664.0, "5.00")):
        close += [(430.0, y, 10.0, discount), (454.0, y, 10.0, "15.00%")]

    layer = read(page([*set_out(rows, [60, 250, 340, 520]), *close, *prose(500)]))

    assert cells(tables(layer)[0])[1:] == [
        ["Beeswax", "1", "42.00", "0.00", "15.00%", "42.00"],
        ["Chair", "1", "70.00", "5.00", "15.00%", "70.00"],
    ]


def test_a_list_that_goes_on_otherwise_is_left_alone() -> None:
    rows = [["Name", "Type", "Default"], ["width", "1", "1.0"]]
    more: list[Line] = [(90.0, 670.0, 10.0, "12 long"), (240.0, 670.0, 10.0, "14"), (520.0, 670.0, 10.0, "5")]

    layer = read(page([*set_out(rows, [80, 200, 320], pitch=15), *more, *prose(500)]))

    assert not tables(layer)


def test_page_content_is_kept_once() -> None:
    rows = [HEAD, ["Cordless drill", "2", "89.50", "179.00"]]
    lines = [*set_out(rows, COLUMNS), *prose(500)]

    layer = read(page(lines))

    words = [word for line in lines for word in line[3].split()]
    assert all(layer.text.count(word) >= 1 for word in words)
    assert layer.text.count("Cordless") == 1


def test_prices_that_the_file_writes_after_all_names_are_a_table() -> None:
    names, prices = (
        ["Hammer", "Claw hammer", "Pliers", "Mallet", "Hand saw"],
        ["3.45", "10.45", "24.45", "18.45", "4.45"],
    )
    lines: list[Line] = [(60.0, 700.0 - 16 * i, 10.0, name) for i, name in enumerate(names)]
    lines += [(300.0, 700.0 - 16 * i, 10.0, f"{price} EUR") for i, price in enumerate(prices)]

    layer = read(page([*lines, *prose(500)]))

    assert cells(tables(layer)[0]) == [[name, f"{price} EUR"] for name, price in zip(names, prices, strict=True)]


def test_notes_of_delivery_have_items_without_amounts() -> None:
    columns = [60, 90, 170, 400, 470, 530]
    lines = set_out([["Pos", "Article", "Description", "Ordered", "Delivered", "Unit"]], columns)
    rows = [["1", "A-0003", "Hammer", "10", "10", "pcs"], ["2", "A-0080", "Pliers", "20", "19", "pcs"]]
    for i, row in enumerate(rows):
        lines += [*set_out([row], columns, 684 - 28 * i), (170.0, 672.0 - 28 * i, 8.0, f"Batch L0031{i}")]

    layer = read(page([*lines, *prose(500)]))

    assert cells(tables(layer)[0])[1:] == [
        ["1", "A-0003", "Hammer Batch L00310", "10", "10", "pcs"],
        ["2", "A-0080", "Pliers Batch L00311", "20", "19", "pcs"],
    ]
