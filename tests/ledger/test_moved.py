"""Documents that are elsewhere when a run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnipipe.batch import RunOptions, RunSummary, run
from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.verify import verify_run
from omnipipe.pipeline import load_pipeline
from omnipipe.reading.process import ReaderLimits
from omnipipe.sources.expand import expand
from omnipipe.sources.index import index_sources
from tests.pdfs import pdf_of_texts
from tests.rows import column

TEXT = "A page with a few words\nthat anybody can read in peace."


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run that was killed when two documents, of 3 and 2 pages, were planned and none was read."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, count in (("a", 3), ("b", 2)):
        (folder / f"{name}.pdf").write_bytes(pdf_of_texts([f"{name} {page}. {TEXT}" for page in range(count)]))
    with Ledger.open(tmp_path / "out", load_pipeline("text_layer")) as ledger:
        records = list(index_sources(expand([folder]), num_processes=1, limits=ReaderLimits()))
        ledger.add_sources(records)
        ledger.plan(records)
    return tmp_path / "out"


def read(inputs: Path, output: Path, **options: object) -> RunSummary:
    return run("text_layer", inputs, output, RunOptions(runner="local", **options))  # type: ignore[arg-type]


def test_planned_documents_that_moved_are_read_where_they_are(tmp_path: Path, out: Path) -> None:
    (tmp_path / "in").rename(tmp_path / "moved")

    summary = read(tmp_path / "moved", out)

    assert summary.statuses == {"ok": 5}
    assert {Path(str(uri)).parent.name for uri in column(out, "source_uri")} == {"moved"}


def test_a_planned_document_whose_name_another_took_is_read_where_it_is(tmp_path: Path, out: Path) -> None:
    (tmp_path / "in" / "a.pdf").rename(tmp_path / "in" / "z.pdf")
    (tmp_path / "in" / "a.pdf").write_bytes(pdf_of_texts([TEXT]))

    assert read(tmp_path / "in", out).statuses == {"ok": 6}


def test_a_touched_document_is_read_although_it_is_not_named_again(tmp_path: Path, out: Path) -> None:
    (tmp_path / "in" / "a.pdf").touch()

    assert read(tmp_path / "in" / "b.pdf", out).statuses == {"ok": 5}


def test_pages_that_were_missing_are_tried_again_where_the_document_is(tmp_path: Path, out: Path) -> None:
    (tmp_path / "in" / "a.pdf").rename(tmp_path / "elsewhere.pdf")
    assert read(tmp_path / "in", out).error_codes == {"missing": 3}
    read(tmp_path / "elsewhere.pdf", out)

    again = read(tmp_path / "elsewhere.pdf", out, retry="failed")

    assert again.statuses == {"ok": 5}


def test_a_folder_that_could_not_be_had_leaves_no_row_once_its_documents_are_known(tmp_path: Path) -> None:
    late, folder = tmp_path / "late", tmp_path / "in"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(pdf_of_texts([TEXT]))
    (tmp_path / "list.txt").write_text("in\nlate\n")
    assert read(tmp_path / "list.txt", tmp_path / "out").error_codes == {"missing": 1}

    late.mkdir()
    for number in range(2):
        (late / f"{number}.pdf").write_bytes(pdf_of_texts([f"{number}. {TEXT}"]))

    assert read(tmp_path / "list.txt", tmp_path / "out", limit=2).error_codes == {"missing": 1}
    summary = read(tmp_path / "list.txt", tmp_path / "out")
    assert (summary.statuses, summary.documents) == ({"ok": 3}, 3)
    assert read(tmp_path / "list.txt", tmp_path / "out", retry="failed").pages_this_run == 0
    assert verify_run(tmp_path / "out").ok
