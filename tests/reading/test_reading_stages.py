"""Read and Render: what a page's row says after them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.page import Page, ProblemError
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from tests.context import NoContext
from tests.pdfs import image_of_lines, pdf_of_contents, pdf_of_texts

WORDS = "The quick brown fox jumps over the lazy dog while the rain in Spain stays mainly in the plain."
TEXT = b"BT /F1 12 Tf 72 700 Td (The quick brown fox jumps over the lazy dog.) Tj ET"
DRAWING = b"100 100 m 500 700 l 500 100 l f"


class Desk(NoContext):
    """A stage context over a folder: documents are files named by their id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reader = ReaderProcess(ReaderLimits(page_seconds=10))

    @property
    def reader(self) -> ReaderProcess:
        return self._reader

    def local_path(self, page: Page) -> str:
        path = self.folder / page.doc_id
        if not path.exists():
            raise ProblemError("missing", f"{page.uri} is gone.")
        return str(path)

    def pages(self, content: bytes, count: int) -> list[Page]:
        doc_id = hashlib.sha256(content).hexdigest()
        (self.folder / doc_id).write_bytes(content)
        return [Page(doc_id=doc_id, uri="file.pdf", index=i, count=count) for i in range(count)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.reader.close()


def read(desk: Desk, pages: list[Page], **settings: object) -> list[Page]:
    stage = Read.model_validate(settings)
    stage.open(desk)
    return list(stage.process(pages))


def render(desk: Desk, pages: list[Page], **settings: object) -> list[Page]:
    stage = Render.model_validate(settings)
    stage.open(desk)
    return list(stage.process(pages))


def test_a_good_text_layer_answers_its_page(desk: Desk) -> None:
    (page,) = read(desk, desk.pages(pdf_of_texts([WORDS]), 1))

    assert (page.status, page.route, page.text_format) == ("ok", "text_layer", "markdown")
    assert page.text is not None
    assert page.text.strip() == WORDS
    assert [block.text for block in page.blocks] == [WORDS]
    assert page.has_text_layer is True
    assert page.route_reason == "text_layer:good"
    assert (page.width_pt, page.height_pt, page.rotation_applied) == (612, 792, 0)
    assert page.quality == page.text_layer_quality == pytest.approx(1, abs=0.2)


def test_a_blank_page_goes_to_no_model(desk: Desk) -> None:
    (page,) = read(desk, desk.pages(pdf_of_contents([b""]), 1))

    assert (page.status, page.text, page.ink_ratio) == ("blank", "", 0.0)


def test_a_page_of_hidden_words_is_blank_with_the_words_as_blocks(desk: Desk) -> None:
    (page,) = read(desk, desk.pages(pdf_of_contents([b"1 g " + TEXT]), 1))

    assert (page.status, page.text, page.flags) == ("blank", "", ("text:hidden",))
    assert [(block.type, block.text.split()[0]) for block in page.blocks] == [("hidden", "The")]


def test_a_page_of_ink_without_text_stays_open_and_says_why(desk: Desk) -> None:
    (page,) = read(desk, desk.pages(pdf_of_contents([DRAWING]), 1))

    assert page.is_open
    assert page.route_reason == "text_layer:none"
    assert page.has_text_layer is False
    assert page.ink_ratio is not None
    assert page.ink_ratio > 0.1


def test_text_layers_can_be_left_alone(desk: Desk) -> None:
    text, blank = read(desk, desk.pages(pdf_of_contents([TEXT, b""]), 2), text_layer=False)

    assert text.is_open
    assert text.has_text_layer is None
    assert blank.status == "blank"


def test_documents_may_be_mixed_in_a_batch(desk: Desk) -> None:
    first = desk.pages(pdf_of_texts([f"first document page {i} {WORDS}" for i in range(3)]), 3)
    second = desk.pages(pdf_of_texts([f"second document page {i} {WORDS}" for i in range(3)]), 3)
    mixed = [first[2], second[0], first[0], second[2]]

    done = read(desk, mixed)

    assert [page.id for page in done] == [page.id for page in mixed]
    starts = ["first document page 2", "second document page 0", "first document page 0", "second document page 2"]
    assert [(page.text or "")[: len(start)] for page, start in zip(done, starts, strict=True)] == starts


def test_a_document_that_is_gone_fails_its_pages_only(desk: Desk) -> None:
    good = desk.pages(pdf_of_texts([WORDS]), 1)
    gone = [Page(doc_id="0" * 64, uri="gone.pdf", index=i, count=2) for i in range(2)]
    broken = desk.pages(b"%PDF-1.7 and no more", 1)

    done = read(desk, [gone[0], good[0], broken[0], gone[1]])

    assert [page.error.code if page.error else page.status for page in done] == ["missing", "ok", "corrupt", "missing"]


def test_only_open_pages_are_drawn_and_to_the_policy(desk: Desk) -> None:
    pages = read(desk, desk.pages(pdf_of_contents([TEXT, DRAWING]), 2))
    stage = Render(dpi=100, longest_side=500)

    wanted = [page for page in pages if stage.wants(page)]
    (drawn,) = render(desk, wanted, dpi=100, longest_side=500)

    assert [page.index for page in wanted] == [1]
    assert drawn.image is not None
    assert (drawn.image.format, drawn.image.mode) == ("raw", "L")
    assert (drawn.image_width, drawn.image_height) == (drawn.image.width, drawn.image.height) == (387, 500)
    assert len(drawn.image.data) == 387 * 500
    assert drawn.render_ms is not None
    assert drawn.render_ms > 0


def test_a_small_page_is_drawn_finer(desk: Desk) -> None:
    card = desk.pages(pdf_of_contents([DRAWING], width=240, height=150), 1)

    (drawn,) = render(desk, card)
    (plain,) = render(desk, card, small_side=0)

    assert drawn.image_width == 1000
    assert plain.image_width == 500


def test_rotated_pages_are_drawn_upright(desk: Desk) -> None:
    pages = desk.pages(pdf_of_contents([DRAWING], rotate=90), 1)

    (drawn,) = render(desk, read(desk, pages))

    assert drawn.rotation_applied == 90
    assert (drawn.width_pt, drawn.height_pt) == (792, 612)
    assert (drawn.image_width, drawn.image_height) == (1650, 1275)


def test_an_image_is_a_page_to_be_read_by_its_pixels(desk: Desk) -> None:
    (page,) = read(desk, desk.pages(image_of_lines(["hello there"]), 1))
    (drawn,) = render(desk, [page])

    assert page.is_open
    assert page.has_text_layer is False
    assert (drawn.image_width, drawn.image_height) == (1000, 600)


def test_a_page_that_cannot_be_drawn_is_an_error_row(desk: Desk) -> None:
    pages = desk.pages(pdf_of_contents([DRAWING, DRAWING]), 2)
    there, not_there = render(desk, [pages[0], pages[0].with_(index=7)])

    assert there.image is not None
    assert not_there.error is not None
    assert not_there.error.code == "corrupt"


def test_sizes_are_part_of_the_result_and_enter_the_hash() -> None:
    plain = Pipeline("p", (Read(), Render()))

    assert Pipeline("p", (Read(), Render(dpi=200))).config_hash != plain.config_hash
    assert Pipeline("p", (Read(min_quality=0.6), Render())).config_hash != plain.config_hash
