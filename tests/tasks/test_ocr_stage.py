"""The OCR stage: what becomes of a page."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from omnipipe.errors import ConfigError
from omnipipe.page import Page, Pixels
from omnipipe.stages.ocr import Ocr
from tests.context import NoContext
from tests.pdfs import image_of_lines

LINES = ["Invoice number 4711", "The quick brown fox", "jumps over lazy dogs"]
OPEN = Page(doc_id="d", uri="d.png", index=0, count=1, width_pt=400.0, height_pt=300.0, rotation_applied=90)


@pytest.fixture(scope="module")
def stage() -> Ocr:
    stage = Ocr()
    stage.open(NoContext())
    return stage


def _pixels(kind: str, angle: int = 0) -> Pixels:
    data = image_of_lines(LINES, size=(560, 300), angle=angle, format="JPEG" if kind == "jpeg" else "PNG")
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        if kind in {"png", "jpeg"}:
            return Pixels(data, "png" if kind == "png" else "jpeg", "L", width, height)
        mode = "L" if kind == "L" else "RGB"
        return Pixels(image.convert(mode).tobytes(), "raw", "L" if kind == "L" else "RGB", width, height)


@pytest.mark.parametrize("kind", ["L", "RGB", "png", "jpeg"])
def test_a_page_gets_its_text_whatever_form_its_picture_has(stage: Ocr, kind: str) -> None:
    [page] = stage.process([OPEN.with_(image=_pixels(kind))])

    assert (page.status, page.route, page.text_format) == ("ok", "ocr", "markdown")
    assert [line.text for line in page.lines] == LINES
    assert page.text == "\n\n".join(block.text for block in page.blocks)
    assert page.quality is not None
    assert 0.8 < page.quality <= 1
    assert page.infer_ms is not None
    assert page.infer_ms > 0
    assert page.engine is not None
    assert page.engine.startswith("rapidocr 3.")
    assert page.model
    assert (page.image_width, page.rotation_applied) == (560, 90)


def test_a_turn_is_added_to_the_one_that_the_file_asks_for(stage: Ocr) -> None:
    [page] = stage.process([OPEN.with_(image=_pixels("L", angle=90))])

    assert page.rotation_applied == 180
    assert (page.width_pt, page.height_pt) == (300.0, 400.0)
    assert (page.image_width, page.image_height) == (560, 300)
    assert page.image is not None
    assert (page.image.width, page.image.height) == (560, 300)


def test_a_picture_without_text_is_an_ok_page_that_says_so(stage: Ocr) -> None:
    picture = Pixels(bytes([255]) * 10_000, "raw", "L", 100, 100)

    [page] = stage.process([OPEN.with_(image=picture, flags=("a",))])

    assert (page.status, page.text, page.quality) == ("ok", "", None)
    assert page.flags == ("a", "no_text_found")


def test_only_open_pages_with_a_picture_are_wanted(stage: Ocr) -> None:
    picture = Pixels(b"\xff", "raw", "L", 1, 1)

    assert stage.wants(OPEN.with_(image=picture))
    assert not stage.wants(OPEN)
    assert not stage.wants(OPEN.with_(image=picture, status="ok"))


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n but no image", b""])
def test_a_broken_picture_raises_and_the_next_page_is_read(stage: Ocr, data: bytes) -> None:
    with pytest.raises(OSError, match="cannot identify image"):
        stage.process([OPEN.with_(image=Pixels(data, "png", "L", 10, 10))])

    [page] = stage.process([OPEN.with_(image=_pixels("L"))])
    assert [line.text for line in page.lines] == LINES


def test_raw_pixels_of_the_wrong_size_are_refused(stage: Ocr) -> None:
    with pytest.raises(ValueError, match="reshape"):
        stage.process([OPEN.with_(image=Pixels(b"\xff" * 7, "raw", "L", 10, 10))])


def test_lines_are_left_out_on_request() -> None:
    stage = Ocr(line_boxes=False)
    stage.open(NoContext())

    [page] = stage.process([OPEN.with_(image=_pixels("L"))])

    assert page.lines == ()
    assert page.blocks


def test_a_closed_stage_says_that_it_must_be_opened() -> None:
    with pytest.raises(ConfigError, match="Call open"):
        Ocr().process([OPEN.with_(image=_pixels("L"))])


@pytest.mark.parametrize("engine", ["rapidocr", "fast"])
def test_languages_that_the_model_cannot_read_are_refused(engine: str) -> None:
    with pytest.raises(ValueError, match=r"no letters of rus\. Use --ocr tesseract .* tesseract-ocr-rus"):
        Ocr.model_validate({"engine": engine, "languages": ["rus", "eng"]})


def test_tesseract_takes_any_language() -> None:
    assert Ocr(engine="tesseract", languages=("rus",)).languages == ("rus",)


def test_opening_loads_no_model(stage: Ocr) -> None:
    fresh = Ocr()
    fresh.open(NoContext())

    assert fresh._reader is not None
    assert fresh._reader._engine is None  # type: ignore[attr-defined]
