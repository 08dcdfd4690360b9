"""Ligatures that come as control characters (fonts of TeX without names of characters), or with their bytes swapped."""

from __future__ import annotations

import numpy as np
import pytest

from omnipipe.text.words.bitmap_ligatures import SPELT, with_ligatures
from omnipipe.text.words.swapped_ligatures import with_letters
from tests.pdfs import Line, pdf_of_contents, text_content
from tests.tablekit import read

_FONT = b"/Encoding /WinAnsiEncoding >>"
_SIGNS = "^~|{}"
"""These are ff, fi, fl, ffi, ffl in the texts below."""


def page(texts: list[str], start: int) -> bytes:
    """A page whose font maps `_SIGNS` to the codes from `start`."""
    lines: list[Line] = [(80.0, 700.0 - 12 * k, 10.0, text) for k, text in enumerate(texts)]
    pairs = b" ".join(b"<%02X> <%04X>" % (ord(sign), start + k) for k, sign in enumerate(_SIGNS))
    cmap = b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange %d beginbfchar %s endbfchar endcmap"
    content = cmap % (len(_SIGNS), pairs)
    stream = b"99 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (len(content), content)
    # Without its table of objects PDFium looks for them itself.
    body, _, _ = pdf_of_contents([text_content(lines)]).partition(b"xref\n")
    return body.replace(_FONT, b"/ToUnicode 99 0 R " + _FONT) + stream + b"trailer\n<< /Size 100 /Root 1 0 R >>\n%%EOF"


@pytest.mark.parametrize("start", [0x0B, 0x1B])
def test_ligatures_without_names_are_spelt(start: int) -> None:
    texts = ["The ~rst o}ine o{ce de~nes how the |uid may", "di^er in its re|ection, which is a sti^ a{nity."]

    assert read(page(texts, start)).text == (
        "The first offline office defines how the fluid may differ in its reflection, which is a stiff affinity."
    )


def test_other_control_characters_stay_what_they_are() -> None:
    layer = read(page(["The house } is old { and it is wide.", "~ It stands |", "^ by the sea"], 0x1B))

    assert not any(letters in layer.text for letters in ("ff", "fi", "fl"))


def test_dashes_and_quotation_marks_of_the_later_encoding_are_read() -> None:
    units = np.array([ord(c) for c in "\x10a\x1ces\x11 di\x1bers, pp. 227\x15241\x16here"], np.uint16)

    assert "".join(map(chr, with_ligatures(units))).translate(SPELT) == "“afies” differs, pp. 227–241—here"


def test_letters_of_the_later_encoding_are_no_signs_of_arithmetic() -> None:
    units = np.array([ord(c) for c in "Gr\xf6\xffe der \xd6\x1bnung, \xf7uvre, 4 \xd7 2, \x12er hei\xfft"], np.uint16)
    other = np.array([ord(c) for c in "L'Ha\xff, 4\xf72, a\xd7b"], np.uint16)

    assert "".join(map(chr, with_ligatures(units))).translate(SPELT) == "Größe der Öffnung, œuvre, 4 × 2, „er heißt"
    assert with_ligatures(other) is other


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("o\u6600\u6600ice \u6600\u6900rst su\u6600\u6600\u6900x a\u7400\u7400", "office first suffix att"),
        ("\u6600\u6900", "\u6600\u6900"),
        ("\u65e5\u6600 a \u6900\u6c00b", "\u65e5\u6600 a \u6900\u6c00b"),
    ],
)
def test_ligatures_with_swapped_bytes_are_letters_beside_letters(text: str, wanted: str) -> None:
    units = np.array([ord(char) for char in text], np.uint16)

    assert "".join(map(chr, with_letters(units))) == wanted
