"""Short lines that are texts of their own: addresses, labels, entries of lists and indexes."""

from __future__ import annotations

from collections.abc import Sequence

import pypdfium2
import pytest

from omnipipe.text.layer import read_text_layer
from omnipipe.text.options import TextOptions
from tests.pdfs import Line, pdf_of_lines

PROSE = [
    "The committee met in the spring to consider the proposals that had been made by the",
    "members of the council, and it found that most of them could be adopted without further",
    "change to the statutes of the society, which have been in force for many years now.",
]


def below(texts: Sequence[str], x: float, y: float) -> list[Line]:
    """Lines of 10 points one below the other."""
    return [(x, y - 12 * i, 10, text) for i, text in enumerate(texts)]


def read(texts: Sequence[Line]) -> str:
    """The markdown of a page of such lines."""
    document = pypdfium2.PdfDocument(pdf_of_lines([texts]))
    try:
        return read_text_layer(document[0], TextOptions()).text
    finally:
        document.close()


@pytest.mark.parametrize(
    "entries",
    [
        ["Acme Trading Ltd.", "Ms Jane Miller", "27 Harbour Road", "Bristol BS1 5TY"],
        ["Your ref.: AB/12", "Our ref.: JM-33", "Phone: +49 89 12345", "jane@acme.example"],
        ["Employee: Jane Miller", "Staff no.: 4711"],
    ],
)
def test_the_lines_of_an_address_stay_lines(entries: list[str]) -> None:
    other = ["Muster & Sohn GmbH", "Hauptstrasse 12", "80331 Munich"]

    text = read([*below(other, 72, 703), *below(entries, 360, 700), *below(PROSE, 72, 560)])

    assert "\n".join(entries) in text
    assert "\n".join(other) in text
    assert " ".join(PROSE) in text


@pytest.mark.parametrize(
    "sentence",
    [
        ["The Department of", "Mechanics and the", "Faculty of Arts"],
        ["Most of the river runs", "through the woods and", "out to the sea, where"],
        ["The Boeing Company", "The Airbus Company.", "The Saab Company"],
    ],
)
def test_running_text_in_a_narrow_column_stays_one(sentence: list[str]) -> None:
    """It goes on in small letters, after a small word, or ends where the column does."""
    text = read([*below(sentence, 360, 700), *below(PROSE, 72, 560)])

    assert " ".join(sentence) in text


def test_entries_whose_dots_lead_to_amounts_stay_lines() -> None:
    entries = [("Rent", "950.00"), ("Water", "41.15 EUR"), ("Index of names", "12, 17, 20"), ("Power", "$82.30")]
    rows = [f"{name} {'.' * (60 - len(name) - len(amount))} {amount}" for name, amount in entries]

    text = read(below(rows, 72, 700))

    assert text.split("\n") == rows


def test_an_entry_of_an_index_goes_on_after_a_comma() -> None:
    rows = ["afterheading . . . . . . . . . . 280,", "424, 977, 1194, 1451, 1589, 2142", "begin . . . . . . . . 11, 37"]

    text = read(below(rows, 72, 700))

    assert text == f"{rows[0]} {rows[1]}\n{rows[2]}"


def test_entries_of_an_index_stay_lines_though_they_fill_a_column() -> None:
    """They start in small letters, as terms do; one without a number that fills the line goes on."""
    first = ["suppress output, 7", "syntax error, 26, 31", "terminal velocity, 118, 146", "time dependence, 93"]
    second = ["time series, 124", "top-level function, 87, 90", "universal quantification", "of statements, 83"]
    third = ["undefined operation, 19", "vector arithmetic, 38", "workspace, 3, 7, 18"]

    text = read(below([*first, *second, *third], 72, 700))

    assert text.split("\n") == [*first, *second[:2], " ".join(second[2:]), *third]


@pytest.mark.parametrize("right_first", [False, True])
def test_an_address_and_the_numbers_beside_it_are_no_table(right_first: bool) -> None:
    """The file writes the address as a block, and each number after its label."""
    sender = ["Muster & Sohn GmbH", "Hauptstrasse 12", "80331 Munich", "Germany"]
    numbers = [("Invoice", "2024-0117"), ("Date", "12 March 2024"), ("Customer no.", "40021"), ("Due", "11 April 2024")]
    left = below(sender, 72, 700)
    right = [
        (x, 700 - 12.0 * i, 10.0, text)
        for i, pair in enumerate(numbers)
        for x, text in zip((360.0, 450.0), pair, strict=True)
    ]

    text = read([*(right + left if right_first else left + right), *below(PROSE, 72, 560)])

    assert text.split("\n\n")[:2] == ["\n".join(sender), "\n".join(map(" ".join, numbers))]


def test_a_paragraph_is_no_end_of_an_address() -> None:
    """What is as long as a paragraph, but stands in lines, does not break off."""
    sender = ["Muster & Sohn GmbH", "Hauptstrasse 12", "80331 Munich", "Germany"]
    numbers = [
        "Our reference JM-33/2024",
        "Your reference AB-12/2023",
        "Telephone +49 89 12345",
        "Monday 12 March 2024",
    ]
    numbers.insert(0, "Customer number 2024-40021")

    text = read([*below(sender, 72, 700), *below(numbers, 360, 700), *below(PROSE, 72, 560)])

    assert text.split("\n\n") == ["\n".join(sender), "\n".join(numbers), " ".join(PROSE)]


def test_a_range_of_pages_that_a_line_breaks_stays_one() -> None:
    lines = ["garden of the chapel in the old town, 120, 220\x96", "248; of the market hall and of the harbour, 12, 14"]

    assert "220–248; of the market" in read(below(lines, 80, 700))
