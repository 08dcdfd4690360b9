"""Tables whose texts stand close beside each other, or far above each other; texts in drawn cells."""

from __future__ import annotations

from tests.pdfs import Line
from tests.tablekit import cells, grid_lines, page, prose, read, set_out, tables

NAMES = [
    "Nils Fuchs",
    "Greta Young",
    "Karin Moreau",
    "Maren Olsen",
    "Hugo Abel",
    "Tilda Castro",
    "Zoe Lund",
    "Yvonne Dahl",
]
POSTS = ["Librarian X", "Head of unit I", "Assistant V", "Secretary I", "Lecturer I", "Lecturer X", "Dean", "Porter II"]
ROOMS = [
    "Alnwick Lab",
    "Goole Hall",
    "Jarrow Hall",
    "Otley Campus",
    "Hawick Lab",
    "Marrow Hall",
    "Corby Lab",
    "Dorset Hall",
]


def staff(columns: list[float]) -> list[Line]:
    rows = [["Name", "Position", "Office"], *map(list, zip(NAMES, POSTS, ROOMS, strict=True))]
    return set_out(rows, columns, 700, 16)


def test_a_head_above_the_first_line_stands_as_far_from_it_as_rows_do() -> None:
    heads = ["Study", "Place", "Sample", "Method"]
    names = ["Moreau et al.", "Young et al.", "Zeller et al.", "Garcia et al."]
    places = ["Alnwick", "Foxley", "Corby", "Marrow"]
    lines = set_out([heads], [80.0, 160.0, 210.0, 250.0], 740)
    rules = [(80.0, 714.0, 420.0, 714.0)]
    for k, (name, place) in enumerate(zip(names, places, strict=True)):
        y = 700.0 - 34 * k
        lines += [(80.0, y, 10.0, name), (80.0, y - 12, 10.0, "(1997)"), (160.0, y - 6, 10.0, place)]
        lines += [
            (210.0, y - 6, 10.0, "826"),
            (250.0, y, 10.0, "Official station measured the"),
            (250.0, y - 12, 10.0, "plan"),
        ]
        rules.append((80.0, y - 20, 420.0, y - 20))

    (table,) = tables(read(page([*prose(790), *lines, *prose(540)], rules)))

    expected = [
        [f"{name} (1997)", place, "826", "Official station measured the plan"]
        for name, place in zip(names, places, strict=True)
    ]
    assert cells(table) == [heads, *expected]


def test_columns_just_further_apart_than_words_between_lines() -> None:
    columns = [80.0, 147.3, 213.8]
    rules = [(78.0, 712.0 - 16 * k, 290.0, 712.0 - 16 * k) for k in range(10)]

    (table,) = tables(read(page([*staff(columns), *prose(520)], rules)))

    assert cells(table)[0] == ["Name", "Position", "Office"]
    assert cells(table)[1:] == [list(row) for row in zip(NAMES, POSTS, ROOMS, strict=True)]


def test_texts_in_drawn_cells_need_not_stand_side_by_side() -> None:
    terms = ["Migration", "Owns land", "Distance"]
    long = ["The second sample questioned several valves in spite", "of considerable opposition of the public"]
    lines: list[Line] = []
    for k, term in enumerate(terms):
        lines.append((85.0, 680.0 - 40 * k, 10.0, term))
        lines += [(185.0, 686.0 - 40 * k - 12 * i, 10.0, text) for i, text in enumerate(long)]

    (table,) = tables(read(page([*lines, *prose(540)], grid_lines([80.0, 180.0, 480.0], [703.0, 663.0, 623.0, 583.0]))))

    assert cells(table) == [[term, " ".join(long)] for term in terms]


def test_a_listing_in_a_frame_beside_its_numbers_is_no_table() -> None:
    code = ["if count > 3:", "return", "total += count", "print(total)"]
    lines = [(84.0, 690.0 - 12 * k, 5.0, str(k + 1)) for k in range(len(code))]
    lines += [(92.0, 690.0 - 12 * k, 10.0, text) for k, text in enumerate(code)]
    lines.append((130.0, 630.0, 10.0, "seven"))
    frame = [(80.0, y, 400.0, y) for y in (703.0, 645.0, 620.0)]
    # The first line of the listing is shaded.
    shade = [(90.0, y, 400.0, y) for y in (700.0, 688.0, 676.0, 664.0, 652.0)]
    walls = [(x, 620.0, x, 703.0) for x in (80.0, 400.0)] + [(90.0, 645.0, 90.0, 703.0)]

    layer = read(page([*lines, *prose(560)], [*frame, *shade, *walls]))

    assert tables(layer) == []


def test_columns_whose_texts_all_end_where_the_next_ones_start_are_apart() -> None:
    """Before, white of less than a font size parted them only where texts end near it at several places."""
    rows = [
        ["Article", "Code", "Place"],
        ["Reluctant court", "A-682", "Hall"],
        ["Transport", "D-334", "Attic"],
        ["Ambitious survey", "D-166", "Cellar"],
        ["Careful laboratory with doors", "C-527", "Garden"],
        ["Museum", "B-365", "Porch"],
    ]
    lines = set_out(rows, (80, 219, 252.5), pitch=12)
    (table,) = tables(read(page([*lines, *prose(600)], [(78, y, 310, y) for y in (712, 697, 635)])))

    assert cells(table) == rows


def test_short_words_that_stand_for_each_other_are_one_cell() -> None:
    signs = [
        ["ba ha", "ga na", "pa qa", "da ua"],
        ["be he", "ge ne", "pe qe", "de ue"],
        ["bo ho", "go no", "po qo", "do uo"],
    ]
    columns = [80, 180, 280, 380]
    lines = [
        (x + off, 700.0 - 12 * r, 10.0, part)
        for r, row in enumerate(signs * 2)
        for x, cell in zip(columns, row, strict=True)
        for off, part in zip((0.0, 17.0), cell.split(), strict=True)
    ]

    (table,) = tables(read(page(lines, [(78, y, 480, y) for y in (712, 697, 635)])))

    assert cells(table) == signs * 2
