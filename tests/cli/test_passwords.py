"""Locked documents: the password that comes later, the file that it is in, and what a run says of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from omnipipe import RunSummary
from omnipipe.batch import RunOptions, run
from omnipipe.cli.choice import read_passwords
from omnipipe.errors import InputError
from omnipipe.progress import Progress
from tests.pdfs import locked_pdf
from tests.rows import column

TEXTS = [f"Page {number} has a few words that anybody can read in peace." for number in range(3)]


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    path = tmp_path / "locked.pdf"
    path.write_bytes(locked_pdf(TEXTS, "sesame"))
    return path


def read(inputs: Path, output: Path, progress: Progress | None = None, **options: object) -> RunSummary:
    chosen = RunOptions(runner="local", **options)  # type: ignore[arg-type]
    return run("text_layer", inputs, output, chosen, progress=progress)


def test_pages_that_met_a_lock_are_read_when_the_password_is_given_again(locked: Path, tmp_path: Path) -> None:
    """Before, the document was known as one that opens, and its pages stayed `encrypted` without --retry."""
    out = tmp_path / "out"
    read(locked, out, passwords=("sesame",), max_pages=1)
    assert read(locked, out).error_codes == {"encrypted": 2}

    summary = read(locked, out, passwords=("sesame",))

    assert summary.statuses == {"ok": 3}
    assert column(out, "text") == TEXTS
    assert read(locked, out, passwords=("sesame",)).pages_this_run == 0


def test_a_run_says_what_opens_the_documents_that_it_could_not(locked: Path, tmp_path: Path) -> None:
    """Before, `--retry failed` was said, which opens none."""
    said = io.StringIO()

    read(locked, tmp_path / "out", Progress("plain", said))

    assert "the same command with --password-file FILE" in said.getvalue()
    assert "--retry" not in said.getvalue()


@pytest.mark.parametrize("content", ["\ufeffse\x85same\r\n two words \r\n", "se\x85same\n two words "])
def test_a_password_is_what_the_editor_shows_as_a_line(content: str, tmp_path: Path) -> None:
    """Before, the mark that Windows puts before a text was part of the first password."""
    path = tmp_path / "passwords"
    path.write_bytes(content.encode())

    assert read_passwords(None, path) == ("se\x85same", " two words ")


@pytest.mark.parametrize("content", [b"", b"\n\r\n", b"\xef\xbb\xbf"])
def test_a_password_file_without_any_is_refused(content: bytes, tmp_path: Path) -> None:
    """Before, the run went on without a word, and every locked document failed."""
    path = tmp_path / "passwords"
    path.write_bytes(content)

    with pytest.raises(InputError, match="is empty"):
        read_passwords(None, path)
