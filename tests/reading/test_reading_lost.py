"""Pages that draw nothing: blank where that is what the file says, an error where it has lost what it drew."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.page import PageError
from omnipipe.reading.facts import PageFacts, ReadOptions
from omnipipe.reading.process import ReaderProcess
from tests.pdfs import pdf_of_contents, pdf_of_objects, text_content

TEXT = text_content(
    [(72, 700 - 16 * line, 11, "Every page of this document is as long as the others.") for line in range(9)]
)
DRAW_IMAGE = b"q %d 0 0 %d 100 100 cm /I Do Q"
JUNK = bytes(range(37, 200)) * 20


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess() as process:
        yield process


def read(
    reader: ReaderProcess, path: Path, content: bytes, indices: tuple[int, ...] = (0,)
) -> list[PageFacts | PageError]:
    path.write_bytes(content)
    return list(reader.read_pages(str(path), indices, ReadOptions()))


def stream(dictionary: bytes, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (dictionary, len(content), content)


def pdf_with(content: bytes, image: bytes = b"null", contents_form: bytes = b"") -> bytes:
    """A page with text, and one with `content` and the image /I."""
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
        b" /Resources << /Font << /F1 7 0 R >> /XObject << /I 8 0 R >> >> >>"
    )
    return pdf_of_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 2 /Kids [3 0 R 5 0 R] >>",
            page % 4,
            stream(b"", TEXT),
            page % 6,
            stream(contents_form, content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            image,
        ]
    )


def image(form: bytes, content: bytes) -> bytes:
    kind = b"/Type /XObject /Subtype /Image /Width 40 /Height 50 /BitsPerComponent 8 /ColorSpace /DeviceGray "
    return stream(kind + form, content)


WHITE = zlib.compress(b"\xff" * 2000)


@pytest.mark.parametrize(
    ("content", "contents_form", "drawn", "why"),
    [
        (
            DRAW_IMAGE % (612, 700),
            b"",
            image(b"/Filter /DCTDecode", JUNK),
            "nothing: the image over it cannot be decoded",
        ),
        (DRAW_IMAGE % (90, 90), b"", image(b"/Filter /JPXDecode", JUNK), "nothing: an image cannot be decoded"),
        (
            b"10 10 30 30 re f " + DRAW_IMAGE % (612, 700),
            b"",
            image(b"/Filter /DCTDecode", JUNK),
            "next to nothing: the image over it cannot be decoded",
        ),
        (JUNK, b"/Filter /FlateDecode", b"null", "nothing: its content stream is damaged"),
    ],
    ids=["scan", "small image", "scan with a stamp", "contents"],
)
def test_a_page_whose_content_cannot_be_decoded_is_no_blank_page(
    reader: ReaderProcess, tmp_path: Path, content: bytes, contents_form: bytes, drawn: bytes, why: str
) -> None:
    first, second = read(reader, tmp_path / "a.pdf", pdf_with(content, drawn, contents_form), (0, 1))

    assert isinstance(first, PageFacts)
    assert not first.needs_ocr
    assert isinstance(second, PageError)
    assert (second.code, second.message) == ("corrupt", f"a.pdf page 2 draws {why}.")


@pytest.mark.parametrize(
    ("content", "contents_form", "drawn"),
    [
        (b"", b"", b"null"),
        (b"q Q", b"", b"null"),
        (zlib.compress(b"q Q"), b"/Filter /FlateDecode", b"null"),
        (DRAW_IMAGE % (612, 700), b"", image(b"/Filter /FlateDecode", WHITE)),
    ],
    ids=["no contents", "contents that draw nothing", "deflated", "white scan"],
)
def test_a_blank_page_of_a_whole_file_stays_blank(
    reader: ReaderProcess, tmp_path: Path, content: bytes, contents_form: bytes, drawn: bytes
) -> None:
    _, page = read(reader, tmp_path / "a.pdf", pdf_with(content, drawn, contents_form), (0, 1))

    assert isinstance(page, PageFacts)
    assert page.is_blank


@pytest.mark.parametrize(
    ("find", "replacement", "why"),
    [
        (b"startxref", b"startx", "the file is cut off"),
        (b"%%EOF", b"%", "the file is cut off"),
        (b"startxref\n", b"startxref\n1", "the file's cross-references are damaged"),
        (b"startxref\n", b"startxref\n" + b"9" * 40, "the file's cross-references are damaged"),
    ],
)
def test_in_a_damaged_file_no_page_counts_as_blank(
    reader: ReaderProcess, tmp_path: Path, find: bytes, replacement: bytes, why: str
) -> None:
    damaged = pdf_of_contents([TEXT, b""]).replace(find, replacement)
    text, blank = read(reader, tmp_path / "a.pdf", damaged, (0, 1))

    assert reader.inspect(str(tmp_path / "a.pdf")).metadata["damage"] == why
    assert isinstance(text, PageFacts)
    assert not text.is_blank
    assert isinstance(blank, PageError)
    assert blank.message == f"a.pdf page 2 draws nothing: {why}, so what it drew may be lost."


@pytest.mark.parametrize("junk", [60, 3000])
def test_cross_references_may_be_counted_from_a_header_further_in(
    reader: ReaderProcess, tmp_path: Path, junk: int
) -> None:
    (blank,) = read(reader, tmp_path / "a.pdf", b"\r\n" * (junk // 2) + pdf_of_contents([b""]))

    assert reader.inspect(str(tmp_path / "a.pdf")).metadata == {}
    assert isinstance(blank, PageFacts)
    assert blank.is_blank


def pdf_of_nested_forms(depth: int, innermost: bytes) -> bytes:
    """A page that draws a form, which draws a form, and so on; the innermost one has the content `innermost`."""
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << %s >>"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << %s >> >>"
    return pdf_of_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            page % b"/XObject << /F 6 0 R >>",
            stream(b"", b"/F Do"),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            *(stream(form % b"/XObject << /F %d 0 R >>" % (7 + at), b"/F Do") for at in range(depth - 1)),
            stream(form % b"/Font << /F1 5 0 R >>", innermost),
        ]
    )


def test_forms_deeper_than_pdfium_follows_are_no_blank_page(reader: ReaderProcess, tmp_path: Path) -> None:
    """Before, the page was blank and its words were lost in silence."""
    (deep,) = read(reader, tmp_path / "a.pdf", pdf_of_nested_forms(60, TEXT))

    assert isinstance(deep, PageError)
    assert deep.code == "unsupported"
    assert "more than 40 deep" in deep.message


@pytest.mark.parametrize(("depth", "innermost"), [(30, TEXT), (30, b""), (2, b"")])
def test_forms_as_deep_as_pdfium_follows_are_read(
    reader: ReaderProcess, tmp_path: Path, depth: int, innermost: bytes
) -> None:
    (page,) = read(reader, tmp_path / "a.pdf", pdf_of_nested_forms(depth, innermost))

    assert isinstance(page, PageFacts)
    assert page.is_blank is not bool(innermost)
