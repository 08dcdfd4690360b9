"""A vision-language model of 1.75 MB that really reads a small alphabet, and documents that it can read.

Architecture Qwen3-VL, 0.86 million parameters, fp16. It reads pages of exactly 256 points' width with one to four
lines of up to 14 characters of `ALPHABET`, drawn at 72 dpi; any prompt. A wrong template, wrong positions, missing
features or mixed-up requests all show as wrong characters. `training/make_reader.py` makes it anew in half an hour.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from tests.pdfs import pdf_of_objects

CHECKPOINT = Path(__file__).parent / "checkpoint"

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:-#*|/()!?"

WIDTH = 256
"""Points of a page's width, and pixels at 72 dpi."""

_CELL_WIDTH, _CELL_HEIGHT = 16, 32


def random_page(rng: random.Random, *, num_lines: int | None = None) -> str:
    """One to four lines that the reader knows: the text of a page, newline between lines."""
    return "\n".join(_line(rng) for _ in range(num_lines or rng.randint(1, 4)))


def random_pages(num_pages: int, seed: int) -> list[str]:
    """Texts of `num_pages` pages."""
    rng = random.Random(seed)
    return [random_page(rng) for _ in range(num_pages)]


def pdf_of_pages(texts: Sequence[str]) -> bytes:
    """A PDF with one page for each text, as the reader likes them, and a right text layer."""
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(texts), b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(len(texts)))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier-Bold /Encoding /WinAnsiEncoding >>",
    ]
    for i, text in enumerate(texts):
        height = _height(text)
        content = _content(text, height)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents %d 0 R >>" % (WIDTH, height, 5 + 2 * i)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return pdf_of_objects(objects)


def png_of_page(text: str) -> bytes:
    """The picture of one page, 256 pixels wide, as a PNG file."""
    import io

    import pypdfium2 as pdfium

    document = pdfium.PdfDocument(pdf_of_pages([text]))
    out = io.BytesIO()
    document[0].render(scale=1).to_pil().convert("RGB").save(out, "PNG")
    document.close()
    return out.getvalue()


def _line(rng: random.Random) -> str:
    length = rng.randint(3, 14)
    while True:
        line = "".join(rng.choice(ALPHABET) for _ in range(length))
        if line == line.strip() and "  " not in line:
            return line


def _height(text: str) -> int:
    lines = text.count("\n") + 1
    return max(64, _CELL_HEIGHT * (lines + 1))


def _content(text: str, height: int) -> bytes:
    out = []
    for row, line in enumerate(text.split("\n")):
        escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode("latin-1")
        baseline = height - (3 + row * _CELL_HEIGHT + _CELL_HEIGHT - 10)
        out.append(b"BT /F1 %.4f Tf 1 0 0 1 3 %d Tm (%s) Tj ET" % (_CELL_WIDTH / 0.6, baseline, escaped))
    return b"\n".join(out)
