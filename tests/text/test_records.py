"""Characters read from where PDFium keeps them: as it answers for each, and not where it keeps them otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pypdfium2
import pytest

from omnipipe.text.pdfium.records import Chars, Layout
from tests.pdfs import pdf_of_contents

_CONTENT = b"""BT /F1 11 Tf 72 700 Td (The first of a few lines of text) Tj 0 -20 Td (and another one) Tj ET
BT /F1 9 Tf 0 1 -1 0 300 200 Tm (turned upwards) Tj ET BT /F1 1 Tf 14 0 3 14 72 500 Tm (slanted and large) Tj ET"""


@pytest.fixture
def textpage() -> Iterator[pypdfium2.PdfTextPage]:
    document = pypdfium2.PdfDocument(pdf_of_contents([_CONTENT]))
    page = document[0]
    opened = page.get_textpage()
    yield opened
    opened.close()
    page.close()
    document.close()


def test_characters_are_read_as_pdfium_answers_for_each(textpage: pypdfium2.PdfTextPage) -> None:
    read, asked = Chars(textpage), Chars(textpage, may_read=False)
    every = np.arange(read.count)

    if not read.is_read:
        pytest.skip("this build of PDFium keeps characters otherwise: each is asked for with calls")
    assert not asked.is_read
    assert np.array_equal(read.boxes(every), asked.boxes(every))
    assert np.array_equal(read.matrices(every), asked.matrices(every))
    assert np.array_equal(read.objects(every), asked.objects(every))
    assert len(np.unique(read.objects(every))) == 5  # Line ends are of no object.


def test_characters_that_pdfium_keeps_otherwise_are_not_read(textpage: pypdfium2.PdfTextPage) -> None:
    chars, layout = Chars(textpage), Layout()
    other = np.zeros((chars.count, 88), np.uint8)

    assert not layout.holds_for(chars.handle, other)
    assert not layout.holds_for(chars.handle, other)


def test_a_place_that_is_not_in_the_list_is_asked_for(textpage: pypdfium2.PdfTextPage) -> None:
    chars = Chars(textpage)

    places = chars.places(np.array([0, 100_000]))

    assert places.tolist() == [0, -1]
    assert not chars.is_read
    assert chars.boxes(places)[1].tolist() == [0, 0, 0, 0]
