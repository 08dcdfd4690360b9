"""`compact_run` writes the same rows into few files."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnipipe.errors import OutputError, RunStopped
from omnipipe.ledger.compact import _pieces, compact_run
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.plantable import PlanTable
from omnipipe.schema import PAGES
from tests.ledgerkit import PIPELINE, index, pages_of, record, run_all


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with Ledger.open(tmp_path / "out", PIPELINE) as ledger:
        index(ledger, [record(f"{i}.pdf", 40) for i in range(20)])
        run_all(ledger)
        index(ledger, [record("big.pdf", 600), record("3.pdf", 7, body="changed")], max_pages=500)
        run_all(ledger)
        ledger.finish()
    return tmp_path / "out"


def test_parts_hold_the_same_rows_with_documents_together(run: Path, tmp_path: Path) -> None:
    report = compact_run(run, tmp_path / "parts", rows_per_file=500)

    sizes = [pq.ParquetFile(path).metadata.num_rows for path in report.paths]
    assert sizes == [500, 500, report.num_rows - 1000]
    compacted = pa.concat_tables(pq.ParquetFile(path).read() for path in report.paths)
    assert compacted.schema.equals(PAGES)
    assert compacted.sort_by("page_id").equals(pages_of(run).cast(PAGES).sort_by("page_id"))
    keys = list(zip(compacted.column("doc_id").to_pylist(), compacted.column("page_index").to_pylist(), strict=True))
    order = list(dict.fromkeys(doc_id for doc_id, _ in keys))
    assert keys == sorted(keys, key=lambda key: (order.index(key[0]), key[1]))


def test_an_output_with_files_in_it_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not empty"):
        compact_run(run, run)
    with pytest.raises(OutputError, match="inside the run"):
        compact_run(run, run / "compacted")


def test_an_unfinished_run_is_refused(run: Path, tmp_path: Path) -> None:
    next((run / "pages").iterdir()).unlink()

    with pytest.raises(OutputError, match="is not finished"):
        compact_run(run, tmp_path / "parts")


def test_an_output_that_cannot_be_written_is_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")

    for output in (tmp_path / "file" / "large", tmp_path / "\udcff", "-"):
        with pytest.raises(OutputError, match=r"cannot be written|no valid Unicode|no folder"):
            compact_run(run, output)


def test_parts_may_be_larger_than_any_run(run: Path, tmp_path: Path) -> None:
    assert len(compact_run(run, tmp_path / "large", rows_per_file=10**30).paths) == 1


def test_a_compaction_that_stops_leaves_nothing_behind(run: Path, tmp_path: Path) -> None:
    """Before, the same command again was refused: its folder was not empty any more."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(RunStopped, match="full"):
            compact_run(run, tmp_path / "large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert compact_run(run, tmp_path / "large").num_rows == pages_of(run).num_rows


def test_a_run_that_is_still_indexed_is_refused(tmp_path: Path) -> None:
    """All that is planned by now is committed, and nobody could tell that more was to come."""
    with Ledger.open(tmp_path / "out", PIPELINE) as ledger:
        index(ledger, [record("a.pdf", 3)])
        run_all(ledger)
        with pytest.raises(OutputError, match="is not finished"):
            compact_run(tmp_path / "out", tmp_path / "parts")
        ledger.finish()
    assert compact_run(tmp_path / "out", tmp_path / "parts").num_rows == 3

    with Ledger.open(tmp_path / "out", PIPELINE) as ledger:
        index(ledger, [record("b.pdf", 2)])
        run_all(ledger)
        with pytest.raises(OutputError, match="is not finished"):
            compact_run(tmp_path / "out", tmp_path / "more")


def test_a_run_that_lost_its_plan_is_no_empty_result(run: Path, tmp_path: Path) -> None:
    for path in (run / "plan").iterdir():
        path.unlink()

    with pytest.raises(OutputError, match="is not finished"):
        compact_run(run, tmp_path / "parts")


def test_a_document_that_changes_meanwhile_is_said(run: Path, tmp_path: Path) -> None:
    layout = RunLayout(run)
    plan = PlanTable(layout, "")
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [record("0.pdf", 40, body="changed")])

    with pytest.raises(OutputError, match="has changed since this began"):
        list(_pieces(layout, plan))


def test_a_compaction_that_was_killed_can_be_repeated_and_looks_like_no_result(run: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    killed = f"""
import os
from pathlib import Path
from omnipipe.ledger import compact
kept = compact.temporary
def temporary(folder, name):
    if name == "part-000002":
        os.kill(os.getpid(), 9)
    return kept(folder, name)
compact.temporary = temporary
compact.compact_run(Path({str(run)!r}), Path({str(large)!r}), rows_per_file=500)
"""
    assert subprocess.run([sys.executable, "-c", killed]).returncode == -9
    assert list(large.iterdir()) != []
    assert list(large.glob("*.parquet")) == []

    report = compact_run(run, large)

    assert report.num_rows == pages_of(run).num_rows
    assert sorted(large.iterdir()) == report.paths


def test_a_compaction_that_was_killed_while_it_named_its_parts_can_be_repeated(run: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    killed = f"""
import os
from pathlib import Path
from omnipipe.ledger import compact
kept, named = Path.replace, []
def replace(self, target):
    named.append(target)
    if len(named) == 2:
        os.kill(os.getpid(), 9)
    return kept(self, target)
Path.replace = replace
compact.compact_run(Path({str(run)!r}), Path({str(large)!r}), rows_per_file=500)
"""
    assert subprocess.run([sys.executable, "-c", killed]).returncode == -9
    assert len(list(large.glob("*.parquet"))) == 1

    report = compact_run(run, large, rows_per_file=1000)

    assert sorted(large.iterdir()) == report.paths
    with pytest.raises(OutputError, match="not empty"):
        compact_run(run, large)
