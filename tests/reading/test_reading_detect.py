"""What a file is by its content, and with which code it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnipipe.page import ProblemError
from omnipipe.reading.detect import HEAD_BYTES, detect
from tests.pdfs import pdf_of_texts


@pytest.mark.parametrize(
    ("head", "name", "code"),
    [
        (b"", "scan.pdf", "empty"),
        (b"<!DOCTYPE html><title>404</title>", "report.pdf", "unsupported"),
        (b"\xef\xbb\xbf\n <html>", "report.pdf", "unsupported"),
        (b"PK\x03\x04word/document.xml", "report.docx", "unsupported"),
        (b"%!PS-Adobe-3.0", "report.ps", "unsupported"),
        (b"Dear all,\nplease find attached", "note.txt", "unsupported"),
        (b"Dear all,\nplease find attached", "note.pdf", "unsupported"),
        (b"\xe7\x00\x12\x80" * 100, "scan.pdf", "corrupt"),
        (b"\xe7\x00\x12\x80" * 100, "data.bin", "unsupported"),
        (bytes(4096), "scan.tif", "corrupt"),
    ],
)
def test_what_is_no_document_is_refused_by_its_kind(head: bytes, name: str, code: str) -> None:
    with pytest.raises(ProblemError) as caught:
        detect(head, f"folder/{name}")

    assert caught.value.error.code == code
    assert name in caught.value.error.message


@pytest.mark.parametrize("name", ["list.csv", "LIST.TSV", "list.json"])
def test_a_table_of_paths_is_told_how_lists_are_given(name: str) -> None:
    with pytest.raises(ProblemError, match=r"is no document\. A list of documents is a \.txt") as caught:
        detect(b"path,year\na.pdf,2020\n", name)

    assert caught.value.error.code == "unsupported"


@pytest.mark.parametrize("num_junk", [0, 1, 1023, 5000])
def test_a_pdf_is_found_behind_leading_junk(num_junk: int) -> None:
    content = b"x" * num_junk + pdf_of_texts(["words"])

    assert detect(content[:HEAD_BYTES], "scan.png") == ("pdf", num_junk)


@given(st.binary(max_size=200), st.sampled_from(["a.pdf", "a.png", "a", "a.txt"]))
def test_any_bytes_get_a_format_or_a_stable_code(head: bytes, name: str) -> None:
    try:
        found = detect(head, name).format
    except ProblemError as problem:
        found = problem.error.code

    assert found in {"pdf", "png", "jpeg", "tiff", "webp", "bmp", "gif", "jp2", "empty", "corrupt", "unsupported"}
