"""Rows of finished jobs in Parquet: `<name>.parquet` for everybody, `<name>.jobs` that says which rows are whose.

The columns are those of `omnipipe.schema.PAGES`, `job_id`, and `row_json`: the row as it was answered. Online rows have
64-bit floats where the columns have 32 bits, and the same request gets the same bytes before and after packing.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.ledger.files import sync_folder, write_over
from omnipipe.online.job import Job, Row
from omnipipe.online.jobs.frame import Kind, encode
from omnipipe.online.jobs.segment import PACKED_SUFFIX

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_BYTES = 1 << 20
_ROW_COLUMNS = ("page_index", "status", "row_json")


class PackedJob(NamedTuple):
    """A finished job to be packed."""

    job: Job
    generation: int
    rows: Sequence[Row]


def load_arrow() -> None:
    """Import what packs need."""

    import omnipipe.schema  # noqa: F401


def write_pack(folder: Path, name: str, jobs: Iterable[PackedJob]) -> int:
    """Write both files durably, the list last: what it names is there. How many jobs that were.

    Raises:
        RunStopped: The disk is full; nothing was kept.
    """
    listed: list[bytes] = []
    write_over(folder / f"{name}.parquet", folder, lambda made: _write_rows(made, jobs, listed))
    write_over(folder / f"{name}{PACKED_SUFFIX}", folder, lambda made: _write_list(made, listed))
    sync_folder(folder)
    return len(listed)


def remove_pack(folder: Path, name: str) -> None:
    """Remove both files, the list first."""
    (folder / f"{name}{PACKED_SUFFIX}").unlink(missing_ok=True)
    (folder / f"{name}.parquet").unlink(missing_ok=True)
    sync_folder(folder)


def read_packed(path: Path, start: int = 0, num_rows: int = sys.maxsize) -> list[Row] | None:
    """`num_rows` rows from row `start` of the Parquet file on; None where it has gone."""
    import pyarrow.parquet as pq

    rows: list[Row] = []
    try:
        with path.open("rb") as opened:
            file = pq.ParquetFile(opened)
            first = 0
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                low, high = max(start - first, 0), min(start + num_rows - first, size)
                if low < high:
                    table = file.read_row_group(group, columns=list(_ROW_COLUMNS), use_threads=False)
                    columns = (table[name].slice(low, high - low).to_pylist() for name in _ROW_COLUMNS)
                    rows += map(Row, *columns)
                first += size
    except FileNotFoundError:
        return None
    return rows


def _write_rows(path: Path, jobs: Iterable[PackedJob], listed: list[bytes]) -> None:
    import pyarrow.parquet as pq

    writer = None
    try:
        for table in _tables(jobs, listed):
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is None:
            writer = pq.ParquetWriter(path, _schema(), compression="zstd")
    finally:
        if writer is not None:
            writer.close()


def _tables(jobs: Iterable[PackedJob], listed: list[bytes]) -> Iterator[pa.Table]:
    ids: list[str] = []
    rows: list[Row] = []
    start = size = 0
    for job, generation, found in jobs:
        plain = {"job": job.to_plain(), "start": start, "num_rows": len(found)}
        payload = json.dumps(plain, separators=(",", ":")).encode()
        listed.append(encode(Kind.PACKED, bytes.fromhex(job.id), generation, payload))
        start += len(found)
        for row in found:
            ids.append(job.id)
            rows.append(row)
            size += len(row.json)
            if size >= _GROUP_BYTES:
                yield _table(ids, rows)
                ids, rows, size = [], [], 0
    if rows:
        yield _table(ids, rows)


def _table(ids: Sequence[str], rows: Sequence[Row]) -> pa.Table:
    import pyarrow as pa

    from omnipipe.schema import PAGES

    pages = _parse([row.json for row in rows])
    arrays = {name: pages[name] for name in PAGES.names}
    # Of the row itself where its JSON lacks them or cannot be parsed.
    arrays["page_index"] = pa.array([row.page_index for row in rows], pa.int32())
    arrays["status"] = pa.array([row.status for row in rows], pa.string())
    arrays["job_id"] = pa.array(ids, pa.string())
    arrays["row_json"] = pa.array([row.json for row in rows], pa.binary())
    return pa.Table.from_arrays(list(arrays.values()), schema=_schema())


def _parse(lines: Sequence[bytes]) -> pa.Table:
    """One row a line; a line that does not fit the schema gives a row of nulls."""
    import pyarrow as pa

    from omnipipe.schema import PAGES

    try:
        table = _parse_all(lines)
        if table.num_rows == len(lines):
            return table
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    if len(lines) == 1:
        return pa.Table.from_arrays([pa.nulls(1, field.type) for field in PAGES], schema=PAGES)
    middle = len(lines) // 2
    return pa.concat_tables([_parse(lines[:middle]), _parse(lines[middle:])])


def _parse_all(lines: Sequence[bytes]) -> pa.Table:
    import pyarrow.json as pj

    from omnipipe.schema import PAGES

    data = b"\n".join(lines)
    table = pj.read_json(
        io.BytesIO(data),
        parse_options=pj.ParseOptions(explicit_schema=PAGES, unexpected_field_behavior="ignore"),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
    )
    return table.select(PAGES.names).cast(PAGES)


@cache
def _schema() -> pa.Schema:
    import pyarrow as pa

    from omnipipe.schema import PAGES

    return PAGES.append(pa.field("job_id", pa.string())).append(pa.field("row_json", pa.binary()))


def _write_list(path: Path, records: Sequence[bytes]) -> None:
    path.write_bytes(b"".join(records))
