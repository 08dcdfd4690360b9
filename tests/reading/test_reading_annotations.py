"""What fields of forms, typed notes and stamps show is text of their page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.page import Pixels, ProblemError
from omnipipe.reading.facts import PageFacts, ReadOptions, RenderPolicy
from omnipipe.reading.process import ReaderProcess
from tests.pdfs import pdf_of_objects

LABEL = b"BT /F1 12 Tf 72 700 Td (Name of applicant:) Tj 0 -40 Td (See the site) Tj ET"
LINK = b"<</Type/Annot/Subtype/Link/Rect[72 655 150 675]/A<</S/URI/URI(https://example.org/)>>>>"
VALUE = b"/Tx BMC q BT /F1 12 Tf 2 4 Td (Ada Lovelace) Tj ET Q EMC"
SHOWN = b"/AP<</N 7 0 R>>"
FIELD = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(Ada Lovelace)/DA(/F1 12 Tf 0 g)/Rect[200 694 400 714]"
NOTE = b"<</Type/Annot/Subtype/FreeText/T(Charles)/Contents(Ada Lovelace)/DA(/Helv 12 Tf 0 g)/Rect[200 694 400 714]"
STAMP = b"<</Type/Annot/Subtype/Stamp/Rect[200 694 400 714]"


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess() as reader:
        yield reader


def form(path: Path, annotation: bytes, *, content: bytes = LABEL, asks: bool = False) -> str:
    """A page, A4 on its side by its parent, with an annotation over it and a link."""
    resources = b"/Resources<</Font<</F1 4 0 R>>>>"
    wish = b"/NeedAppearances true" if asks else b""
    defaults = b"/DA(/F1 12 Tf 0 g)/DR<</Font<</F1 4 0 R>>>>"
    path.write_bytes(
        pdf_of_objects(
            [
                b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R]" + wish + defaults + b">>>>",
                b"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 595 842]/Rotate 90" + resources + b">>",
                b"<</Type/Page/Parent 2 0 R/Contents 5 0 R/Annots[6 0 R 8 0 R]>>",
                b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
                b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content),
                annotation + b">>",
                b"<</Type/XObject/Subtype/Form/BBox[0 0 200 20]%s/Length %d>>\nstream\n%s\nendstream"
                % (resources, len(VALUE), VALUE),
                LINK,
            ]
        )
    )
    return str(path)


def read(reader: ReaderProcess, path: str) -> PageFacts:
    (facts,) = reader.read_pages(path, [0], ReadOptions())
    assert isinstance(facts, PageFacts), facts
    return facts


@pytest.mark.parametrize(
    ("annotation", "asks"),
    [
        (FIELD + SHOWN + b"/F 4", False),
        (FIELD + b"/F 4", True),
        (NOTE + SHOWN + b"/F 4", False),
        (NOTE + b"/F 4", False),
        (STAMP + SHOWN + b"/F 4", False),
    ],
    ids=["field", "field to be drawn", "note", "note to be drawn", "stamp"],
)
def test_what_an_annotation_writes_stands_in_its_place(
    reader: ReaderProcess, tmp_path: Path, annotation: bytes, asks: bool
) -> None:
    facts = read(reader, form(tmp_path / "form.pdf", annotation, asks=asks))

    assert facts.layer is not None
    assert facts.layer.text.splitlines()[0] == "Name of applicant: Ada Lovelace"


def test_size_and_links_stay(reader: ReaderProcess, tmp_path: Path) -> None:
    facts = read(reader, form(tmp_path / "form.pdf", FIELD + SHOWN + b"/F 4"))

    assert (facts.width_pt, facts.height_pt, facts.rotation) == (842.0, 595.0, 90)
    assert facts.layer is not None
    assert "[See the site](https://example.org/)" in facts.layer.text


def test_what_is_hidden_is_no_text(reader: ReaderProcess, tmp_path: Path) -> None:
    facts = read(reader, form(tmp_path / "form.pdf", FIELD + SHOWN + b"/F 2"))

    assert facts.layer is not None
    assert "Ada" not in facts.layer.text


def test_a_page_with_nothing_but_a_filled_field_is_not_blank(reader: ReaderProcess, tmp_path: Path) -> None:
    facts = read(reader, form(tmp_path / "form.pdf", FIELD + SHOWN + b"/F 4", content=b""))

    assert not facts.is_blank
    assert facts.layer is not None
    assert facts.layer.text.strip() == "Ada Lovelace"


def test_the_picture_is_the_same_whether_the_page_was_read_before(tmp_path: Path) -> None:
    path = form(tmp_path / "form.pdf", FIELD + SHOWN + b"/F 4")
    pictures = []
    for reads_first in (False, True):
        with ReaderProcess() as reader:
            if reads_first:
                read(reader, path)
            (picture,) = reader.render_pages(path, [0], RenderPolicy(mode="L"))
        assert isinstance(picture, Pixels)
        pictures.append((picture.width, picture.height, picture.data))

    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("is_dynamic", [False, True])
def test_a_form_whose_pages_a_viewer_makes_is_unsupported(
    reader: ReaderProcess, tmp_path: Path, is_dynamic: bool
) -> None:
    # ISO 32000-1, 12.7.8: the page that is there only says so.
    content = b"BT /F1 12 Tf 72 700 Td (Please wait...) Tj ET"
    path = tmp_path / "xfa.pdf"
    path.write_bytes(
        pdf_of_objects(
            [
                b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[]/XFA 6 0 R>>%s>>"
                % (b"/NeedsRendering true" if is_dynamic else b""),
                b"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 595 842]>>",
                b"<</Type/Page/Parent 2 0 R/Contents 5 0 R/Resources<</Font<</F1 4 0 R>>>>>>",
                b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
                b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content),
                b"<</Length 11>>\nstream\n<xdp></xdp>\nendstream",
            ]
        )
    )

    if is_dynamic:
        with pytest.raises(ProblemError, match=r"dynamic XFA.*Print it") as refused:
            reader.inspect(str(path))
        assert refused.value.error.code == "unsupported"
    else:
        assert read(reader, str(path)).has_text_layer
