"""`compact_run` writes the same rows into few files."""

from __future__ import annotations

import resource
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnipipe.errors import OutputError, RunStopped
from omnipipe.ledger.compact import compact_run
from omnipipe.ledger.ledger import Ledger
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
