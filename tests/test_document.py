"""`Document`: one file's pages as pictures and text, without a pipeline."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from omnipipe.document import Document
from omnipipe.page import ProblemError
from tests.pdfs import image_of_lines, pdf_of_texts

PDF = pdf_of_texts(["the first page", "the second page", "the third page"])


def test_a_pdf_gives_its_pages_as_pictures_and_text(tmp_path: Path) -> None:
    path = tmp_path / "three.pdf"
    path.write_bytes(PDF)

    with Document.from_pdf(path) as document:
        sizes = [page.size for page in document.iter_pages()]
        text = document.get_page_text(1)
        mode = document.get_page(2).mode

    assert sizes == [(1275, 1650)] * 3
    assert text.strip() == "the second page"
    assert mode == "RGB"


def test_bytes_need_no_file_and_leave_none_behind() -> None:
    before = set(Path(tempfile.gettempdir()).glob("omnipipe-*"))

    with Document.from_bytes(PDF) as document:
        count = document.page_count

    assert count == 3
    assert set(Path(tempfile.gettempdir()).glob("omnipipe-*")) <= before


def test_an_image_is_a_document_of_one_page_without_text() -> None:
    with Document.from_image(image_of_lines(["hello"], size=(400, 300))) as document:
        found = (document.page_count, document.get_page(0).size, document.get_page_text(0))

    assert found == (1, (400, 300), "")


def test_a_page_that_is_not_there_is_an_index_error() -> None:
    with Document.from_bytes(PDF) as document, pytest.raises(IndexError, match="no page 3"):
        document.get_page(3)


def test_a_broken_file_says_what_it_is_when_it_is_used() -> None:
    with Document.from_bytes(b"<html>no</html>") as document, pytest.raises(ProblemError) as caught:
        document.get_page(0)

    assert caught.value.error.code == "unsupported"
