"""`omnipipe extract`: text on stdout, trouble on stderr, and the exit code between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from omnipipe.cli.main import run_command
from tests.pdfs import image_of_lines, pdf_of_lines, pdf_of_texts

LETTERS = [f"This is page {number} of a letter that we wrote to you." for number in (1, 2, 3)]


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.pdf"
    path.write_bytes(pdf_of_texts(LETTERS))
    return path


def test_the_text_of_all_pages_is_printed_in_order(letter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command(["extract", str(letter)])

    said = capsys.readouterr()
    assert code == 0
    assert said.out == "\n\n".join(LETTERS) + "\n"
    assert said.err == ""


def test_a_paragraph_that_runs_on_over_a_page_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "novel.pdf"
    first, second = "The fox ran on over the hills and far away, and behind the trees it", "met a dog that slept."
    path.write_bytes(pdf_of_texts([first, second]))

    assert run_command(["extract", str(path)]) == 0
    assert capsys.readouterr().out == f"{first} {second}\n"


def test_only_the_pages_asked_for_are_printed(letter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["extract", str(letter), "--pages", "3,1"]) == 0
    assert capsys.readouterr().out == f"{LETTERS[0]}\n\n{LETTERS[2]}\n"


def test_json_is_one_object_a_page(letter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["extract", str(letter), "--format", "json"]) == 0

    pages = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [page["page_number"] for page in pages] == [1, 2, 3]
    assert [page["text"] for page in pages] == LETTERS
    assert {page["status"] for page in pages} == {"ok"}
    assert {page["route"] for page in pages} == {"text_layer"}


def test_text_has_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "titled.pdf"
    body = [(72.0, 640.0 - 14 * i, 11.0, f"Line {i} of the body has quite a few words in it.") for i in range(9)]
    path.write_bytes(pdf_of_lines([[(72.0, 700.0, 24.0, "A large title"), *body]]))

    assert run_command(["extract", str(path)]) == 0
    as_markdown = capsys.readouterr().out
    assert run_command(["extract", str(path), "--format", "text"]) == 0
    as_text = capsys.readouterr().out

    assert as_markdown.startswith("# A large title\n")
    assert as_text.startswith("A large title\n")


def test_the_bytes_may_come_on_stdin(letter: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "omnipipe.cli.main", "extract", "-", "--pages", "2"],
        input=letter.read_bytes(),
        capture_output=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == LETTERS[1]


@pytest.mark.parametrize("suffix", ["txt", "parquet", "jsonl"])
def test_a_document_may_have_any_name(letter: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = letter.rename(letter.with_suffix(f".{suffix}"))

    assert run_command(["extract", str(path)]) == 0
    assert LETTERS[0] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty"), (b"<html>no</html>", "unsupported"), (b"%PDF-1.7\nnothing", "corrupt")],
)
def test_a_document_that_cannot_be_read_is_exit_code_1(
    tmp_path: Path, content: bytes, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.pdf"
    path.write_bytes(content)

    result = run_command(["extract", str(path)])

    said = capsys.readouterr()
    assert result == 1
    assert said.out == ""
    assert said.err.startswith(f"omnipipe: {path}: {code}: ")
    assert "Traceback" not in said.err


def test_pages_that_cannot_be_read_are_named_and_the_others_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mixed.pdf"
    path.write_bytes(_with_a_page_without_text())

    code = run_command(["extract", str(path), "--ocr", "off"])

    said = capsys.readouterr()
    assert code == 0
    assert said.out.strip() == LETTERS[0]
    assert f"{path} page 2: unanswered: " in said.err
    assert run_command(["extract", str(path), "--ocr", "off", "--strict"]) == 1


def test_a_scan_is_read_by_ocr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(image_of_lines(["A scanned letter", "with two lines"]))

    assert run_command(["extract", str(path)]) == 0
    assert "scanned letter" in capsys.readouterr().out


def test_ray_is_not_loaded(letter: Path) -> None:
    code = (
        "import sys\nfrom omnipipe.cli.main import run_command\n"
        f"assert run_command(['extract', {str(letter)!r}]) == 0\n"
        "heavy = {'ray', 'cv2', 'onnxruntime', 'rapidocr', 'pandas'} & set(sys.modules)\nassert not heavy, heavy"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stderr


def test_no_file_is_left_behind(letter: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()

    subprocess.run(
        [sys.executable, "-m", "omnipipe.cli.main", "extract", "-"],
        input=letter.read_bytes(),
        capture_output=True,
        check=True,
        timeout=120,
        env={**os.environ, "TMPDIR": str(folder)},
    )

    assert list(folder.iterdir()) == []


def _with_a_page_without_text() -> bytes:
    from tests.pdfs import pdf_of_contents

    text = b"BT /F1 11 Tf 72 700 Td (%s) Tj ET" % LETTERS[0].encode()
    return pdf_of_contents([text, b"0.2 g 100 100 400 500 re f"])
