"""Text layers as markdown: order, paragraphs, words, headings, lists, boxes."""

from __future__ import annotations

import pickle
from itertools import pairwise

import pypdfium2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.text_layer_pdfs import Run, pdf_of_runs
from omnipipe.page import Block
from omnipipe.text.layer import TextLayer, read_text_layer
from omnipipe.text.options import TextOptions
from tests.pdfs import Line, pdf_of_contents, pdf_of_lines

OPTIONS = TextOptions()
LEFT = [
    "The quick brown fox jumps over the lazy",
    "dog while the sun goes down behind the",
    "hills and the river runs on to the sea,",
    "where ships are waiting for the evening",
    "wind that carries them far out to lands",
    "that nobody has seen for a long while.",
]
RIGHT = [line.swapcase().swapcase().replace("the", "some") for line in reversed(LEFT)]


def read(data: bytes, options: TextOptions = OPTIONS, index: int = 0) -> TextLayer:
    """The text layer of one page."""
    document = pypdfium2.PdfDocument(data)
    try:
        return read_text_layer(document[index], options)
    finally:
        document.close()


def column(lines: list[str], x: float, top: float = 700, size: float = 10) -> list[Line]:
    """Lines one below the other."""
    return [(x, top - i * 1.3 * size, size, line) for i, line in enumerate(lines)]


def by_rows(*columns: list[Line]) -> list[Line]:
    """The lines of columns as a program writes that goes over the page row by row."""
    return [line for row in zip(*columns, strict=True) for line in row]


def test_columns_are_read_one_after_the_other_though_the_file_has_them_in_rows() -> None:
    lines = by_rows(column(LEFT * 2, 60), column(RIGHT * 2, 320))

    text = read(pdf_of_lines([lines])).text

    assert " ".join(text.split()) == " ".join(" ".join(LEFT * 2 + RIGHT * 2).split())


def test_lists_beside_each_other_are_read_one_after_the_other_though_their_bullets_are_drawn_last() -> None:
    before = ["Orders come by fax", "Stock counted by hand", "Three days to deliver"]
    after = ["Orders come from all over", "Stock counted by scanner", "Next-day delivery to all"]
    signs = ["\x95"] * 3
    lines = [*column(["Before", *before], 80), *column(["After", *after], 340)]
    bullets = [*column(signs, 66, 687), *column(signs, 326, 687)]

    text = read(pdf_of_lines([[*lines, *bullets]])).text

    assert [line.strip("#- ") for line in text.split("\n") if line] == ["Before", *before, "After", *after]


def test_a_title_over_both_columns_comes_first_and_a_foot_last() -> None:
    title = (100.0, 750.0, 20.0, "On foxes and other animals of the field")
    foot = (280.0, 40.0, 9.0, "17")
    lines = [*column(RIGHT, 320), foot, *column(LEFT, 60), title]

    layer = read(pdf_of_lines([lines]))

    assert layer.text.startswith("# On foxes and other animals of the field\n\n" + LEFT[0])
    assert layer.text.endswith((LEFT[-1], RIGHT[-1]))
    assert (layer.blocks[-1][0], layer.blocks[-1][4]) == ("page_number", "17")


def test_the_words_of_one_row_of_a_table_stay_together() -> None:
    rows = [["Alpha", "12", "3.5"], ["Beta", "7", "0.25"], ["Gamma", "101", "9.75"], ["Delta", "4", "1.5"]]
    lines = [(80.0 + 150 * j, 700.0 - 18 * i, 10.0, rows[i][j]) for j in range(3) for i in range(4)]

    text = read(pdf_of_lines([lines]), TextOptions(tables=False)).text

    assert [line.split() for line in text.splitlines() if line] == rows


def test_lines_of_a_paragraph_run_on_and_short_ones_keep_their_break() -> None:
    poem = ["Short line,", "another one", "and a third"]

    text = read(pdf_of_lines([[*column(LEFT, 60), *column(poem, 60, 500)]])).text

    assert " ".join(LEFT) in text
    assert "\n".join(poem) in text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["in the evening they talk of an infor-", "mation that nobody had ever asked for"], "an information that"),
        (["in the evening they all talk of Anglo-", "Saxon kings that nobody had heard of"], "of Anglo-Saxon kings"),
        (["so-called dogs are what they call so-", "called dogs in that part of the land"], "call so-called dogs"),
    ],
)
def test_words_broken_at_the_end_of_a_line_are_made_whole(lines: list[str], expected: str) -> None:
    assert expected in read(pdf_of_lines([column([*lines, *LEFT], 60)])).text


def test_words_stay_broken_where_that_is_asked_for() -> None:
    lines = ["in the evening they talk of an infor-", "mation that nobody had ever asked for"]

    text = read(pdf_of_lines([column(lines, 60)]), TextOptions(dehyphenate=False)).text

    assert text == "\n".join(lines)


def test_headings_are_ranked_by_size_against_the_body() -> None:
    heads: list[Line] = [(60, 740, 22, "Animals"), (60, 600, 14, "Foxes"), (60, 480, 14, "Dogs")]
    lines = [heads[0], *column(LEFT, 60, 700), heads[1], *column(LEFT, 60, 580), heads[2], *column(LEFT, 60, 460)]

    layer = read(pdf_of_lines([lines]))

    blocks = [Block(*block) for block in layer.blocks]
    assert [(b.level, b.text) for b in blocks if b.type == "title"] == [(1, "Animals"), (2, "Foxes"), (2, "Dogs")]
    assert "\n\n## Foxes\n\n" in layer.text


def test_bullets_and_numbers_become_list_items() -> None:
    lines = column(["\x95 bread and butter", "\x95 milk", "1. wake up", "2. get up"], 60)

    layer = read(pdf_of_lines([lines]))

    assert layer.text.split("\n\n") == ["- bread and butter", "- milk", "1. wake up", "2. get up"]
    assert {block[0] for block in layer.blocks} == {"list"}


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_boxes_are_those_of_the_upright_page(rotate: int) -> None:
    """A word drawn so that it is upright in the top left corner of the page as shown."""
    matrix = {0: "1 0 0 1 30 760", 90: "0 1 -1 0 32 30", 180: "-1 0 0 -1 582 32", 270: "0 -1 1 0 580 762"}[rotate]
    content = f"BT /F1 20 Tf {matrix} Tm (Corner) Tj ET".encode()

    layer = read(pdf_of_contents([content], rotate=rotate))

    box = layer.blocks[0][1] or (1, 1, 1, 1)
    assert layer.text.endswith("Corner")
    assert box[0] < 0.06
    assert box[1] < 0.05
    assert box[2] < 0.2 > box[3]
    assert box[2] - box[0] > box[3] - box[1]


def test_text_set_sideways_is_read_as_lines() -> None:
    lines = [f"BT /F1 10 Tf 0 1 -1 0 {100 + 14 * i} 60 Tm ({line}) Tj ET" for i, line in enumerate(LEFT)]

    text = read(pdf_of_contents(["\n".join(lines).encode()])).text

    assert text == " ".join(LEFT)


def test_right_to_left_text_keeps_its_logical_order() -> None:
    words = ["שלום", "עולם"]
    visual = " ".join(word[::-1] for word in reversed(words))

    assert read(pdf_of_runs([Run(60, 700, 12, visual)])).text == " ".join(words)


def test_the_right_column_of_right_to_left_text_comes_first() -> None:
    letters = "אבגדהוזחטיכלמנ"
    columns = {
        x: [Run(x, 700 - 14 * i, 10, c * 5 + " " + c * 6 + " " + c * 7 + " " + c * 4) for i, c in enumerate(some)]
        for x, some in ((60, letters[7:]), (340, letters[:7]))
    }

    text = read(pdf_of_runs([*columns[60], *columns[340]])).text

    assert list(dict.fromkeys(c for c in text if c.isalpha())) == list(letters)


def test_an_empty_page_gives_an_empty_layer() -> None:
    layer = read(pdf_of_lines([[]]))

    assert layer.text == ""
    assert layer.blocks == ()
    assert layer.measures.num_chars == 0


def test_lone_surrogates_and_control_characters_are_not_written() -> None:
    layer = read(pdf_of_runs([Run(60, 700, 12, "ab", "a\ud800\x03b\x07c")]))

    layer.text.encode("utf-8")
    assert layer.text.replace("\ufffd", "") == "abc"


def test_a_layer_survives_pickling() -> None:
    layer = read(pdf_of_lines([column(LEFT, 60)]))

    assert pickle.loads(pickle.dumps(layer)) == layer


texts = st.text(st.characters(codec="latin-1", min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
lines_of_pages = st.lists(
    st.tuples(
        st.floats(-50, 650, width=32),
        st.floats(-50, 850, width=32),
        st.sampled_from([0.5, 6.0, 10.0, 11.0, 30.0]),
        texts,
    ),
    max_size=40,
    # What is drawn over itself is read once.
    unique_by=lambda line: line[3],
)


@settings(max_examples=60, deadline=None)
@given(lines_of_pages, st.sampled_from([0, 90, 180, 270]))
def test_whatever_stands_on_a_page_no_character_is_lost(lines: list[Line], rotate: int) -> None:
    data = pdf_of_lines([lines], rotate=rotate)
    document = pypdfium2.PdfDocument(data)
    textpage = document[0].get_textpage()
    raw = textpage.get_text_range()
    document.close()

    layer = read(data, TextOptions(dehyphenate=False, lists=False, headings=False, keep_headers=True))

    layer.text.encode("utf-8")
    # Lines that would be headings or quotes of markdown are escaped.
    # What stands beside the page is no text, but a block.
    kept = "".join([layer.text, *(block[4] for block in layer.blocks if block[0] == "hidden")])
    wanted, found = (text.replace("\\", "") for text in (raw.replace("\ufffe", "-"), kept))
    assert sorted("".join(wanted.split())) == sorted("".join(found.split()))
    for block in layer.blocks:
        x0, y0, x1, y1 = block[1] or (-1, -1, -1, -1)
        assert 0 <= x0 <= x1 <= 1
        assert 0 <= y0 <= y1 <= 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(max_codepoint=0xFFFF), min_size=1, max_size=30), min_size=1, max_size=8))
@example(["\x1f ", "00000"])
def test_whatever_a_font_says_the_text_can_be_written(says: list[str]) -> None:
    layer = read(pdf_of_runs([Run(60, 700 - 20 * i, 11, text) for i, text in enumerate(says)]))

    layer.text.encode("utf-8")
    assert all(0 <= share <= 1 for share in layer.measures[2:8])


def test_the_corpus_reads_closer_to_its_truth_than_raw_text(shared: object) -> None:
    """Words of pages that people or known originals vouch for, in order."""
    import difflib
    import json
    from pathlib import Path

    folder = Path(str(shared)) / "corpus"
    rows = [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    wanted = [r for r in rows if r["path"] in ("scanned/made-mixed-4pages.pdf", "born_digital/pypdf-crazyones.pdf")]
    for row in wanted:
        if row["page"] in (2, 4):
            continue
        document = pypdfium2.PdfDocument(folder / row["path"])
        layer = read_text_layer(document[(row["page"] or 1) - 1], OPTIONS)
        document.close()
        ratio = difflib.SequenceMatcher(None, layer.text.split(), row["text"].split(), autojunk=False).ratio()
        assert ratio > 0.9, row["path"]


def test_a_short_bold_line_over_running_text_is_a_heading() -> None:
    lines = [f"BT /F1 10 Tf 60 {680 - 13 * i} Td ({line}) Tj ET" for i, line in enumerate(LEFT)]
    data = pdf_of_contents(["\n".join(["BT /F2 10 Tf 60 695 Td (Of foxes) Tj ET", *lines]).encode()])
    bold = b"/F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >> /F1 "

    text = read(data.replace(b"/F1 3 0 R", bold + b"3 0 R")).text

    assert text == "## Of foxes\n\n" + " ".join(LEFT)


def test_lines_come_with_their_boxes_where_asked_for() -> None:
    data = pdf_of_lines([[*column(LEFT, 60), *column(RIGHT, 320)]])

    assert read(data).lines == ()
    lines = read(data, TextOptions(lines=True)).lines
    assert [line[0] for line in lines] == LEFT + RIGHT
    assert all(a[1][1] < b[1][1] for a, b in pairwise(lines[:6]))
