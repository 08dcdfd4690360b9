"""Words that are written in two directions: Hebrew with a Latin name joined to it."""

from __future__ import annotations

import pytest

from omnipipe.page import Block
from omnipipe.text.layer import TextLayer
from tests.pdfs import pdf_of_objects
from tests.tablekit import read

_HEBREW = "אבגדהוזחטיכלמנסעפצקר"


def page(joined: str) -> TextLayer:
    """A line of Hebrew that ends, on its left, in a letter with `joined` to it; as drawn, from left to right."""
    letters = "ABCDEFGHIJKLMNOPQRST"
    names = b"".join(b"<%02X> <%04X>" % pair for pair in zip(letters.encode(), map(ord, _HEBREW), strict=True))
    cmap = b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 20 beginbfchar %s endbfchar endcmap" % names
    drawn = f"BT /F1 12 Tf 100 700 Td ({joined}) Tj /F2 12 Tf (F EJAB DGHI KLMN OPQR) Tj ET".encode()
    return read(
        pdf_of_objects(
            [
                b"<< /Type /Catalog /Pages 2 0 R >>",
                b"<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
                b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R"
                b" /Resources << /Font << /F1 3 0 R /F2 6 0 R >> >> >>",
                b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
                b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 7 0 R >>",
                b"<< /Length %d >>\nstream\n%s\nendstream" % (len(cmap), cmap),
            ]
        )
    )


@pytest.mark.parametrize("joined", ["Python", "2024"])
def test_the_box_of_a_word_in_two_directions_holds_all_of_it(joined: str) -> None:
    layer = page(joined)

    (block,) = map(Block._make, layer.blocks)
    assert block.bbox is not None
    assert layer.text.endswith(f"ו{joined}")
    assert block.bbox[0] * 612 == pytest.approx(100, abs=1)
