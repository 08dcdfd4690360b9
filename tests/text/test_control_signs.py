"""Signs that fonts map to control characters: Python takes some for white space, PDFium does not."""

from __future__ import annotations

import pytest

from tests.pdfs import Line, pdf_of_contents, text_content
from tests.tablekit import read

_FONT = b"/Encoding /WinAnsiEncoding >>"


def page(lines: list[Line], code: int) -> bytes:
    """A page of `lines` with rules between each two of them; ~ is the character `code` to whoever reads."""
    rules = b"".join(b"0.5 w 70 %d m 460 %d l S\n" % (y, y) for y in range(712, 590, -24))
    data = pdf_of_contents([rules + text_content(lines)])
    cmap = b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <7E> <%04X> endbfchar endcmap"
    stream = b"99 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (len(cmap % code), cmap % code)
    # Without its table of objects PDFium looks for them itself.
    body, _, _ = data.partition(b"xref\n")
    return body.replace(_FONT, b"/ToUnicode 99 0 R " + _FONT) + stream + b"trailer\n<< /Size 100 /Root 1 0 R >>\n%%EOF"


@pytest.mark.parametrize("code", [0x1C, 0x1D, 0x1E, 0x1F])
def test_a_cell_of_a_control_character_costs_no_page(code: int) -> None:
    rows = [
        "Fruit|Boxes|Price",
        "of ours|in store|in all",
        "Apple|red|3.50",
        "~|~|",
        "Banana|brown|0.25",
        "~||",
        "Cherry|dark|9.75",
        "|~|",
    ]
    lines: list[Line] = [
        (80.0 + 130 * i, 702.0 - 12 * r, 10.0, cell)
        for r, row in enumerate(rows)
        for i, cell in enumerate(row.split("|"))
        if cell
    ]

    layer = read(page(lines, code))

    assert "Apple" in layer.text
    assert "Cherry" in layer.text
