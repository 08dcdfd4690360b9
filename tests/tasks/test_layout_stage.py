"""The layout stage: which pages it looks at, what becomes of them, and what is said where the model is not there."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from omnipipe.errors import ConfigError, MissingExtraError
from omnipipe.page import Block, Line, Page, Pixels
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.stages.layout import Layout, Mode
from omnipipe.stages.ocr import Ocr
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.model_file import LAYOUT_CDLA
from omnipipe.unit import DocumentRef, Member, Unit
from omnipipe.worker import Worker
from tests.context import NoContext
from tests.pdfs import pdf_of_lines

needs_model = pytest.mark.skipif(
    LAYOUT_CDLA.find() is None, reason="the layout model is not here: omnipipe doctor --fetch-models"
)
ROWS = [
    (72.0, 640.0 - 15 * row, 11.0, "Nothing of what was said that evening was ever written down, so it")
    for row in range(20)
]
PDF = pdf_of_lines([[(72.0, 690.0, 20.0, "3 Methods and materials"), *ROWS]])
HEADING = Block("text", (0.11, 0.1, 0.55, 0.135), 0, None, "3 Methods and materials", None, None, "text_layer")
PROSE = Block("text", (0.11, 0.17, 0.7, 0.56), 1, None, "Nothing of what was said. " * 40, None, None, "text_layer")
TEXT_PAGE = Page(
    doc_id="d",
    uri="d.pdf",
    index=0,
    count=1,
    status="ok",
    route="text_layer",
    text=f"{HEADING.text}\n\nJoined over columns. {PROSE.text}",
    blocks=(HEADING, PROSE),
)
LINES = (
    *(
        Line("Nothing of what was said that evening was ever written", (0.1, y / 100, 0.8, y / 100 + 0.012), 0.9)
        for y in (30, 32)
    ),
    Line("Page 3 of 7", (0.45, 0.96, 0.55, 0.972), 0.9),
)
BODY = "Nothing of what was said that evening was ever written Nothing of what was said that evening was ever written"
OCR_PAGE = TEXT_PAGE.with_(
    route="ocr",
    lines=LINES,
    blocks=(
        Block("text", (0.1, 0.3, 0.8, 0.332), 0, None, BODY, None, 0.9, "rapidocr"),
        Block("text", LINES[-1].bbox, 1, None, "Page 3 of 7", None, 0.9, "rapidocr"),
    ),
    image=Pixels(bytes([255]) * 10_000, "raw", "L", 100, 100),
    image_width=100,
    image_height=100,
)


class OneDocument(NoContext):
    """A context with a reader and one local document."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = ReaderProcess(ReaderLimits())

    @property
    def reader(self) -> ReaderProcess:
        return self._reader

    def local_path(self, page: Page) -> str:
        return str(self._path)


def _stage(mode: Mode = "auto") -> Layout:
    stage = Layout(mode=mode)
    stage.open(NoContext())
    return stage


def test_ocr_pages_are_wanted_while_their_picture_is_there() -> None:
    for mode in ("auto", "always", "never"):
        assert Layout(mode=mode).wants(OCR_PAGE)
        assert not Layout(mode=mode).wants(OCR_PAGE.with_(image=None))
        assert not Layout(mode=mode).wants(OCR_PAGE.with_(blocks=()))
        assert not Layout(mode=mode).wants(OCR_PAGE.with_(status="open"))


def test_text_layers_are_wanted_as_the_mode_says() -> None:
    in_doubt = TEXT_PAGE.with_(flags=("layout:doubt",))

    wanted = [[Layout(mode=mode).wants(page) for page in (TEXT_PAGE, in_doubt)] for mode in ("auto", "always", "never")]

    assert wanted == [[False, True], [True, True], [False, False]]
    assert not Layout(mode="always").wants(TEXT_PAGE.with_(status="blank", blocks=()))


@needs_model
def test_a_heading_of_a_text_layer_is_told_by_how_it_looks(tmp_path: Path) -> None:
    (tmp_path / "d.pdf").write_bytes(PDF)
    context = OneDocument(tmp_path / "d.pdf")
    stage = Layout(mode="always")
    stage.open(context)

    [page] = stage.process([TEXT_PAGE])
    context.reader.close()

    assert [(block.type, block.level) for block in page.blocks] == [("title", 3), ("text", None)]
    assert page.text == f"### {TEXT_PAGE.text}"
    assert (page.image, page.flags) == (None, ())


@needs_model
def test_a_page_that_cannot_be_drawn_keeps_its_text(tmp_path: Path) -> None:
    (tmp_path / "d.pdf").write_bytes(b"%PDF-1.7 cut off")
    context = OneDocument(tmp_path / "d.pdf")
    stage = Layout(mode="always")
    stage.open(context)

    [page] = stage.process([TEXT_PAGE])
    context.reader.close()

    assert (page.status, page.text, page.blocks) == ("ok", TEXT_PAGE.text, (HEADING, PROSE))


def test_without_the_model_geometry_does_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMNIPIPE_MODELS", str(tmp_path))

    [page] = _stage().process([OCR_PAGE])

    assert page.flags == ("layout:no_model",)
    assert [block.type for block in page.blocks] == ["text", "page_number"]
    assert (page.text, page.image) == (BODY, None)


def test_never_asks_no_model_and_does_not_miss_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMNIPIPE_MODELS", str(tmp_path))

    [page] = _stage("never").process([OCR_PAGE])

    assert page.flags == ()
    assert [block.type for block in page.blocks] == ["text", "page_number"]


def test_heads_and_feet_stay_in_the_text_on_request() -> None:
    stage = Layout(mode="never", keep_headers=True)
    stage.open(NoContext())

    [page] = stage.process([OCR_PAGE])

    assert page.text == f"{BODY}\n\nPage 3 of 7"


def test_always_without_the_model_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMNIPIPE_MODELS", str(tmp_path))

    with pytest.raises(MissingExtraError, match="omnipipe doctor --fetch-models"):
        _stage("always")


def test_a_model_that_there_is_not_is_a_mistake_of_the_user() -> None:
    with pytest.raises(ConfigError, match="there is no layout model 'layout'"):
        Layout(model="layout").open(NoContext())


def test_whether_the_model_is_there_is_part_of_what_decides_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_model, never = (
        Pipeline("p", (Read(), Layout())).config_hash,
        Pipeline("p", (Read(), Layout(mode="never"))).config_hash,
    )
    monkeypatch.setenv("OMNIPIPE_MODELS", str(tmp_path))

    assert Pipeline("p", (Read(), Layout(mode="never"))).config_hash == never
    assert (Pipeline("p", (Read(), Layout())).config_hash == with_model) == (LAYOUT_CDLA.find() is not None)


def test_a_closed_stage_says_that_it_must_be_opened() -> None:
    with pytest.raises(ConfigError, match="Call open"):
        Layout().process([OCR_PAGE])


@needs_model
def test_a_scan_comes_out_with_headings_and_without_its_page_number(tmp_path: Path) -> None:
    picture = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(picture)
    draw.text((140, 150), "3 Methods and materials", fill=0, font=ImageFont.load_default(44))
    for row in range(8):
        draw.text(
            (140, 260 + row * 34),
            "Nothing of what was said that evening was ever written down, and so it grew",
            fill=0,
            font=ImageFont.load_default(26),
        )
    draw.text((600, 1680), "- 17 -", fill=0, font=ImageFont.load_default(26))
    out = io.BytesIO()
    picture.save(out, "PNG")
    (tmp_path / "scan.png").write_bytes(out.getvalue())
    document = DocumentRef(doc_id="d", uri=str(tmp_path / "scan.png"), count=1)

    with Worker(Pipeline("p", (Read(), Render(), Ocr(), Layout()))) as worker:
        worker.lent_files["d"] = str(tmp_path / "scan.png")
        [page] = worker.run(Unit(id="u", members=(Member(document, 0, 1),)))

    assert (page.status, page.route, page.image) == ("ok", "ocr", None)
    assert page.text is not None
    assert page.text.lstrip("#").startswith(" 3 Methods and materials\n\nNothing of what was said")
    assert "17" not in page.text
    assert page.blocks[-1].type == "page_number"
    assert page.blocks[0].level in (1, 2)
