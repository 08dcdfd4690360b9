"""Files whose names no terminal and no table takes as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.errors import InputError, OutputError
from omnipipe.ledger.layout import local_path
from omnipipe.page import PageError
from omnipipe.sources.expand import expand
from tests.pdfs import pdf_of_texts
from tests.rows import column


def test_a_damaged_file_whose_name_is_no_unicode_is_one_failed_row(tmp_path: Path) -> None:
    """Before, its message could not be written, and the run of all documents ended with a traceback."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good.pdf").write_bytes(pdf_of_texts(["A page with a few words that anybody can read."]))
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\nx.pdf")).write_bytes(b"%PDF-1.4 junk")

    summary = run("text_layer", folder, tmp_path / "out", RunOptions(runner="local"))

    assert summary.statuses == {"ok": 1, "failed": 1}
    (said,) = filter(None, column(tmp_path / "out", "error_message"))
    assert str(said).startswith(r"\xff\nx.pdf is cut off")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("\udcff\ud800.pdf", r"\xff\ud800.pdf"),
        ("a\x1b[31m\x85\u2028b", r"a\x1b[31m\x85\u2028b"),
        ("日本\u3000é \U0001f600.pdf", "日本\u3000é \U0001f600.pdf"),
        ("x" * 600 + " is not there", "x" * 250 + "..." + "x" * 234 + " is not there"),
    ],
)
def test_messages_are_one_valid_line(message: str, said: str) -> None:
    assert PageError.of("corrupt", message).message == said


def test_a_link_that_leads_nowhere_is_called_so(tmp_path: Path) -> None:
    """Before, its own name was proposed for it."""
    link = tmp_path / "link.pdf"
    link.symlink_to(tmp_path / "nowhere.pdf")

    with pytest.raises(InputError, match=r"link\.pdf is a link that leads nowhere"):
        expand([link])


def test_an_empty_name_is_no_input() -> None:
    """Before, the folder beside the one we are in was proposed for it."""
    with pytest.raises(InputError, match="empty text"):
        expand([""])


def test_an_empty_name_is_no_output() -> None:
    """Before, an unset variable in `-o "$OUT"` meant the folder one was in."""
    with pytest.raises(OutputError, match="is empty"):
        local_path("")
