"""Words that something is drawn over are hidden; words under what shines through, or is drawn before them, are not."""

from __future__ import annotations

import pytest

from omnipipe.text.layer import TextLayer
from tests.pdfs import pdf_of_objects, text_content
from tests.tablekit import PROSE, read
from tests.text.test_hidden import SEEN, is_hidden

BOX = b"68 496 140 16 re f"
SECRET = "Agent Smith lives here"
LINE = text_content([(72.0, 500.0, 11.0, SECRET)])
IMAGE = b"BI /W 2 /H 2 /BPC 8 /CS /G ID %s EI"


def page(*contents: bytes, rotate: int = 0) -> TextLayer:
    """A page that can be drawn on in half opacity (`/Half gs`) and like a marker (`/Marker gs`), and with a form of a
    black bar (`/Bar Do`)."""
    content = b"\n".join(contents)
    states = b"/Half << /ca 0.5 >> /Marker << /BM /Multiply >>"
    bar = b"<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Length %d >>\nstream\n%s\nendstream" % (len(BOX), BOX)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Rotate %d /Contents 5 0 R /Resources"
        b" << /Font << /F1 3 0 R >> /ExtGState << %s >> /XObject << /Bar 6 0 R >> >> >>" % (rotate, states),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        bar,
    ]
    return read(pdf_of_objects(objects))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize(
    "cover",
    [
        BOX,
        b"1 g " + BOX,
        b"1 0 0 rg 60 490 m 60 520 l 300 520 l 300 490 l h f",
        b"q 150 0 0 20 66 494 cm " + IMAGE % (4 * b"\x10") + b" Q",
        b"/Bar Do",
    ],
)
def test_words_under_an_opaque_cover_are_hidden(cover: bytes, rotate: int) -> None:
    layer = page(SEEN, LINE, cover, rotate=rotate)

    assert is_hidden(layer, SECRET)
    assert " ".join(layer.text.split()) == " ".join(PROSE)


@pytest.mark.parametrize(
    "cover",
    [
        b"/Half gs " + BOX,
        b"/Marker gs 1 1 0 rg " + BOX,
        b"68 496 140 16 re S",
        b"68 503 140 2 re f",
        b"60 480 140 10 re f",
        b"q 300 300 50 50 re W n " + BOX + b" Q",
        b"1 g " + BOX + b" 0 g " + LINE,
    ],
)
def test_words_that_are_seen_are_kept(cover: bytes) -> None:
    assert not is_hidden(page(SEEN, LINE, cover), SECRET)


def test_what_is_drawn_before_words_is_their_ground() -> None:
    assert not is_hidden(page(SEEN, b"0.9 g", BOX, b"0 g", LINE), SECRET)


def test_words_beside_a_cover_are_kept() -> None:
    layer = page(SEEN, LINE, b"68 496 63 16 re f")

    assert [block[4] for block in layer.blocks if block[0] == "hidden"] == ["Agent Smith"]
    assert layer.text.endswith("lives here")


def test_the_words_under_the_picture_of_a_page_are_its_text() -> None:
    white = b"q 612 0 0 792 0 0 cm " + IMAGE % (4 * b"\xff") + b" Q"

    assert not is_hidden(page(SEEN, LINE, white), SECRET)


def test_a_page_of_very_many_boxes_over_words_is_read() -> None:
    boxes = b" ".join(b"%d %d 10 10 re f" % (12 * (k % 50), 300 - 12 * (k // 50)) for k in range(3000))

    layer = page(SEEN, LINE, boxes, BOX)

    assert SECRET in " ".join(block[4] for block in layer.blocks)
