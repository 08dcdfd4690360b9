"""Lines put into the parts that a layout model found: kinds, order, and no line lost."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnipipe.page import Block, Box, Line
from omnipipe.tasks.layout_extraction.apply import apply_regions, typed_by_regions
from omnipipe.tasks.layout_extraction.pieces import to_pieces
from omnipipe.tasks.layout_extraction.slant import Slant
from omnipipe.text.compose import compose

ROW = 0.012
PROSE = "which was the reason that nobody in the house had ever asked about it"


def line(text: str, x0: float, y0: float, x1: float | None = None, *, height: float = ROW) -> Line:
    return Line(text, (x0, y0, x0 + 0.0075 * len(text) if x1 is None else x1, y0 + height), 0.9)


def block(*lines: Line, kind: str = "text") -> Block:
    x0s, y0s, x1s, y1s = zip(*(entry.bbox for entry in lines), strict=True)
    text = " ".join(entry.text for entry in lines)
    return Block(kind, (min(x0s), min(y0s), max(x1s), max(y1s)), 0, None, text, None, 0.9, "rapidocr")


def region(kind: str, box: Box, confidence: float = 0.9) -> Block:
    return Block(kind, box, 0, None, "", None, confidence, "rapid_layout")


def arranged(paragraphs: Sequence[Sequence[Line]], *regions: Block) -> list[tuple[str, int | None, str]]:
    """Type, level and text of the blocks of a page in reading order."""
    blocks = [block(*lines) for lines in paragraphs]
    lines = [entry for lines in paragraphs for entry in lines]
    return [(made.type, made.level, made.text) for made in apply_regions(blocks, lines, regions, aspect=0.7)]


BODY = [[line(PROSE, 0.1, 0.3 + ROW * 1.5 * row, 0.9) for row in range(4)] for _ in range(1)]


def test_a_heading_is_cut_from_the_paragraph_that_it_was_joined_with() -> None:
    heading = line("2 Results", 0.1, 0.275, 0.2, height=0.02)

    found = arranged([[heading, *BODY[0]]], region("title", (0.1, 0.274, 0.2, 0.296)))

    assert found == [("title", 2, "2 Results"), ("text", None, " ".join([PROSE] * 4))]


def test_a_full_line_that_a_paragraph_goes_on_from_is_no_heading() -> None:
    rows = [line(PROSE[:60], 0.1, 0.3, 0.9), line(PROSE, 0.1, 0.318, 0.9)]

    found = arranged([rows], region("title", (0.1, 0.295, 0.9, 0.313)))

    assert [kind for kind, _, _ in found] == ["text"]


def test_a_line_inside_a_paragraph_is_no_heading_whatever_the_model_says() -> None:
    found = arranged(BODY, region("title", (0.1, 0.33, 0.9, 0.35)))

    assert [kind for kind, _, _ in found] == ["text"]


def test_the_first_line_of_the_text_below_is_no_part_of_a_heading() -> None:
    heading = line("2 Results", 0.1, 0.275, 0.2, height=0.02)

    found = arranged([[heading], *BODY], region("title", (0.1, 0.274, 0.9, 0.312)))

    assert [(kind, text) for kind, _, text in found] == [("title", "2 Results"), ("text", " ".join([PROSE] * 4))]


def test_the_last_line_of_a_paragraph_is_no_caption_of_what_is_below() -> None:
    rows = [line("The table shows the goods that were carried in the year,", 0.1, 0.3, 0.9)]
    rows.append(line("with the change against the year before.", 0.1, 0.318, 0.5))
    below = region("caption", (0.09, 0.316, 0.51, 0.332))

    assert [kind for kind, _, _ in arranged([rows], below)] == ["text"]
    assert [kind for kind, _, _ in arranged([[rows[0]], [rows[1]]], below)] == ["text", "caption"]


@pytest.mark.parametrize("text", ["12 — 4", "of this and of that,", "A" * 300])
def test_what_is_no_heading_by_its_words_stays_text(text: str) -> None:
    found = arranged([[line(text, 0.1, 0.2, 0.8)], *BODY], region("title", (0.1, 0.195, 0.8, 0.215)))

    assert [kind for kind, _, _ in found] == ["text", "text"]


def test_columns_of_text_are_no_table_though_their_paragraphs_begin_level() -> None:
    columns = [
        [line(PROSE[:30], x, 0.2 + 0.015 * row, x + 0.35) for row in rows]
        for x in (0.1, 0.5)
        for rows in (range(8), range(8, 16))
    ]

    found = arranged(columns, region("table", (0.09, 0.19, 0.86, 0.45)))

    assert [kind for kind, _, _ in found] == ["text"] * 4


def test_a_paragraph_of_words_without_blanks_is_no_figure() -> None:
    """Scripts without blanks, and words that OCR ran together, have no sentences to be counted."""
    rows = [PROSE if row % 3 == 0 else PROSE.replace(" ", "") for row in range(9)]
    paragraph = [line(text, 0.1, 0.2 + 0.015 * row, 0.9) for row, text in enumerate(rows)]

    found = arranged([paragraph], region("figure", (0.09, 0.19, 0.91, 0.35)))

    assert found == [("text", None, " ".join(rows))]


def test_cells_are_one_table_row_by_row() -> None:
    cells = [[line(f"{name} {row}", x, 0.2 + 0.02 * row)] for row in range(3) for name, x in (("a", 0.2), ("b", 0.6))]

    found = arranged([*cells, *BODY], region("table", (0.15, 0.19, 0.75, 0.26)))

    assert found[0] == ("table", None, "a 0 b 0\na 1 b 1\na 2 b 2")
    assert found[1][0] == "text"


def test_running_text_is_no_table_and_no_figure() -> None:
    for kind in ("table", "figure"):
        found = arranged(BODY, region(kind, (0.05, 0.25, 0.95, 0.4)))

        assert [made[0] for made in found] == ["text"]


def test_a_figure_keeps_its_labels_and_one_without_any_is_there_as_well() -> None:
    labels = [[line("0", 0.2, 0.6)], [line("100", 0.5, 0.6)]]

    found = arranged(
        [*BODY, *labels], region("figure", (0.15, 0.5, 0.8, 0.65)), region("figure", (0.15, 0.7, 0.8, 0.85))
    )

    assert found[1:] == [("figure", None, "0 100"), ("figure", None, "")]


def test_a_list_of_entries_with_their_numbers_is_no_table_and_no_figure() -> None:
    rows = [[line(f"word{row} ... {row}", x, 0.2 + 0.02 * row, x + 0.35)] for x in (0.1, 0.55) for row in range(8)]

    for kind in ("table", "figure"):
        found = arranged(rows, region(kind, (0.08, 0.18, 0.92, 0.4)))
        assert [text for _, _, text in found] == [row[0].text for row in rows]


@pytest.mark.parametrize(("offset", "kind"), [(0.01, "text"), (0.0, "table")])
def test_columns_whose_paragraphs_begin_anywhere_are_no_table(offset: float, kind: str) -> None:
    """A newspaper; cells of the rows of a table begin level."""
    rows = [
        [line("so much of it here", x, 0.2 + 0.06 * row + 0.015 * n + shift, x + 0.35) for n in range(3)]
        for x, shift in ((0.1, 0.0), (0.55, offset))
        for row in range(5)
    ]

    found = arranged(rows, region("table", (0.08, 0.18, 0.92, 0.6)))

    assert {found_kind for found_kind, _, _ in found} == {kind}


def test_two_columns_of_lines_are_no_figure() -> None:
    rows = [[line(f"a short line {row}", x, 0.2 + 0.02 * row, x + 0.2)] for x in (0.1, 0.55) for row in range(12)]

    found = arranged(rows, region("figure", (0.08, 0.18, 0.92, 0.5)))

    assert [(kind, text) for kind, _, text in found] == [("text", row[0].text) for row in rows]


def test_questions_between_the_labels_of_a_form_stay_between_them() -> None:
    question, caption = "How many people live in this house of yours?", "A caption of the form with five words"
    texts = [f"Household no. {n} of yours" for n in range(4)] + [question, "One and only", "Two or more", caption]
    rows = [[line(text, 0.1, 0.2 + 0.03 * row)] for row, text in enumerate(texts)]

    found = arranged(rows, region("figure", (0.08, 0.18, 0.92, 0.43)))

    assert [(kind, text) for kind, _, text in found] == [("figure", "\n".join(texts[:-1])), ("text", caption)]


def test_a_line_of_text_beside_a_label_is_of_the_figure_as_well() -> None:
    described = [line("gdb", 0.1, 0.23), line("a debugger for the programs in C", 0.4, 0.23)]
    labels = [[line("name of the package", 0.1, y)] for y in (0.2, 0.26, 0.29)]
    rows = [labels[0], described, *labels[1:]]

    found = arranged(rows, region("figure", (0.08, 0.18, 0.95, 0.31)))

    assert [kind for kind, _, _ in found] == ["figure"]


def test_a_head_is_one_only_at_the_edge_and_small() -> None:
    head, low, large = (
        line("Annals of Nowhere", 0.4, 0.05),
        line("Annals of Nowhere", 0.4, 0.25),
        line("Annals of Nowhere", 0.3, 0.05, 0.7, height=0.04),
    )

    for entry, kind in ((head, "header"), (low, "text"), (large, "title")):
        part = region("header", (0.2, entry.bbox[1] - 0.004, 0.8, entry.bbox[3] + 0.004))
        assert arranged([[entry], *BODY], part)[0][0] == kind


def test_a_bold_head_beside_the_number_of_the_page_is_one() -> None:
    wide = line("Annals of Nowhere and of All That", 0.3, 0.05, 0.88)
    body = [line(PROSE, 0.1, 0.069 + ROW * 1.5 * row, 0.9) for row in range(20)]
    part = region("header", (0.08, 0.04, 0.9, 0.066))

    numbered = arranged([[line("214", 0.1, 0.05)], [wide], body], part)

    assert [kind for kind, _, _ in numbered if kind != "page_number"][:1] == ["header"]
    assert arranged([[wide], body], part)[0][0] != "header"


def test_body_text_above_keeps_a_line_from_being_a_head() -> None:
    above = [line(PROSE, 0.1, 0.02 + ROW * 1.5 * row, 0.9) for row in range(3)]
    entry = line("Annals of Nowhere", 0.4, 0.09)

    found = arranged([above, [entry], *BODY], region("header", (0.3, 0.088, 0.7, 0.104)))

    assert [kind for kind, _, _ in found] == ["text", "text", "text"]


def test_heads_and_page_numbers_stay_blocks_and_leave_the_markdown() -> None:
    page = [[line("Annals of Nowhere", 0.4, 0.04)], *BODY, [line("- 17 -", 0.48, 0.96)]]

    found = arranged(page, region("header", (0.3, 0.035, 0.7, 0.055)))

    assert [kind for kind, _, _ in found] == ["header", "text", "page_number"]
    assert compose(found) == " ".join([PROSE] * 4)
    assert "Annals" in compose(found, keep_headers=True)


def test_without_a_model_text_stays_as_it_was() -> None:
    assert arranged(BODY) == [("text", None, " ".join([PROSE] * 4))]


def test_right_to_left_columns_begin_on_the_right() -> None:
    left = [line("שלום עולם", 0.1, 0.2 + 0.02 * row, 0.4) for row in range(5)]
    right = [line("ירושלים", 0.6, 0.2 + 0.02 * row, 0.9) for row in range(5)]

    found = arranged([left, right])

    assert [text[:3] for _, _, text in found] == ["ירו", "שלו"]


def test_text_that_flows_around_a_picture_keeps_the_order_of_its_lines() -> None:
    wide, narrow = line(PROSE, 0.1, 0.2, 0.9), line("beside the picture", 0.1, 0.22, 0.4)
    beside = line("on its other side", 0.7, 0.205, 0.9)

    found = arranged([[wide, narrow], [beside]])

    assert [text for _, _, text in found] == [f"{PROSE} beside the picture", "on its other side"]


def test_a_picture_between_columns_with_text_around_it_does_not_cut_them() -> None:
    def column(x0: float, x1: float, *tops: float) -> list[list[Line]]:
        return [[line(f"{top:.2f} {PROSE}"[:40], x0, top + 0.02 * row, x1) for row in range(6)] for top in tops]

    left = [*column(0.1, 0.48, 0.1, 0.26), *column(0.1, 0.38, 0.42), *column(0.1, 0.48, 0.58)]
    right = [*column(0.52, 0.9, 0.1, 0.25), *column(0.62, 0.9, 0.41), *column(0.52, 0.9, 0.57)]
    sign = [[line("used cars", 0.42, 0.47, 0.58)]]

    found = arranged([*left, *sign, *right], region("figure", (0.4, 0.4, 0.6, 0.55)))

    assert [text[:4] for kind, _, text in found if kind == "text"] == [
        *(part[0].text[:4] for part in [*left, *right]),
    ]


def test_labels_beside_an_axis_stay_in_their_rows() -> None:
    axis = [[line("Percentage", 0.16, 0.5, 0.18, height=0.3)]]
    labels = [
        [line(text, x, 0.52 + 0.04 * row)] for row in range(6) for x, text in ((0.2, f"{row}0"), (0.5, f"n{row}"))
    ]

    found = arranged([*BODY, *axis, *labels], region("figure", (0.15, 0.48, 0.8, 0.82)))

    rows = found[1][2].replace("Percentage ", "").split("\n")
    assert rows == ["00 n0", "10 n1", "20 n2", "30 n3", "40 n4", "50 n5"]


def test_a_text_layer_keeps_what_its_fonts_said() -> None:
    title = Block("title", (0.1, 0.1, 0.5, 0.12), 0, 1, "One", None, None, "text_layer")
    plain = Block("text", (0.1, 0.2, 0.4, 0.22), 1, None, "Second heading", None, None, "text_layer")
    table = Block("table", (0.1, 0.3, 0.9, 0.5), 2, None, "| a |", "<table>", None, "text_layer")
    parts = [
        region("text", title.bbox or (0, 0, 1, 1)),
        region("title", plain.bbox or (0, 0, 1, 1)),
        region("figure", table.bbox or (0, 0, 1, 1)),
    ]

    found = typed_by_regions([title, plain, table], parts, in_order=False)

    assert [(made.type, made.level, made.text) for made in found] == [
        ("title", 1, "One"),
        ("title", 3, "Second heading"),
        ("table", None, "| a |"),
    ]
    assert found[2].html == "<table>"


def test_lines_with_bullets_are_those_of_their_blocks() -> None:
    lines = [line("• Apples", 0.1, 0.3), line("and pears", 0.11, 0.318), line("Prose below", 0.1, 0.35)]
    blocks = [block(*lines[:2])._replace(text="- Apples and pears"), block(lines[2])]

    pieces = to_pieces(blocks, lines)

    assert [(piece.text, piece.paragraph) for piece in pieces] == [
        ("• Apples", 0),
        ("and pears", 0),
        ("Prose below", 1),
    ]


def test_blocks_of_other_lines_are_taken_whole() -> None:
    pieces = to_pieces([block(line("one two", 0.1, 0.1))], [line("three", 0.1, 0.1)])

    assert [piece.text for piece in pieces] == ["one two"]


def slanted(lines: Sequence[Line], degrees: float) -> list[Line]:
    """The lines on a page of 1000 x 1400 pixels that was turned by `degrees`, with boxes that enclose them."""
    turn = math.radians(degrees)
    placed = []
    for entry in lines:
        x0, y0, x1, y1 = entry.bbox
        corners = [(x - 0.5, (y - 0.5) * 1.4) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
        xs = [x * math.cos(turn) - y * math.sin(turn) + 0.5 for x, y in corners]
        ys = [(x * math.sin(turn) + y * math.cos(turn)) / 1.4 + 0.5 for x, y in corners]
        placed.append(entry._replace(bbox=(min(xs), min(ys), max(xs), max(ys))))
    return placed


@pytest.mark.parametrize("degrees", [-3.0, 2.0])
def test_a_page_askew_is_put_in_order_as_if_it_were_straight(degrees: float) -> None:
    straight = [line("2 Results", 0.1, 0.27, 0.2, height=0.02), *BODY[0], line("- 17 -", 0.48, 0.95)]
    lines = slanted(straight, degrees)
    part = region("title", (0.1, 0.268, 0.2, 0.292))

    found = apply_regions(
        [block(entry) for entry in lines], lines, [part], aspect=0.7, slant=Slant(degrees, 1000, 1400)
    )

    assert [made.type for made in found] == ["title", "text", "text", "text", "text", "page_number"]
    assert [made.bbox for made in found] == [pytest.approx(entry.bbox) for entry in lines]


def test_a_line_askew_has_its_own_height_once_it_is_straight() -> None:
    straight = line(PROSE, 0.1, 0.3, 0.9)
    [askew] = slanted([straight], 2.0)

    assert askew.bbox[3] - askew.bbox[1] > 2 * ROW
    assert Slant(2.0, 1000, 1400).level(askew.bbox) == pytest.approx(straight.bbox, abs=1e-6)


shares = st.floats(-0.2, 1.2, allow_nan=False)
boxes = st.tuples(shares, shares, shares, shares)
words = st.text("ab c-1.", min_size=1, max_size=40).filter(lambda text: text.strip(" -") != "")
kinds = st.sampled_from(["text", "title", "table", "figure", "caption", "header", "footer", "reference", "formula"])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.tuples(words, boxes), min_size=1, max_size=4), max_size=8),
    st.lists(st.tuples(kinds, boxes, st.floats(0, 1)), max_size=8),
)
def test_every_line_is_in_exactly_one_block(
    paragraphs: list[list[tuple[str, Box]]], parts: list[tuple[str, Box, float]]
) -> None:
    lines = [[Line(text, box, 0.5) for text, box in paragraph] for paragraph in paragraphs]
    regions = [region(kind, box, confidence) for kind, box, confidence in parts]
    flat = [entry for paragraph in lines for entry in paragraph]

    found = apply_regions([block(*paragraph) for paragraph in lines], flat, regions, aspect=0.7)

    def letters(texts: Sequence[str]) -> Counter[str]:
        return Counter(re.sub(r"[\s-]", "", "".join(texts)))

    assert letters([made.text for made in found]) == letters([entry.text for entry in flat])
    assert [made.order for made in found] == list(range(len(found)))


def test_a_page_of_very_many_lines_is_arranged_in_a_moment() -> None:
    lines = [line(f"w{i}", 0.1 + 0.09 * (i % 10), 0.01 + 0.00048 * (i // 10), height=0.0001) for i in range(20_000)]
    parts = [region("table", (0.0, 0.0, 1.0, 1.0)), *[region("text", (0.1, 0.1, 0.2, 0.2))] * 100]

    found = apply_regions([block(entry) for entry in lines], lines, parts, aspect=0.7)

    assert sum(len(made.text.split()) for made in found) == 20_000
