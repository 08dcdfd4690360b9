"""Changes to a unit's file after its commit: rows computed anew, and rows that leave the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from omnipipe.ledger.files import write_first, write_over
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.member import row_keys
from omnipipe.ledger.unitfile import UnitInfo, count_rows, read_info, read_rows, unit_lock, write_unit
from omnipipe.unit import Member, Unit

if TYPE_CHECKING:
    import pyarrow as pa


def merge_rows(layout: RunLayout, run_id: str, unit: Unit, table: pa.Table) -> bool:
    """Put the rows of `table` in the place of those with the same keys in the file that `unit` replaces.

    Rows that have left that file meanwhile stay out. False where it was done before, or the file has gone.
    """
    import pyarrow as pa

    if unit.replaces is None:
        raise ValueError(f"unit {unit.id} replaces nothing")
    path = layout.unit_file(unit.replaces)
    with unit_lock(layout, run_id, unit.replaces):
        if not path.exists():
            return False
        info = read_info(path)
        if unit.id in info.merged:
            return False
        old = read_rows(path)
        place = {key: old.num_rows + row for row, key in enumerate(_row_ids(table))}
        rows = [place.get(key, row) for row, key in enumerate(_row_ids(old))]
        merged = pa.concat_tables([old, table]).take(pa.array(rows, pa.int64())).combine_chunks()
        _write(layout, run_id, replace(info, merged=(*info.merged, unit.id)), merged)
    return True


def keep_members(layout: RunLayout, run_id: str, unit: Unit, config_hash: str) -> bool:
    """Make the file of `unit` hold the rows of its members and no others; a unit without any keeps its name taken.

    False where nothing had to be done, or the unit was never committed and still has members.
    """
    import pyarrow as pa

    path = layout.unit_file(unit.id)
    if not unit.members:
        from omnipipe.schema import PAGES

        counts, digest = count_rows(PAGES.empty_table())
        empty = UnitInfo(
            unit_id=unit.id,
            pass_index=unit.pass_index,
            run_id=run_id,
            config_hash=config_hash,
            members=(),
            merged=(),
            counts=counts,
            digest=digest,
        )
        write = lambda made: write_unit(made, PAGES.empty_table(), empty)  # noqa: E731
        if not path.exists() and write_first(path, layout.run_tmp(run_id), write):
            return True
    if not path.exists():
        return False
    with unit_lock(layout, run_id, unit.id):
        info = read_info(path)
        if [_span(member) for member in info.members] == [_span(member) for member in unit.members]:
            return False
        wanted = {(doc_id, index) for doc_id, index, _ in row_keys(unit.members)}
        old = read_rows(path)
        rows = [row for row, key in enumerate(_row_ids(old)) if key in wanted]
        kept = old.take(pa.array(rows, pa.int64())).combine_chunks()
        _write(layout, run_id, replace(info, members=unit.members), kept)
    return True


def _write(layout: RunLayout, run_id: str, info: UnitInfo, table: pa.Table) -> None:
    counts, digest = count_rows(table)
    made = replace(info, counts=counts, digest=digest)
    write_over(layout.unit_file(info.unit_id), layout.run_tmp(run_id), lambda path: write_unit(path, table, made))


def _row_ids(table: pa.Table) -> Sequence[tuple[str, int]]:
    return list(zip(table.column("doc_id").to_pylist(), table.column("page_index").to_pylist(), strict=True))


def _span(member: Member) -> tuple[str, int, int, str]:
    return member.document.doc_id, member.start, member.stop, member.kind
