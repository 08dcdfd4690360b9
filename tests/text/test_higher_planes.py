"""Letters beyond the first 65,536 characters, as formulas have them: in the text, and none after them out of place."""

from __future__ import annotations

import pytest

from omnipipe.text.options import TextOptions
from tests.pdfs import pdf_of_objects
from tests.tablekit import PROSE, read


def page(*names: str) -> bytes:
    """A page that starts with two letters of a font, which have these names."""
    lines = [b"BT /F1 10 Tf 72 %d Td (%s) Tj ET" % (672 - 13 * i, line.encode()) for i, line in enumerate(PROSE)]
    content = b"\n".join(
        [b"BT /F1 10 Tf 72 700 Td (Of all rivers ) Tj /F2 10 Tf (ab) Tj /F1 10 Tf ( is one) Tj ET", *lines]
    )
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding "
    encoding = f"<< /Type /Encoding /Differences [97 {' '.join('/' + name for name in names)}] >>".encode()
    return pdf_of_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            font + b"/WinAnsiEncoding >>",
            font + encoding + b" >>",
        ]
    )


@pytest.mark.parametrize(
    ("names", "letters"), [(("u1D44E", "u1D44F"), "\U0001d44e\U0001d44f"), (("a", "u1F600"), "a\U0001f600")]
)
def test_letters_that_pdfium_leaves_out_are_in_the_text(names: tuple[str, str], letters: str) -> None:
    layer = read(page(*names), TextOptions(lines=True))

    assert [line[0] for line in layer.lines] == [f"Of all rivers {letters} is one", *PROSE]
