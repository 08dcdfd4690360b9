"""Documents of every kind that a server meets, small and drawn for a test."""

from __future__ import annotations

from pathlib import Path

from tests.pdfs import image_of_lines, locked_pdf, pdf_of_contents, pdf_of_texts

SAMPLES = Path(__file__).resolve().parent.parent.parent / "docs" / "samples"


def text_pdf(num_pages: int, *, lines: int = 12, word: str = "page") -> bytes:
    """A PDF with a good text layer; each page says its number."""
    return pdf_of_texts(
        [
            "\n".join(f"The words of line {line} on {word} {number} make a sentence." for line in range(lines))
            for number in range(1, num_pages + 1)
        ]
    )


def blank_pdf() -> bytes:
    """One page without ink."""
    return pdf_of_contents([b""])


def scan_png() -> bytes:
    """A page image that needs OCR."""
    return image_of_lines(["Invoice number 4711", "Total due 128 euro"])


def encrypted_pdf(password: str) -> bytes:
    """A PDF of one page that opens with `password` only."""
    return locked_pdf(["The words behind the password make a sentence."], password)
