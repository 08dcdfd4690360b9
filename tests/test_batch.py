"""A run from end to end in this process: what it leaves, what it repeats, what it refuses."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from omnipipe import Pipeline, RunSummary, Stage
from omnipipe.batch import MaxFailed, RunOptions, run
from omnipipe.errors import AccountingError, ConfigError, InputError, Interrupted, OutputError, UserError
from omnipipe.ledger.packing import UnitSize
from omnipipe.page import Page
from omnipipe.pipeline import load_pipeline
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from tests.pdfs import pdf_of_contents, pdf_of_texts
from tests.rows import column, result_rows

TEXT = "A page with a few words\nthat anybody can read in peace."


def write_documents(folder: Path, *counts: int) -> Path:
    folder.mkdir(exist_ok=True)
    for number, count in enumerate(counts):
        texts = [f"Document {number} has a page {page}.\n{TEXT}" for page in range(count)]
        (folder / f"d{number}.pdf").write_bytes(pdf_of_texts(texts))
    return folder


def read(inputs: Path, output: Path, **options: object) -> RunSummary:
    return run("text_layer", inputs, output, RunOptions(runner="local", **options))  # type: ignore[arg-type]


class Stumble(Stage):
    """Raises on the pages with these indices."""

    bad: tuple[int, ...]

    def wants(self, page: Page) -> bool:
        return page.status == "ok"

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        if any(page.index in self.bad for page in pages):
            raise RuntimeError("stumbled")
        return pages


class StopsTheRun(Stage):
    """Presses Ctrl-C at the page with this index."""

    def wants(self, page: Page) -> bool:
        return page.index == 2

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        raise KeyboardInterrupt


def test_every_page_has_one_row(tmp_path: Path) -> None:
    summary = read(write_documents(tmp_path / "in", 3, 1), tmp_path / "out")

    assert summary.statuses == {"ok": 4}
    assert summary.pages_in == 4
    assert sorted(column(tmp_path / "out", "page_number")) == [1, 1, 2, 3]  # type: ignore[type-var]


def test_a_second_run_reads_nothing_again(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 2)
    read(inputs, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}

    summary = read(inputs, tmp_path / "out")

    assert summary.pages_this_run == 0
    assert summary.statuses == {"ok": 2}
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")} == before


def test_added_documents_are_all_that_is_read(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 2)
    read(inputs, tmp_path / "out")
    (inputs / "late.pdf").write_bytes(pdf_of_texts([f"Late.\n{TEXT}"]))

    summary = read(inputs, tmp_path / "out")

    assert summary.pages_this_run == 1
    assert summary.pages_in == 3


def test_a_changed_document_replaces_its_rows(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 2, 1)
    read(inputs, tmp_path / "out")
    time.sleep(0.01)
    (inputs / "d0.pdf").write_bytes(pdf_of_texts([f"Quite another document.\n{TEXT}"]))

    summary = read(inputs, tmp_path / "out")

    assert summary.pages_in == 2
    assert sum("another" in str(text) for text in column(tmp_path / "out", "text")) == 1


def test_rows_do_not_depend_on_the_size_of_units(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 9, 1, 4)
    for size in (1, 7, 64):
        read(inputs, tmp_path / str(size), unit_size=UnitSize(max_pages=size, min_seconds=30.0))

    assert len(list((tmp_path / "1" / "pages").iterdir())) == 14
    assert len(list((tmp_path / "64" / "pages").iterdir())) == 1
    assert result_rows(tmp_path / "1").equals(result_rows(tmp_path / "64"))
    assert result_rows(tmp_path / "7").equals(result_rows(tmp_path / "64"))


def test_pages_that_need_ocr_make_small_units_only_where_they_get_it(tmp_path: Path) -> None:
    drawings = tmp_path / "drawings.pdf"
    drawings.write_bytes(pdf_of_contents([b"100 100 300 300 re f"] * 12))

    read(drawings, tmp_path / "text")
    run(Pipeline("drawn", (Read(), Render())), drawings, tmp_path / "drawn", RunOptions(runner="local"))

    assert len(list((tmp_path / "text" / "pages").iterdir())) == 1
    assert len(list((tmp_path / "drawn" / "pages").iterdir())) == 12


def test_a_page_read_alone_has_the_same_row(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 5)
    read(inputs, tmp_path / "all")
    read(inputs, tmp_path / "one", pages="3")

    assert result_rows(tmp_path / "one").equals(result_rows(tmp_path / "all").slice(2, 1))


def test_more_pages_later_add_to_the_same_run(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 5)
    read(inputs, tmp_path / "out", pages="2-3")

    summary = read(inputs, tmp_path / "out")

    assert summary.pages_this_run == 3
    assert column(tmp_path / "out", "page_number") == [1, 2, 3, 4, 5]


def test_pages_beyond_max_pages_are_one_skipped_row(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 5)
    summary = read(inputs, tmp_path / "out", max_pages=2)

    assert summary.statuses == {"ok": 2, "skipped": 3}
    assert column(tmp_path / "out", "num_pages") == [1, 1, 3]


def test_max_pages_can_grow(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 5)
    read(inputs, tmp_path / "out", max_pages=2)

    summary = read(inputs, tmp_path / "out", max_pages=4)

    assert summary.statuses == {"ok": 4, "skipped": 1}


def test_failed_pages_are_computed_anew_on_demand(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 3)
    pipeline = Pipeline("p", (Read(), Stumble(bad=(1,))))
    summary = run(pipeline, inputs, tmp_path / "out", RunOptions(runner="local"))
    assert summary.statuses == {"ok": 2, "failed": 1}
    assert summary.error_codes == {"stage_error": 1}

    again = run(pipeline, inputs, tmp_path / "out", RunOptions(runner="local", retry="failed"))

    assert again.pages_this_run == 1
    assert again.statuses == {"ok": 2, "failed": 1}


def test_too_many_failures_end_with_their_number(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 4)
    pipeline = Pipeline("p", (Read(), Stumble(bad=(1, 2))))

    with pytest.raises(AccountingError, match=r"2 pages failed; --max-failed allows 1 page\."):
        run(pipeline, inputs, tmp_path / "out", RunOptions(runner="local", max_failed="1"))
    with pytest.raises(AccountingError, match=r"allows 25\.00% of 4 pages"):
        run(pipeline, inputs, tmp_path / "out", RunOptions(runner="local", max_failed="25%"))


def test_a_run_that_stops_early_has_ended_its_readers(tmp_path: Path) -> None:
    """More documents than the first window has, so that it stops before all are indexed."""
    (tmp_path / "in").mkdir()
    for number in range(70):
        (tmp_path / "in" / f"{number}.pdf").write_bytes(b"no PDF %d" % number)

    with pytest.raises(AccountingError) as stopped:
        run("text_layer", tmp_path / "in", tmp_path / "out", RunOptions(runner="local", max_failed="0"))

    # What was raised still holds the frames of the run.
    assert stopped.tb is not None
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("omnipipe-index")]


@pytest.mark.parametrize("text", ["many", "120%", "-1", "1.5"])
def test_a_wrong_max_failed_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="neither a count nor a share"):
        MaxFailed.parse(text)


def test_another_pipeline_into_the_same_run_is_refused(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 1)
    read(inputs, tmp_path / "out")

    with pytest.raises(OutputError, match="--fresh"):
        run(Pipeline("p", (Read(headings=False),)), inputs, tmp_path / "out", RunOptions(runner="local"))


def test_ctrl_c_says_what_is_committed_and_the_same_call_goes_on(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 5)
    pipeline = load_pipeline("text_layer")
    size = UnitSize(max_pages=1, min_seconds=0.001)
    stopping = Pipeline(pipeline.name, (*pipeline.stages, StopsTheRun()))
    with pytest.raises(Interrupted, match=r"2 pages are committed.*The same command goes on") as caught:
        run(stopping, inputs, tmp_path / "out", RunOptions(runner="local", unit_size=size))
    assert caught.value.exit_code == 130
    assert threading.active_count() < 20

    with pytest.raises(Interrupted, match="2 pages are committed"):
        run(stopping, inputs, tmp_path / "out", RunOptions(runner="local", unit_size=size))


def test_the_same_bytes_twice_are_one_document(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 2)
    (inputs / "copy.pdf").write_bytes((inputs / "d0.pdf").read_bytes())

    summary = read(inputs, tmp_path / "out")

    assert summary.pages_in == 2
    assert summary.documents == 1


def test_a_document_that_vanishes_before_it_is_read_says_so(tmp_path: Path) -> None:
    inputs = write_documents(tmp_path / "in", 1)

    class Vanish(Read):
        def process(self, pages: Sequence[Page]) -> Sequence[Page]:
            (inputs / "d0.pdf").unlink(missing_ok=True)
            return super().process(pages)

    run(Pipeline("p", (Vanish(),)), inputs, tmp_path / "out", RunOptions(runner="local"))

    assert column(tmp_path / "out", "error_code") == ["missing"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runner": "locl"}, "runner='locl' is unknown"),
        ({"limit": 0}, "limit=0 is less than 1"),
        ({"max_pages": -1}, "max_pages=-1 is less than 1"),
        ({"concurrency": (2, 1)}, r"concurrency=\(2, 1\) is not"),
        ({"passwords": "secret"}, "passwords is one text"),
        ({"pages": "3-1"}, "ends before it starts"),
        ({"pages": ""}, "is not a page"),
        ({"retry": ""}, "is not one of"),
        ({"pages": 3}, "pages=3 is no text"),
        ({"max_failed": 0.3}, "max_failed=0.3 is no text"),
        ({"retry": ["failed"]}, "is no text"),
        ({"limit": "3"}, "limit='3' is no whole number"),
        ({"max_pages": 1.5}, "max_pages=1.5 is no whole number"),
        ({"concurrency": 3}, "concurrency=3 is not"),
        ({"concurrency": ("1", "2")}, "is not"),
        ({"passwords": (b"secret",)}, "has one that is no text"),
        ({"max_failed": "abc"}, "neither a count nor a share"),
        ({"retry": "ok"}, "is not one of"),
    ],
)
def test_an_option_out_of_its_bounds_is_refused_from_python_too(options: dict[str, object], words: str) -> None:
    """Before, another runner was Ray, and a password was tried by its letters."""
    with pytest.raises(UserError, match=words):
        RunOptions(**options)  # type: ignore[arg-type]


def test_a_document_in_the_folders_of_a_run_stays(tmp_path: Path) -> None:
    """Before, all in `starts`, and what lay for an hour in `tmp`, was taken for what a run had left there."""
    inputs = write_documents(tmp_path / "in", 1)
    read(inputs, tmp_path / "out")
    mine = [tmp_path / "out" / folder / "mine.pdf" for folder in ("tmp", "starts", "pages", "documents", "spool")]
    left = tmp_path / "out" / "tmp" / "000001.parquet.12.34"
    for path in (*mine, left):
        path.write_bytes(b"")
        os.utime(path, (1, 1))

    read(write_documents(tmp_path / "in", 1, 1), tmp_path / "out")

    assert all(path.exists() for path in mine)
    assert not left.exists()


def test_documents_without_any_of_the_pages_asked_for_are_told(tmp_path: Path) -> None:
    """Before, the run said that nothing was missing."""
    inputs = write_documents(tmp_path / "in", 2, 5, 1)
    (inputs / "damaged.pdf").write_bytes(b"%PDF-1.4 junk")

    summary = read(inputs, tmp_path / "out", pages="3-")

    assert summary.statuses == {"ok": 3, "failed": 1}
    assert summary.warnings == ("--pages 3-: 2 documents of 4 have no such page.",)
    assert read(inputs, tmp_path / "out", pages="2").warnings == ("--pages 2: 1 document of 4 has no such page.",)
    assert read(inputs, tmp_path / "out", pages="1").warnings == ()


def test_no_run_begins_for_an_input_that_is_not_there(tmp_path: Path) -> None:
    """Before, an empty run was left there, and the right input with another pipeline was refused."""
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "typo", tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_fresh_with_inputs_or_a_cluster_that_are_not_there_keeps_what_is(tmp_path: Path) -> None:
    """Before, a mistyped input emptied the run directory and then was refused."""
    inputs = write_documents(tmp_path / "in", 2)
    read(inputs, tmp_path / "out")
    rows = result_rows(tmp_path / "out")

    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "typo", tmp_path / "out", fresh=True)

    with pytest.raises(ConfigError, match=r"nothing answers at 127\.0\.0\.1:1 "):
        run("text_layer", inputs, tmp_path / "out", RunOptions(address="127.0.0.1:1", fresh=True))

    assert result_rows(tmp_path / "out") == rows
    assert read(inputs, tmp_path / "out", fresh=True).pages_this_run == 2
