"""Large parts, each document's pages together and in order, from a run's many small files."""

from __future__ import annotations

import contextlib
import re
import sys
from collections import OrderedDict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.errors import OutputError
from omnipipe.ledger.files import REMEDY, stopping, temporary
from omnipipe.ledger.layout import RunLayout, local_path
from omnipipe.ledger.manifest import Manifest
from omnipipe.ledger.plantable import PlanTable
from omnipipe.ledger.unitfile import read_rows

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_ROWS = 4096
_OPEN_UNITS = 8


class CompactReport(NamedTuple):
    """The files that were written and the number of rows in them."""

    paths: list[Path]
    num_rows: int


def compact_run(run_dir: Path | str, output: Path | str, *, rows_per_file: int = 500_000) -> CompactReport:
    """Write the pages of a run as `output/part-NNNNNN.parquet`: documents in the order of the plan, pages ascending.

    The run itself stays as it is. Memory holds one row group (4,096 pages) and a few units. Sorting by doc_id was
    given up: it is a hash, so every unit would have to be held until the end.

    Raises:
        OutputError: There is no finished run in `run_dir`, it holds damaged files, or `output` is not empty or
            cannot be written.
    """
    layout = RunLayout(local_path(run_dir).absolute())
    manifest = Manifest.load(layout)
    if manifest is None:
        raise OutputError(f"{layout.root} holds no run: it has no manifest.json.")
    target = local_path(output).absolute()
    if target.exists() and (not target.is_dir() or not _is_left_over({path.name for path in target.iterdir()})):
        raise OutputError(f"{target} is there already and not empty. Choose a new directory with -o.")
    if target == layout.root or layout.root in target.parents:
        raise OutputError(f"{target} is inside the run. Choose a directory outside of {layout.root}.")
    plan = _finished_plan(layout, manifest)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path in target.iterdir():
            path.unlink(missing_ok=True)
        return _write(_groups(layout, plan), target, rows_per_file)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}. Choose another output with -o.") from error


def _is_left_over(names: Collection[str]) -> bool:
    """Whether a compaction that was killed left a folder with these names; as long as it lacks its first part."""
    is_halfway = any(re.fullmatch(r"part-000000\.\d+\.\d+\.tmp", name) for name in names)
    left = r"part-\d{6}(\.\d+\.\d+)?\.tmp" + (r"|part-\d{6}\.parquet" if is_halfway else "")
    return all(re.fullmatch(left, name) for name in names)


def _finished_plan(layout: RunLayout, manifest: Manifest) -> PlanTable:
    """The plan of a run that has come to its end: what else would be missing, nobody could tell from the parts."""
    plan = PlanTable(layout, "")
    finished = manifest.finished
    if finished is None or finished.get("pages_in") != plan.num_pages:
        raise OutputError(
            f"{layout.root} is not finished: a run is at it, or ended early. Run the same command again first."
        )
    return plan


def _write(groups: Iterator[pa.Table], target: Path, rows_per_file: int) -> CompactReport:
    """Each part gets its name when all are whole: who is killed leaves nothing that looks like a result."""
    import pyarrow.parquet as pq

    from omnipipe.schema import PAGES

    parts: dict[Path, Path] = {}
    named: list[Path] = []
    total = 0
    try:
        with stopping(target):
            group = next(groups, None)
            while group is not None:
                path = target / f"part-{len(parts):06}.parquet"
                made = parts[path] = target / f"{temporary(target, path.stem).name}.tmp"
                left = min(rows_per_file, sys.maxsize)
                with pq.ParquetWriter(made, PAGES, compression="zstd", write_page_checksum=True) as writer:
                    while group is not None and left > 0:
                        piece = group.slice(0, left)
                        writer.write_table(piece)
                        left -= piece.num_rows
                        total += piece.num_rows
                        group = group.slice(piece.num_rows) if piece.num_rows < group.num_rows else next(groups, None)
            # The first part last: without it, the folder is known to be halfway.
            for path, made in reversed(parts.items()):
                made.replace(path)
                named.append(path)
    except BaseException:
        # The same command again begins anew, and only in an empty folder.
        for path in (*named, *parts.values()):
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return CompactReport(named[::-1], total)


def _groups(layout: RunLayout, plan: PlanTable) -> Iterator[pa.Table]:
    import pyarrow as pa

    waiting: list[pa.Table] = []
    rows = 0
    for piece in _pieces(layout, plan):
        waiting.append(piece)
        rows += piece.num_rows
        if rows >= _GROUP_ROWS:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _pieces(layout: RunLayout, plan: PlanTable) -> Iterator[pa.Table]:
    """The rows of each planned member, documents in the order of the plan, pages ascending."""
    rows: dict[str, dict[tuple[str, int], int]] = {}
    tables: OrderedDict[str, pa.Table] = OrderedDict()
    for doc_id in plan.doc_ids():
        for unit_id, member in plan.of_document(doc_id):
            if unit_id not in tables:
                tables[unit_id] = _unit_table(layout, unit_id)
                if len(tables) > _OPEN_UNITS:
                    gone, _ = tables.popitem(last=False)
                    del rows[gone]
                keys = zip(
                    *(tables[unit_id].column(name).to_pylist() for name in ("doc_id", "page_index")), strict=True
                )
                rows[unit_id] = {key: row for row, key in enumerate(keys)}
            first = rows[unit_id].get((doc_id, member.start), -1)
            last = rows[unit_id].get((doc_id, member.start + member.num_rows - 1))
            if first < 0 or last != first + member.num_rows - 1:
                raise OutputError(
                    f"{layout.root} has changed since this began: unit {unit_id} no longer holds all "
                    f"planned pages of {member.document.uri}. Let the run come to its end, and repeat this command."
                )
            yield tables[unit_id].slice(first, member.num_rows)


def _unit_table(layout: RunLayout, unit_id: str) -> pa.Table:
    from omnipipe.schema import PAGES

    try:
        return read_rows(layout.unit_file(unit_id)).cast(PAGES)
    except FileNotFoundError as error:
        raise OutputError(
            f"{layout.root} is not finished: unit {unit_id} is not committed. Run the same command again first."
        ) from error
    except OSError as error:
        raise OutputError(f"{layout.unit_file(unit_id)} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise OutputError(f"pages/{unit_id}.parquet is damaged. {REMEDY}") from error
