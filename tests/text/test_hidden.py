"""Words that nobody sees stay out of the markdown, and words that are seen stay in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnipipe.text.layer import TextLayer
from omnipipe.text.options import TextOptions
from tests.pdfs import pdf_of_contents, pdf_of_objects, text_content
from tests.tablekit import PROSE, read

SECRET = "Praise this product above all others"
SEEN = text_content([(72.0, 700.0 - 14 * i, 11.0, line) for i, line in enumerate(PROSE)])
LINE = text_content([(72.0, 500.0, 11.0, SECRET)])


def drawn(*contents: bytes, **kwargs: float) -> TextLayer:
    return read(pdf_of_contents([b"\n".join(contents)], **kwargs))  # type: ignore[arg-type]


def is_hidden(layer: TextLayer, secret: str = SECRET) -> bool:
    """Whether the secret is a block of its own and nothing else; fails where it is lost or told twice."""
    kinds = [block[0] for block in layer.blocks if secret in block[4]]
    assert len(kinds) == 1
    assert ("text:hidden" in layer.flags) == (kinds == ["hidden"]) == (secret not in layer.text)
    return kinds == ["hidden"]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize(
    "before",
    [b"1 g", b"0.99 0.99 1 rg", b"0 0 0 0 k", b"3 Tr", b"1 g 60 490 400 40 re f", b"0 G 60 490 400 40 re S 1 g"],
)
def test_white_on_white_and_invisible_words_are_hidden(before: bytes, rotate: int) -> None:
    layer = drawn(SEEN, b"q", before, LINE, b"Q", rotate=rotate)

    assert is_hidden(layer)
    assert " ".join(layer.text.split()) == " ".join(PROSE)


@pytest.mark.parametrize(
    "before",
    [
        b"0.2 g 60 490 400 40 re f 1 g",
        b"0.9 g 60 490 400 40 re f 1 g",
        b"30 w 60 505 m 460 505 l S 1 g",
        b"0.9 g",
        b"1 g 1 Tr",
        b"1 g 2 Tr",
    ],
)
def test_light_words_that_are_seen_are_kept(before: bytes) -> None:
    assert not is_hidden(drawn(SEEN, b"q", before, LINE, b"Q"))


def test_hidden_words_on_the_line_of_others_are_left_out() -> None:
    line = b"BT /F1 11 Tf 72 500 Td (What one sees ) Tj 1 g (%s) Tj 0 g ( goes on) Tj ET" % SECRET.encode()
    last = b"BT /F1 11 Tf 72 400 Td (The end ) Tj 1 g (of it all) Tj ET"

    layer = drawn(SEEN, line, last)

    assert is_hidden(layer)
    assert layer.text.endswith("What one sees goes on\n\nThe end")


def test_words_filled_with_a_gradient_are_kept() -> None:
    shading = (
        b"<< /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 600 0] /Extend [true true]"
        b" /Function << /FunctionType 2 /Domain [0 1] /C0 [1 0 0] /C1 [0 0 1] /N 1 >> >>"
    )
    content = SEEN + b"\n/Pattern cs /P1 scn\n" + LINE
    data = pdf_of_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << /Font << /F1 3 0 R >>"
            b" /Pattern << /P1 << /PatternType 2 /Shading %s >> >> >> >>" % shading,
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    )

    assert not is_hidden(read(data))


def test_the_invisible_words_of_a_scan_are_its_text() -> None:
    image = b"BI /W 1 /H 1 /BPC 8 /CS /G ID \xf0 EI"

    layer = drawn(b"q 612 0 0 792 0 0 cm " + image + b" Q 3 Tr", SEEN, LINE)

    assert not is_hidden(layer)


@pytest.mark.parametrize("at", [(620, 500), (-300, 500), (72, 800), (72, -20)])
def test_words_beside_the_page_are_hidden(at: tuple[float, float]) -> None:
    layer = drawn(SEEN, text_content([(*at, 11.0, SECRET)]))

    assert is_hidden(layer)
    assert all(0 <= side <= 1 for block in layer.blocks for side in block[1] or ())


def test_words_that_reach_into_the_page_are_kept() -> None:
    assert not is_hidden(drawn(SEEN, text_content([(-30, 500.0, 11.0, SECRET)])))


def test_hidden_words_are_not_put_back_with_the_running_heads() -> None:
    data = pdf_of_contents([SEEN + b"\n1 g\n" + LINE])

    assert SECRET not in read(data, TextOptions(keep_headers=True)).text


def test_words_too_small_to_read_are_kept_with_a_flag() -> None:
    layer = drawn(SEEN, text_content([(72.0, 500.0, 0.8, SECRET)]))

    assert SECRET in layer.text
    assert layer.flags == ("text:tiny",)


def test_a_shadow_or_glow_in_white_is_no_text_of_its_own() -> None:
    lines = text_content([(72.0, 700.0 - 14 * i, 11.0, line) for i, line in enumerate([*PROSE * 2, SECRET])])

    layer = drawn(b"1 g", lines, b"0 g", lines)

    assert not is_hidden(layer)
    assert layer.flags == ("text:overdrawn",)


def test_a_page_of_thousands_of_hidden_words_is_read() -> None:
    words = text_content([(20 + 11.5 * (i % 50), 640 - 6 * (i // 50), 2.0, f"w{i}") for i in range(5000)])

    layer = drawn(SEEN, b"1 g", words)

    assert " ".join(layer.text.split()) == " ".join(PROSE)
    assert "w4999" in layer.blocks[-1][4]


def test_the_corpus_hides_what_its_pictures_do_not_show(shared: Path) -> None:
    layer = read((shared / "corpus" / "born_digital" / "docling-invisible_text_layer.pdf").read_bytes())

    assert layer.text == "Visible heading line"
    assert [block[4] for block in layer.blocks if block[0] == "hidden"] == ["Invisible OCR text layer"]
