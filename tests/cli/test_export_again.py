"""Exports that were killed, or that a full disk ended: the same command is right again, and nothing stays behind."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omnipipe.errors import OutputError
from omnipipe.export.run import ExportOptions, Format, export_run
from tests.cli.test_export import make_run


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def all_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("form", ["markdown", "text", "jsonl"])
def test_an_export_that_found_a_full_disk_can_be_repeated(tmp_path: Path, form: Format) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1)])
    options = ExportOptions(format=form)
    with files_of_at_most(10), pytest.raises(OutputError, match="cannot be written: File too large"):
        export_run(run, tmp_path / "out", options)
    assert all_in(tmp_path / "out") == set()

    assert export_run(run, tmp_path / "out", options).num_documents == 1

    with files_of_at_most(10), pytest.raises(OutputError):
        export_run(run, tmp_path / "out", options)
    assert export_run(run, tmp_path / "out", options).num_documents == 1


def test_a_file_that_a_full_disk_ended_leaves_nothing_half_written(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 900)])

    with files_of_at_most(1000), pytest.raises(OutputError, match="cannot be written: File too large"):
        export_run(run, tmp_path / "out" / "x.jsonl", ExportOptions(format="jsonl"))

    assert all_in(tmp_path / "out") == set()


def test_what_a_killed_export_left_half_written_goes_when_it_is_repeated(tmp_path: Path) -> None:
    run, out = make_run(tmp_path, [("/d/a.pdf", 1)]), tmp_path / "out"
    out.mkdir()
    for name in (".77-documents-00000.jsonl.zst", ".omnipipe-77.tmp"):
        (out / name).write_text("half")

    export_run(run, out, ExportOptions(format="jsonl"))

    assert all_in(out) == {"documents-00000.jsonl.zst", ".omnipipe-export.json"}

    for name in (".77-x.jsonl", ".77-y.jsonl", "documents-mine.jsonl.zst"):
        (out / name).write_text("half, or another's")

    export_run(run, out / "x.jsonl", ExportOptions(format="jsonl"))
    export_run(run, out, ExportOptions(format="jsonl"))

    assert all_in(out) - {"documents-00000.jsonl.zst", ".omnipipe-export.json"} == {
        ".77-y.jsonl",
        "x.jsonl",
        "documents-mine.jsonl.zst",
    }
