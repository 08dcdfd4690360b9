"""The rows of a run, for comparing runs with each other."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from omnipipe.schema import RESULT_COLUMNS


def result_rows(run_dir: Path) -> pa.Table:
    """The result columns of all committed pages, sorted by page_id."""
    tables = [
        pq.read_table(path, columns=list(RESULT_COLUMNS)) for path in sorted((run_dir / "pages").glob("*.parquet"))
    ]
    return pa.concat_tables(tables).sort_by("page_id").combine_chunks()


def column(run_dir: Path, name: str) -> list[object]:
    """One column of `result_rows`."""
    values: list[object] = result_rows(run_dir).column(name).to_pylist()
    return values
