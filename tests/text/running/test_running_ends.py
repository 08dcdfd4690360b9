"""Filings, printed pages of the web and data sheets: texts that end high on the page in its number, heads that begin as
captions or name a part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.reading.process import ReaderLimits, ReaderProcess
from tests.pdfs import Line, pdf_of_lines
from tests.text.running.test_running_heads import WORDS, found, prose, read, read_all, running

ROWS = (30, 12, 22, 35, 17, 26, 14)
"""How many lines stand on each page, in turn."""


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess(ReaderLimits(page_seconds=10)) as reader:
        yield reader


def ended(i: int, rows: int, left: float = 290) -> list[Line]:
    """A page of some lines and its number two lines below the last of them."""
    body = prose(i, rows=rows)
    return [*body, (left, body[-1][1] - 28, 11.0, str(i + 12))]


@pytest.mark.parametrize("left", [72.0, 290.0])
def test_the_number_that_ends_a_text_high_on_the_page_is_that_of_the_page(
    reader: ReaderProcess, tmp_path: Path, left: float
) -> None:
    data = pdf_of_lines([ended(i, rows, left) for i, rows in enumerate(ROWS)])

    pages = read_all(reader, tmp_path, data, range(len(ROWS)))

    assert [found(page) for page in pages] == [[("page_number", str(i + 12))] for i in range(len(ROWS))]


def test_numbers_that_end_texts_and_do_not_count_the_pages_stay(reader: ReaderProcess, tmp_path: Path) -> None:
    sums = (31, 12, 77, 40, 5, 19, 66)
    pages = [[*ended(i, rows)[:-1], (*ended(i, rows)[-1][:3], str(sums[i]))] for i, rows in enumerate(ROWS)]

    answers = read_all(reader, tmp_path, pdf_of_lines(pages), range(len(ROWS)))

    assert [found(page) for page in answers] == [[]] * len(ROWS)
    assert running(read(pdf_of_lines([ended(3, 20)]))) == []


def test_a_number_above_the_stamp_of_an_archive_is_taken_out_with_it(reader: ReaderProcess, tmp_path: Path) -> None:
    stamp = (72.0, 40.0, 8.0, "Source: RIVER TOYS INC., 8-K, 3/6/2017")
    data = pdf_of_lines([[*ended(i, rows), stamp] for i, rows in enumerate(ROWS)])

    pages = read_all(reader, tmp_path, data, range(len(ROWS)))

    assert {frozenset(found(page)) for page in pages[2:4]} == {
        frozenset({("page_number", str(i + 12)), ("footer", stamp[3])}) for i in (2, 3)
    }


def test_a_head_may_begin_as_captions_do(reader: ReaderProcess, tmp_path: Path) -> None:
    head = (72.0, 760.0, 10.0, "Table of Contents")
    data = pdf_of_lines([[head, *prose(i)] for i in range(5)])

    pages = read_all(reader, tmp_path, data, range(5))

    assert [found(page) for page in pages] == [[("header", "Table of Contents")]] * 5


def test_captions_with_numbers_that_go_on_over_pages_stay(reader: ReaderProcess, tmp_path: Path) -> None:
    data = pdf_of_lines([[(72.0, 760.0, 10.0, "Table 4. Rivers (continued)"), *prose(i)] for i in range(5)])

    pages = read_all(reader, tmp_path, data, range(5))

    assert [found(page) for page in pages] == [[]] * 5


def test_the_name_of_a_part_is_a_head_where_pages_share_it(reader: ReaderProcess, tmp_path: Path) -> None:
    pages = [[(72.0, 750.0, 14.0, "LM96163"), *prose(seed, top=690)] for seed in range(5)]

    answers = read_all(reader, tmp_path, pdf_of_lines(pages), range(5))

    assert [[text for _, text in found(facts)] for facts in answers] == [["LM96163"]] * 5


def test_the_head_of_a_table_that_goes_on_is_no_running_head(reader: ReaderProcess, tmp_path: Path) -> None:
    head: list[Line] = [(72, 722, 11, "Address"), (172, 722, 11, "Bits"), (272, 722, 11, "Name"), (372, 722, 11, "Use")]
    head += [(72, 709, 11, "Hex"), (172, 709, 11, "All")]
    rows = [
        [(x, 690 - 14 * r, 11.0, f"{word}{r}") for x, word in zip((72, 172, 272, 372), "abcd", strict=True)]
        for r in range(30)
    ]
    pages = [[*head, *(cell for row in rows for cell in row)] for _ in range(5)]
    pages = [[*page, (72, 120, 11, f"The {WORDS[i]} is read first.")] for i, page in enumerate(pages)]

    answers = read_all(reader, tmp_path, pdf_of_lines(pages), range(5))

    assert [found(facts) for facts in answers] == [[]] * 5


@pytest.mark.parametrize(
    "texts",
    [
        ("A6", "THE RIVER GAZETTE, MONDAY", "Local News"),
        ("Sports", "The River Gazette", "C14"),
        ("2", "c. 41", "Act 1921"),
    ],
)
def test_a_section_and_its_page_are_the_page_number_of_a_newspaper_and_chapters_stand_beside_that_of_a_law(
    texts: tuple[str, str, str],
) -> None:
    head: list[Line] = [(x, 726.0, 10.0, text) for x, text in zip((72.0, 220.0, 480.0), texts, strict=True)]

    layer = read(pdf_of_lines([[*prose(1), *head]]))

    assert not any(text in layer.text for text in texts[:2] if len(text) > 2)
    assert len(running(layer)) in (1, 2)


def test_the_first_row_of_a_table_on_a_page_that_starts_with_a_code_stays() -> None:
    columns = (72.0, 220.0, 430.0)
    rows = [(f"A{k}", f"Pump of type {k}", f"{k}40 litres") for k in range(6, 12)]
    table: list[Line] = [
        (x, 738.0 - 16 * k, 10.0, text) for k, row in enumerate(rows) for x, text in zip(columns, row, strict=True)
    ]

    layer = read(pdf_of_lines([[*prose(1, top=600, rows=30), *table]]))

    assert "Pump of type 6" in layer.text
    assert not running(layer)
