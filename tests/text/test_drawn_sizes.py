"""Fonts drawn glyph by glyph whose font size says nothing, as programs that turn PostScript into PDF write them."""

from __future__ import annotations

import pytest

from tests.pdfs import pdf_of_objects
from tests.tablekit import read

_PROSE = [
    "Harbours of the north are open all the year round and ships of any size can moor",
    "there. Those of the south close when the ice comes and open again in the month of",
    "May. No other coast has as many lights as this one has and none is better kept by",
    "the men who live beside it.",
]
_EM, _RESOLUTION = 10.0, 10.0
"""The size of the type in points, and dots to a point."""


def _glyph(letter: str) -> bytes:
    """A box as wide and as high as `letter`, in dots from the baseline downwards."""
    high = 0.44 if letter in "aceimnorsuvwxzgpqy" else 0.1 if letter in ".,-" else 0.7
    deep = 0.2 if letter in "gpqy" else 0.0
    dots = _EM * _RESOLUTION
    sides = (0.02 * dots, -deep * dots, 0.45 * dots, high * dots)
    box = b"%g %g %g %g" % sides
    content = b"%g 0 %s d1 %g %g %g %g re f" % (
        0.5 * dots,
        box,
        sides[0],
        sides[1],
        sides[2] - sides[0],
        sides[3] - sides[1],
    )
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def _page(lines: list[str], size: float) -> bytes:
    """A page of `lines` in a Type 3 font whose size is `size`, with a matrix that makes up for it."""
    codes = sorted({ord(letter) for line in lines for letter in line if letter != " "})
    scale = 1 / (_RESOLUTION * size)
    content = b"BT /F1 %g Tf\n" % size
    for k, line in enumerate(lines):
        x = 72.0
        for word in line.split():
            content += b"%g 0 0 %g %g %g Tm (%s) Tj\n" % (scale, scale, x, 700 - 12 * k, word.encode())
            x += 0.5 * _EM * (len(word) + 1)
    content += b"ET"
    names = b" ".join(b"%d /c%d" % (code, code) for code in codes)
    procs = b" ".join(b"/c%d %d 0 R" % (code, 6 + i) for i, code in enumerate(codes))
    widths = b" ".join(
        b"%g" % (0.5 * _EM * _RESOLUTION if code in codes else 0) for code in range(codes[0], codes[-1] + 1)
    )
    return pdf_of_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
            b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 2 2] /FontMatrix [1 0 0 1 0 0] /FirstChar %d /LastChar %d"
            b" /Encoding << /Type /Encoding /Differences [%s] >> /CharProcs << %s >> /Widths [%s] /Resources << >> >>"
            % (codes[0], codes[-1], names, procs, widths),
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
            b" /Contents 5 0 R >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            *[_glyph(chr(code)) for code in codes],
        ]
    )


@pytest.mark.parametrize("size", [1.0, 0.24])
def test_text_in_a_font_without_a_size_is_read_in_lines(size: float) -> None:
    layer = read(_page(_PROSE, size))

    assert layer.text == " ".join(_PROSE)
    (block,) = layer.blocks
    assert block[1] is not None
    assert 0.10 < block[1][1] < block[1][3] < 0.17
