"""`omnipipe extract --draw`: blocks stand where their text is, also on turned pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omnipipe.cli.draw import PageDrawer
from omnipipe.cli.main import run_command
from omnipipe.page import Block, Page
from tests.pdfs import pdf_of_texts

BLUE = (0x1F, 0x6F, 0xD0)


def write(tmp_path: Path) -> Path:
    path = tmp_path / "letter.pdf"
    path.write_bytes(pdf_of_texts(["Dear reader, this is a letter.", "And this is its second page."]))
    return path


def is_drawn(picture: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    """Rows and columns of the pixels of `colour`."""
    return np.argwhere((np.asarray(picture) == colour).all(axis=2))


def test_each_page_asked_for_gets_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command(["extract", str(write(tmp_path)), "--pages", "2", "--draw", str(tmp_path / "pictures")])

    assert code == 0
    assert "second page" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["letter-p2.png"]


def test_a_box_lies_around_the_ink_of_its_text(tmp_path: Path) -> None:
    run_command(["extract", str(write(tmp_path)), "--pages", "1", "--draw", str(tmp_path / "pictures")])

    with Image.open(tmp_path / "pictures" / "letter-p1.png") as picture:
        frame = is_drawn(picture, BLUE)
        dark = np.argwhere(np.asarray(picture.convert("L"))[40:] < 60) + np.array([40, 0])
    assert len(dark)
    assert (frame.min(axis=0) <= dark.min(axis=0) + 1).all()
    assert (frame.max(axis=0) >= dark.max(axis=0) - 1).all()


def test_a_page_that_ocr_turned_is_shown_upright(tmp_path: Path) -> None:
    page = Page(doc_id="d", uri="u", index=0, count=2, status="ok", route="ocr", rotation_applied=90)
    page = page.with_(blocks=(Block("text", (0.1, 0.1, 0.9, 0.2), 0, None, "x"),))
    with PageDrawer(tmp_path, str(write(tmp_path)), "letter.pdf", ()) as drawer:
        target = drawer.draw(page)

    assert target is not None
    with Image.open(target) as picture:
        assert picture.width > picture.height


def test_a_tag_covers_neither_the_column_beside_it_nor_another_tag(tmp_path: Path) -> None:
    """The right column's tag has no room in the gutter for more than its number; the title's has none above itself."""
    blocks = (
        Block("text", (0.1, 0.2, 0.475, 0.6), 0, None, "left"),
        Block("title", (0.5, 0.15, 0.9, 0.18), 1, 2, "right"),
        Block("table", (0.5, 0.2, 0.9, 0.6), 2, None, "below"),
    )
    page = Page(doc_id="d", uri="u", index=0, count=2, status="ok", route="text_layer").with_(blocks=blocks)
    with PageDrawer(tmp_path, str(write(tmp_path)), "letter.pdf", ()) as drawer:
        target = drawer.draw(page)

    assert target is not None
    with Image.open(target) as picture:
        tag = is_drawn(picture, (0x7A, 0x2F, 0xB0))
        assert tag[:, 1].min() > 0.475 * picture.width
        assert len(is_drawn(picture, (0xC0, 0x20, 0x20))) > 300


def test_a_page_that_cannot_be_drawn_costs_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing else")
    with PageDrawer(tmp_path / "pictures", str(broken), "broken.pdf", ()) as drawer:
        assert drawer.draw(Page(doc_id="d", uri="u", index=0, count=None)) is None


def test_a_folder_that_cannot_be_made_is_a_users_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")

    assert run_command(["extract", str(write(tmp_path)), "--draw", str(taken / "x")]) == 2
    assert "--draw" in capsys.readouterr().err
