"""Addresses and what stands beside them, written by the file row by row: each block is read whole."""

from __future__ import annotations

import pytest

from tests.pdfs import Line
from tests.text.tables.test_entries import PROSE, below, read

SENDER = ["Muster & Sohn GmbH", "Hauptstrasse 12", "80331 Munich", "Germany"]
BUYER = ["Bill to", "Acme Trading Ltd.", "27 Harbour Road", "Bristol BS1 5TY", "United Kingdom"]
STORE = ["Ship to", "Acme Warehouse", "215 Vine St", "Scranton PA 18503"]
PHONES = ["Phone +49 89 12345", "Fax +49 89 12346", "info@muster.example"]
BANK = ["Stadtbank Munich", "IBAN DE12 3456 7890 1234", "BIC STADEMMX"]
NUMBERS = ["Invoice no.: 2024-0117", "Date: 12.03.2024", "Customer: K-40021"]


def by_rows(*blocks: list[str]) -> list[Line]:
    """Blocks side by side, from the left, in the order in which a program writes the rows of a table."""
    placed = [line for i, block in enumerate(blocks) for line in below(block, 72 + 160 * i, 700)]
    return sorted(placed, key=lambda line: (-line[1], line[0]))


@pytest.mark.parametrize(
    "blocks",
    [
        [SENDER, BUYER],
        [BUYER, STORE],
        [SENDER, BUYER, STORE],
        [SENDER, PHONES, BANK],
        [BUYER, NUMBERS],
        [BUYER, NUMBERS[:2]],
    ],
)
def test_an_address_and_its_neighbours_are_read_one_after_the_other(blocks: list[list[str]]) -> None:
    text = read([*by_rows(*blocks), (72, 615, 16, "Invoice"), *below(PROSE, 72, 560)])

    places = [text.index("\n".join(block)) for block in blocks]
    assert places == sorted(places)
    assert places[-1] < text.index("# Invoice")


def test_an_address_beside_labels_and_their_values_is_no_table() -> None:
    labels, values = ["Invoice no.", "Date", "Due date"], ["2024-0117", "12.03.2024", "11.04.2024"]

    text = read([*by_rows(SENDER, labels, values), *below(PROSE, 72, 560)])

    assert "\n".join(SENDER) in text
    assert "Invoice no. 2024-0117\nDate 12.03.2024\nDue date 11.04.2024" in text
    assert "|" not in text


def test_labels_and_their_values_stay_together_though_one_is_a_town() -> None:
    rows = ["Name", "Street", "Town"], ["Jane Miller", "Harbour Road 27", "80331 Munich"]

    text = read([*by_rows(*rows), *below(PROSE, 72, 560)])

    assert "Name Jane Miller\nStreet Harbour Road 27\nTown 80331 Munich" in text


def test_an_address_in_larger_letters_is_no_heading() -> None:
    lines = [(x, y, 14.0, text) for x, y, _, text in below(SENDER[:3], 72, 700)]

    text = read([*lines, *below(PROSE, 72, 600)])

    assert "\n".join(SENDER[:3]) in text
    assert "#" not in text


@pytest.mark.parametrize(
    "line",
    [
        "Northwind Tools Ltd, phone +44 131 555 0100",
        "Tel. 03112/36484",
        "IBAN GB12 LEIT 1234 5678 90",
        "BIC COBADEFFXXX",
        "sales@northwind.example",
    ],
)
def test_where_somebody_is_reached_is_no_heading_in_larger_letters(line: str) -> None:
    text = read([*below(PROSE, 72, 700), (72, 560, 16, "Invoice"), *below(PROSE, 72, 530), (72, 60, 14, line)])

    assert "# Invoice" in text
    assert f"# {line}" not in text
    assert line in text


def test_short_blocks_at_the_foot_are_read_one_after_the_other() -> None:
    blocks = [
        ["Muster GmbH", "Hauptstr. 5", "10115 Berlin"],
        ["Tel. 030 1234567", "info@muster.example", "www.muster.example"],
        ["Head: M. Muster", "HRB 12345 Berlin", "VAT DE123456789"],
        ["Musterbank", "DE12 3456 7890 1234 56", "BIC MUSTDEBB"],
    ]
    foot = [line for i, block in enumerate(blocks) for line in below(block, 50 + 130 * i, 120)]

    text = read([*below(PROSE, 72, 700), *foot])

    assert all("\n".join(block) in text for block in blocks)
