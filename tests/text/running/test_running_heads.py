"""Running heads, feet, page numbers, watermarks and line numbers: told from body text, by the page and by its
neighbours, whatever those do."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnipipe.cli.choice import choose_pipeline
from omnipipe.page import PageError
from omnipipe.reading.facts import PageFacts, ReadOptions
from omnipipe.reading.neighbours import neighbours_of
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.text.compose import PAGE_FURNITURE
from omnipipe.text.layer import TextLayer, read_text_layer
from omnipipe.text.options import TextOptions
from omnipipe.text.running.form import are_alike, is_likely_number, page_number
from omnipipe.text.running.margin_lines import Box, classify_margins
from tests.pdfs import Line, pdf_of_contents, pdf_of_lines
from tests.reading.test_reading_process import with_nested_forms

WORDS = re.findall(
    r"\w+",
    "the of a river stone under morning garden carries over letter quiet window before every house small paper later "
    "answer field between slowly summer light found another village road with water bread",
)


def prose(seed: int, *, top: float = 700, rows: int = 40, left: float = 72, size: float = 11) -> list[Line]:
    """Justified-looking lines of words, different on each page."""
    chance = random.Random(seed)
    return [(left, top - 1.3 * size * i, size, " ".join(chance.choices(WORDS, k=15))[:84]) for i in range(rows)]


def read(data: bytes, index: int = 0, options: TextOptions | None = None) -> TextLayer:
    """One page, alone."""
    document = pypdfium2.PdfDocument(data)
    try:
        return read_text_layer(document[index], options or TextOptions())
    finally:
        document.close()


def running(layer: TextLayer) -> list[tuple[str, str]]:
    """Type and text of what does not belong to the text."""
    return [(block[0], block[4]) for block in layer.blocks if block[0] in PAGE_FURNITURE]


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess(ReaderLimits(page_seconds=10)) as reader:
        yield reader


Answers = list[PageFacts | PageError]


def read_all(reader: ReaderProcess, folder: Path, data: bytes, indices: Sequence[int]) -> Answers:
    """Pages as a run reads them."""
    path = folder / "book.pdf"
    path.write_bytes(data)
    return list(reader.read_pages(str(path), indices, ReadOptions()))


def read_anew(limits: ReaderLimits, folder: Path, data: bytes, indices: Sequence[int]) -> Answers:
    """The same in a reader of its own."""
    with ReaderProcess(limits) as reader:
        return read_all(reader, folder, data, indices)


def found(facts: PageFacts | PageError) -> list[tuple[str, str]]:
    assert isinstance(facts, PageFacts)
    assert facts.layer is not None
    return [(block[0], block[4]) for block in facts.layer.blocks if block[0] in PAGE_FURNITURE]


def book(num_pages: int = 9) -> bytes:
    """Title and chapter in turn at the head, no page number that would tell by itself."""
    pages = []
    for i in range(num_pages):
        head = "A History of Rivers" if i % 2 == 0 else ("First Waters" if i < 5 else "Stone Bridges")
        pages.append([(250.0, 735.0, 11.0, head), *prose(i)])
    return pdf_of_lines(pages)


@pytest.mark.parametrize(
    ("foot", "kind"),
    [
        ([(300.0, 40.0, 9.0, "17")], "page_number"),
        ([(290.0, 40.0, 9.0, "- 12 -")], "page_number"),
        ([(270.0, 40.0, 9.0, "Page 3 of 9")], "page_number"),
        ([(300.0, 40.0, 9.0, "xiv")], "page_number"),
        ([(300.0, 40.0, 9.0, "A-3")], "page_number"),
        ([(200.0, 40.0, 9.0, "Journal of Rivers | www.rivers.example")], "footer"),
        ([(200.0, 40.0, 9.0, "Downloaded from the library on 12 May 2020")], "footer"),
    ],
)
def test_a_page_shows_by_itself_what_stands_at_its_foot(foot: list[Line], kind: str) -> None:
    body = prose(1)

    layer = read(pdf_of_lines([[*body, *foot]]))

    assert running(layer)[0][0] == kind
    assert foot[0][3].split()[0] not in layer.text.split()
    assert all(line[3].split()[-1] in layer.text for line in body)


def test_a_head_with_a_page_number_is_taken_out_in_two_blocks_before_the_text() -> None:
    head = [(72.0, 740.0, 10.0, "400"), (250.0, 740.0, 10.0, "BRITISH HUSBANDRY."), (480.0, 740.0, 10.0, "[Ch. XIX.")]

    layer = read(pdf_of_lines([[*prose(1), *head]]))

    assert [block[:1] + block[4:5] for block in layer.blocks[:2]] == [
        ("page_number", "400"),
        ("header", "BRITISH HUSBANDRY. [Ch. XIX."),
    ]
    assert "HUSBANDRY" not in layer.text


def test_keep_headers_leaves_everything_in_the_text() -> None:
    page = [(300.0, 740.0, 9.0, "Page 3 of 9"), *prose(1)]

    layer = read(pdf_of_lines([page]), options=TextOptions(keep_headers=True))

    assert layer.text.startswith("Page 3 of 9\n\n")
    assert running(layer) == [("page_number", "Page 3 of 9")]
    (stage, *_) = choose_pipeline("text_layer", keep_headers=True).stages
    assert stage.model_dump()["keep_headers"] is True


TABLE = [
    (72.0 + 130 * k, 735.0 - 20 * i, 10.0, text)
    for i in range(30)
    for k, text in enumerate(("Region", "Rivers", "Length", "2019") if i == 0 else (f"Place {i}", "7", "31.5", str(i)))
]
LISTED = [(72.0, 700.0 - 16 * i, 11.0, f"{i + 1}   {' '.join(WORDS[i : i + 6])}") for i in range(20)]
BODY: dict[str, list[Line]] = {
    "a heading in larger type": [(72, 735, 16, "Rivers and their stones"), *prose(1)],
    "a heading in the size of the text": [(72, 735, 11, "Rivers and their stones"), *prose(1)],
    "a heading with its number": [(72, 735, 11, "4"), (100, 735, 11, "Rivers and their stones"), *prose(1)],
    "the number of a chapter": [(300, 660, 18, "7"), *prose(1, top=600, rows=30)],
    "one line": [(72, 700, 11, "the only line of a page")],
    "a number and nothing else": [(300, 40, 11, "12")],
    "a slide": [
        (60, 480, 28, "Why rivers bend"),
        *((80, 400 - 60 * i, 18, f"Reason {i} of the bend") for i in range(4)),
    ],
    "a table from the top": TABLE,
    "a numbered list": LISTED,
    "a footnote": [*prose(1), (72, 60, 8, "1 See the letter of the village, p. 12.")],
    "a footnote with a star": [*prose(1), (72, 60, 8, "* Doncaster Report, p. 8.")],
    "a caption": [*prose(1, rows=20), (72, 90, 9, "Figure 3. The river in May 2019.")],
    "a source": [*prose(1, rows=20), (72, 60, 8, "Source: https://rivers.example, 2019")],
    "the last line of a paragraph": [*prose(1, rows=44), (72, 60, 11, "and so it went on.")],
    "a table of contents": [
        *((72.0, 735.0 - 20 * i, 11.0, f"Chapter {'abcdefgh'[i]} of rivers") for i in range(8)),
        *((520.0, 735.0 - 20 * i, 11.0, str(3 * i + 1)) for i in range(8)),
    ],
    "a date under a letter": [*prose(1, rows=20), (72, 300, 11, "12 May 2020"), (72, 270, 11, "A. Smith")],
    "a title page": [
        (150, 500, 24, "A History of Rivers"),
        (220, 420, 14, "by A. Smith"),
        (260, 200, 12, "Second Edition"),
    ],
}


@pytest.mark.parametrize("name", list(BODY))
def test_body_text_is_never_taken_for_running_matter(name: str) -> None:
    layer = read(pdf_of_lines([BODY[name]]))

    assert running(layer) == []


@pytest.mark.parametrize("name", list(BODY))
def test_body_text_stays_where_other_pages_have_body_text_of_the_same_form(
    name: str, reader: ReaderProcess, tmp_path: Path
) -> None:
    pages = [BODY[name], prose(5), BODY["a heading in larger type"], prose(6, top=735)]

    answers = read_all(reader, tmp_path, pdf_of_lines(pages), range(4))

    assert [found(facts) for facts in answers] == [[]] * 4


def test_heads_that_take_turns_are_told_by_the_pages_around(reader: ReaderProcess, tmp_path: Path) -> None:
    answers = read_all(reader, tmp_path, book(), range(9))

    heads = [found(facts) for facts in answers]
    assert [text for (_, text), *_ in heads] == [
        "A History of Rivers" if i % 2 == 0 else ("First Waters" if i < 5 else "Stone Bridges") for i in range(9)
    ]


def test_numbers_close_to_the_text_are_told_by_their_counting(reader: ReaderProcess, tmp_path: Path) -> None:
    pages = [[*prose(i, rows=42), (300.0, 700.0 - 14.3 * 42, 11.0, f"{2015 + i}")] for i in range(5)]

    answers = read_all(reader, tmp_path, pdf_of_lines(pages), range(5))

    assert [found(facts) for facts in answers] == [[("page_number", str(2015 + i))] for i in range(5)]


def test_the_same_page_again_and_again_says_nothing(reader: ReaderProcess, tmp_path: Path) -> None:
    form = [
        (72.0, 735.0, 11.0, "Name of the applicant"),
        *((72.0, 690.0 - 40 * i, 11.0, f"Question {i}") for i in range(12)),
    ]

    answers = read_all(reader, tmp_path, pdf_of_lines([form] * 4), range(4))

    assert [found(facts) for facts in answers] == [[]] * 4


def test_rows_do_not_depend_on_what_is_read_beside_them(reader: ReaderProcess, tmp_path: Path) -> None:
    data = book(12)
    together = read_all(reader, tmp_path, data, range(12))

    alone = [read_anew(ReaderLimits(), tmp_path, data, [i])[0] for i in (0, 3, 11)]
    backwards = read_all(reader, tmp_path, data, range(11, -1, -1))[::-1]
    scattered = read_all(reader, tmp_path, data, [7, 2, 7, 10])

    def row(facts: PageFacts | PageError) -> PageFacts | PageError:
        return facts._replace(read_ms=0.0) if isinstance(facts, PageFacts) else facts

    assert [row(facts) for facts in alone] == [row(together[i]) for i in (0, 3, 11)]
    assert list(map(row, backwards)) == list(map(row, together))
    assert list(map(row, scattered)) == [row(together[i]) for i in (7, 2, 7, 10)]


def test_the_sample_is_the_nearest_pages_on_both_sides() -> None:
    assert neighbours_of(5, 100) == [4, 6, 3, 7]
    assert neighbours_of(0, 100) == [1, 2, 3, 4]
    assert neighbours_of(99, 100) == [98, 97, 96, 95]
    assert neighbours_of(1, 3) == [0, 2]
    assert neighbours_of(0, 1) == []


def test_a_page_that_hangs_costs_the_pages_around_it_nothing(tmp_path: Path) -> None:
    """Page 3 never ends to load; all others have one line only, which is looked for on their neighbours."""
    limits = ReaderLimits(page_seconds=0.5)

    answers = read_anew(limits, tmp_path, with_nested_forms(6, bad=3), range(6))
    (alone,) = read_anew(limits, tmp_path, with_nested_forms(6, bad=3), [4])

    assert [isinstance(facts, PageError) for facts in answers] == [i == 3 for i in range(6)]
    assert isinstance(alone, PageFacts)
    assert isinstance(answers[4], PageFacts)
    assert alone._replace(read_ms=0) == answers[4]._replace(read_ms=0)


def test_a_page_that_crashes_the_reader_costs_the_pages_around_it_nothing(tmp_path: Path) -> None:
    limits = ReaderLimits(page_seconds=30, memory_bytes=300 << 20)

    answers = read_anew(limits, tmp_path, with_nested_forms(3, bad=1), range(3))

    assert [isinstance(facts, PageError) for facts in answers] == [False, True, False]


def test_a_neighbour_that_does_not_load_leaves_the_others_to_tell(reader: ReaderProcess, tmp_path: Path) -> None:
    data = book().replace(b"/Type /Page /Parent", b"/Type /Pagx /Parent", 1)

    answers = read_all(reader, tmp_path, data, range(1, 9))

    assert [len(found(facts)) for facts in answers] == [1] * 8


def numbered(rows: Sequence[str], *, start: int = 1, step: int = 1, pitch: float = 24) -> list[Line]:
    """Lines with numbers in the margin."""
    page = [(100.0, 720.0 - pitch * i, 11.0, text) for i, text in enumerate(rows)]
    return page + [(60.0, 720.0 - pitch * i, 11.0, str(start + i)) for i in range(len(rows)) if (start + i) % step == 0]


@pytest.mark.parametrize("step", [1, 5])
def test_line_numbers_are_taken_out_and_the_lines_run_on(step: int) -> None:
    rows = [line[3][:75] for line in prose(3, rows=28)] * (2 if step == 5 else 1)

    layer = read(pdf_of_lines([numbered(rows, start=30, step=step, pitch=24 if step == 1 else 12)]))

    (numbers,) = running(layer)
    assert numbers[0] == "line_number"
    assert numbers[1].split()[:2] == ["30", str(30 + step)]
    assert not any(character.isdigit() for character in layer.text)


def test_numbers_of_list_entries_and_of_rows_stay() -> None:
    listed = read(pdf_of_lines([numbered([f"{WORDS[i]} {WORDS[i + 1]}" for i in range(20)])]))
    rows = [
        (60.0 + 120 * k, 700.0 - 20 * i, 10.0, t) for i in range(20) for k, t in enumerate((str(i + 1), "a b", "3 4"))
    ]

    assert running(listed) == []
    assert running(read(pdf_of_lines([rows]))) == []


def test_large_type_across_the_lines_is_a_watermark() -> None:
    layer = read(pdf_of_lines([[*prose(2), (90.0, 420.0, 90.0, "SPECIMEN")]]))

    assert ("watermark", "SPECIMEN") in running(layer)
    assert "SPECIMEN" not in layer.text


@pytest.mark.parametrize(
    ("place", "says"),
    [("18 Tf 0 1 -1 0 32", "arXiv:2305.03393v1 [cs.CV] 5 May 2023"), ("28 Tf 0 -1 1 0 546", "JOUR10(2008)003")],
)
def test_a_stamp_of_an_archive_or_a_journal_at_the_side_is_running_matter(place: str, says: str) -> None:
    stamp = f"BT /F1 {place} 440 Tm ({says}) Tj ET\n".encode()
    lines = b"\n".join(b"BT /F1 11 Tf %g %g Td (%s) Tj ET" % (x, y, text.encode()) for x, y, _, text in prose(4))

    layer = read(pdf_of_contents([stamp + lines]))

    assert running(layer) == [("header", says)]
    assert says not in layer.text


def lines_of(page: Sequence[Line]) -> list[Box]:
    """What OCR would see of a page: lines with boxes as shares."""
    return [
        Box(t, x / 612, 1 - (y + 0.9 * s) / 792, (x + 0.5 * s * len(t)) / 612, 1 - (y - 0.3 * s) / 792)
        for x, y, s, t in page
    ]


def test_lines_of_ocr_are_classified_by_place_and_form() -> None:
    page = [
        (72.0, 745.0, 9.0, "THE SIEGE"),
        (520.0, 745.0, 9.0, "7"),
        *prose(1),
        (260.0, 40.0, 9.0, "Digitized by Google"),
    ]

    kinds = classify_margins(lines_of(page), aspect=612 / 792)

    assert kinds == ["header", "page_number", *[None] * 40, "footer"]
    assert classify_margins([]) == []
    assert classify_margins(lines_of([(72.0, 40.0, 9.0, "Page 3")])) == [None]


numbers = st.floats(-2, 3, width=32) | st.just(float("nan"))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["7", "Page 2", "a b", "", "— —", "©"]), numbers, numbers, numbers, numbers)))
def test_whatever_boxes_say_each_line_gets_an_answer(boxes: list[tuple[str, float, float, float, float]]) -> None:
    kinds = classify_margins([Box(*box) for box in boxes])

    assert len(kinds) == len(boxes)
    assert set(kinds) <= {None, *PAGE_FURNITURE}


def test_fifty_thousand_lines_take_no_time() -> None:
    chance = np.random.default_rng(1)
    places = chance.random((50_000, 2)).tolist()
    start = time.process_time()

    classify_margins([Box("word", x, y, x + 0.01, y + 0.005) for x, y in places])

    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("12", "bare"), ("iv", "bare"), ("A-3", "bare"), ("7-45", "bare"),
        ("- 12 -", "explicit"), ("Page 3 of 9", "explicit"), ("3/9", "explicit"), ("Seite 4", "explicit"),
        ("第 2 页 共 6 页", "explicit"), ("第2⻚，共6⻚", "explicit"),
        ("第 5 页", "explicit"), ("3.", None), ("3.4", None), ("(12)", None), ("page", None), ("mix", None), ("", None),
    ],
)  # fmt: skip
def test_forms_of_page_numbers(text: str, form: str | None) -> None:
    assert page_number(text) == form


def test_texts_are_alike_where_only_their_numbers_count_the_pages() -> None:
    assert are_alike("Report 2019, page 7", "Report 2019, page 8", 1)
    assert are_alike("xiii", "xv", 2)
    assert are_alike("First Waters", "First Waters", 2)
    assert not are_alike("Chapter 3", "Chapter 5", 1)
    assert not are_alike("17", "17", 1)


@pytest.mark.parametrize("text", ["صفحة 3 من 4", "صفحه ۲ از ۹", "עמוד 7", "Σελίδα 12", "сторінка 5"])
def test_page_numbers_are_named_in_many_languages(text: str) -> None:
    assert page_number(text) == "explicit"


@pytest.mark.parametrize(("text", "is_likely"), [("١٢", True), ("२", True), ("۱۳۹۵", False), ("٠", False)])
def test_digits_of_other_scripts_number_pages_but_years_do_not(text: str, is_likely: bool) -> None:
    assert is_likely_number(text) is is_likely
