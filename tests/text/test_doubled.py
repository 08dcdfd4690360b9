"""Letters drawn twice one by one, each over itself, are read once; letters that a word has twice stay."""

from __future__ import annotations

import pytest

from omnipipe.text.layer import TextLayer
from tests.pdfs import pdf_of_contents, pdf_of_objects, text_content
from tests.tablekit import PROSE, read

HEADING = "Bill will tell all in a book"
WIDTHS = {"B": 667, "i": 222, "l": 222, "w": 722, "t": 278, "e": 556, "a": 556, "n": 556, "b": 556, "o": 556, "k": 500}
"""Of Helvetica's letters, thousandths of the font size."""
SEEN = text_content([(72.0, 600.0 - 14 * i, 11.0, line) for i, line in enumerate(PROSE)])


def drawn(shift: float, times: int) -> bytes:
    """The heading in letters that stand `times` over themselves, each `shift` font sizes further."""
    back = 1000 * shift
    letters = "".join(
        f"({one}) {WIDTHS.get(one, 278) - back:g} " * (times - 1) + f"({one}) {back * (times - 1):g} "
        for one in HEADING
    )
    return f"BT /F1 12 Tf 72 700 Td [{letters}] TJ ET\n".encode()


def page(*contents: bytes, rotate: int = 0) -> TextLayer:
    return read(pdf_of_contents([b"\n".join(contents)], rotate=rotate))


@pytest.mark.parametrize("rotate", [0, 90])
@pytest.mark.parametrize("shift", [0.02, 0.05, 0.1, 0.12])
def test_letters_of_fake_bold_stand_once(shift: float, rotate: int) -> None:
    layer = page(drawn(shift, 2), SEEN, rotate=rotate)

    assert layer.text.startswith(HEADING + "\n\n" + PROSE[0])


def test_letters_drawn_three_times_stand_once() -> None:
    assert page(drawn(0.06, 3), SEEN).text.startswith(HEADING + "\n\n")


def test_the_page_says_so() -> None:
    assert page(drawn(0.1, 2), SEEN).flags == ("text:overdrawn",)
    assert page(drawn(0.1, 1), SEEN).flags == ()


@pytest.mark.parametrize("spread", ["0 Tc", "-0.4 Tc", "1 Tc", "70 Tz"])
def test_letters_that_a_word_has_twice_stay(spread: str) -> None:
    text = "Mississippi bookkeepers will address all committees successfully in 2200"

    layer = page(spread.encode(), text_content([(72.0, 700.0, 12.0, text)]))

    assert (layer.text, layer.flags) == (text, ())


def test_the_letters_of_ligatures_stay() -> None:
    names = b" ".join(
        b"<%02x> <%s>" % (ord("A") + k, "".join(f"{ord(c):04x}" for c in text).encode())
        for k, text in enumerate(("ff", "ll", "ss", " "))
    )
    cmap = b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 4 beginbfchar %s endbfchar endcmap" % names
    content = b"BT /F1 12 Tf 72 700 Td (ABCABDACB) Tj ET"
    data = pdf_of_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(cmap), cmap),
        ]
    )

    assert read(data).text == "ffllssffll ffssll"
