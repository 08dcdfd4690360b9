"""Heads over tables that go on over pages: what is the table's, and what runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.reading.facts import PageFacts
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from tests.pdfs import Line, pdf_of_contents, pdf_of_lines, text_content
from tests.text.running.test_running_heads import prose, read, read_all, running

_AT = (72.0, 180.0, 300.0, 400.0, 480.0)


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess(ReaderLimits(page_seconds=10)) as reader:
        yield reader


def row(y: float, texts: list[str]) -> list[Line]:
    return [(x, y, 11.0, text) for x, text in zip(_AT, texts, strict=False)]


def texts_of(reader: ReaderProcess, folder: Path, pages: list[list[Line]]) -> list[str]:
    found = read_all(reader, folder, pdf_of_lines(pages), range(len(pages)))
    return [facts.layer.text if isinstance(facts, PageFacts) and facts.layer else "" for facts in found]


def test_column_names_that_each_page_of_a_table_has_stay(reader: ReaderProcess, tmp_path: Path) -> None:
    names = ["Code", "Kind", "Firm", "Stock", "Price"]
    pages = []
    for page in range(4):
        rows = [
            [f"K{page}{i:02}", f"long bolts {page}{i}", "Ames and Sons", f"{7 * i + page}", f"{i}.50"]
            for i in range(30)
        ]
        lines = [line for i, cells in enumerate([names, *rows]) for line in row(700 - 18 * i, cells)]
        pages.append([(270.0, 740.0, 11.0, "Stock of the house"), *lines])

    texts = texts_of(reader, tmp_path, pages)

    assert all("| Code | Kind | Firm | Stock | Price |" in text for text in texts)
    assert not any("Stock of the house" in text for text in texts)


def test_a_head_in_three_parts_over_the_last_row_of_a_table_is_no_part_of_it(
    reader: ReaderProcess, tmp_path: Path
) -> None:
    head: list[Line] = [
        (72.0, 750.0, 11.0, "Harbour Trust"),
        (290.0, 750.0, 11.0, "Internal"),
        (480.0, 750.0, 11.0, "Draft"),
    ]
    pages = [[*head, *prose(page, top=714)] for page in range(3)]
    pages.append([*head, *row(714, ["Farnley quay", "12", "92", "34", "7"]), *prose(3, top=698)])

    texts = texts_of(reader, tmp_path, pages)

    assert not any("Harbour Trust" in text for text in texts)
    assert "Farnley quay" in texts[3]


def test_a_ruled_head_may_stand_as_far_in_as_the_page_number_below() -> None:
    lines: list[Line] = [(72.0, 664.0, 11.0, "Keepers of the Light"), (300.0, 130.0, 11.0, "2")]
    body = [line for line in prose(1, top=634) if line[1] > 160]
    for rule, number in ((True, True), (True, False), (False, True)):
        drawn = b"72 658 470 0.5 re f" if rule else b""
        layer = read(pdf_of_contents([text_content([*(lines if number else lines[:1]), *body]) + b"\n" + drawn]))

        assert ("Keepers of the Light" in dict(running(layer)).values()) == (rule and number)


def test_the_first_row_of_a_ruled_table_below_a_head_is_no_head() -> None:
    names: list[Line] = [
        (x, 744.0, 11.0, text) for x, text in ((76.0, "Option"), (126.0, "Default"), (172.0, "Meaning"))
    ]
    rows: list[Line] = []
    for i in range(7):
        y = 712.0 - 36 * i
        rows += [
            (172.0, y + 7, 11.0, f"what it is that the {i}th of all of them is"),
            (76.0, y, 11.0, f"port{i}"),
        ]
        rows += [(126.0, y, 11.0, f"{i}80"), (172.0, y - 7, 11.0, "us in the end")]
    head: list[Line] = [(40.0, 772.0, 8.0, "1/2/26, 1:12 PM"), (300.0, 772.0, 8.0, "Manual")]
    across = b" ".join(b"72 %d 470 0.7 re f" % y for y in (760, *range(736, 480, -36)))
    down = b" ".join(b"%d 484 0.7 276 re f" % x for x in (72, 122, 168, 542))
    body = [line for line in prose(1, top=460) if line[1] > 90]

    layer = read(pdf_of_contents([text_content([*head, *names, *rows, *body]) + b"\n" + across + b" " + down]))

    assert "| Option | Default | Meaning |" in layer.text
    assert not any("Option" in text for _, text in running(layer))
