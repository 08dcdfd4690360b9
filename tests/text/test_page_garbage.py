"""Pages that were read leave nothing behind that only the garbage collector frees: a reader runs it rarely."""

from __future__ import annotations

import gc

import pypdfium2

from omnipipe.text.layer import read_text_layer
from omnipipe.text.options import TextOptions
from tests.pdfs import pdf_of_texts

NUM_PAGES = 40


def test_pages_leave_no_cycles_behind() -> None:
    document = pypdfium2.PdfDocument(
        pdf_of_texts([f"Page {page} has a few words.\nTwo lines." for page in range(NUM_PAGES)])
    )

    def read() -> None:
        for index in range(NUM_PAGES):
            page = document[index]
            read_text_layer(page, TextOptions())
            page.close()

    read()
    gc.collect()
    gc.disable()
    try:
        read()
        freed = gc.collect()
    finally:
        gc.enable()
        document.close()

    assert freed < NUM_PAGES
