"""The worker's side of the ledger: what is done, how to attempt a unit, and the commit that makes it final."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omnipipe.errors import AccountingError
from omnipipe.ledger.files import stopping, write_first
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.member import Key, row_keys, without_pages
from omnipipe.ledger.openpages import read_open, write_open
from omnipipe.ledger.starts import append_end, append_page, append_start, judge
from omnipipe.page import Page
from omnipipe.unit import Unit

if TYPE_CHECKING:
    import pyarrow as pa

    from omnipipe.ledger.spool import Spool


@dataclass(frozen=True, slots=True)
class Attempt:
    """How to run a unit now.

    mode `whole`: as usual. `page_by_page`: call `UnitStore.record_page` before each page and run it alone.
    `poisoned` holds the ids (`Page.id`) of pages that must not run: they end as `failed` with code `worker_died`.
    """

    mode: Literal["whole", "page_by_page"] = "whole"
    poisoned: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UnitStore:
    """Commits of one driver's workers into one run directory. Picklable and cheap; holds no open files."""

    run_dir: Path
    run_id: str
    boot_id: str
    config_hash: str
    num_passes: int = 1

    @property
    def _layout(self) -> RunLayout:
        return RunLayout(self.run_dir)

    def is_done(self, unit: Unit) -> bool:
        """Whether some worker has committed `unit` already."""
        if unit.replaces is None:
            return self._layout.unit_file(unit.id).exists()
        from omnipipe.ledger.unitfile import read_info

        try:
            return unit.id in read_info(self._layout.unit_file(unit.replaces)).merged
        except FileNotFoundError:
            # Somebody removed the file: its own unit is planned work again, and computes these pages too.
            return True

    def was_started(self, unit: Unit) -> bool:
        """Whether an attempt at `unit` was cut off before."""
        return self._layout.starts_file(unit.id).exists()

    def spool(self, unit: Unit) -> Spool:
        """Where the dear answers of `unit` are kept until it is committed."""
        from omnipipe.ledger.spool import Spool

        return Spool(self._layout.spool_file(unit.id))

    def open_pages(self, unit: Unit) -> list[Page] | None:
        """The pages of `unit` as an earlier pass left them; None in the first pass.

        Raises:
            OutputError: What was left is damaged.
        """
        if not unit.origins:
            return None
        wanted = {(doc_id, index) for doc_id, index, _ in row_keys(unit.members)}
        pages = (page for origin in unit.origins for page in read_open(self._layout.open_file(origin)))
        return [page for page in pages if (page.doc_id, page.index) in wanted]

    def plan_attempt(self, unit: Unit, worker: str) -> Attempt:
        """Record that `worker` starts `unit` now, and say how, from the earlier starts that did not end in a commit."""
        with stopping(self._layout.starts):
            before = append_start(self._layout.starts_file(unit.id), self.boot_id, worker)
        if not before:
            return Attempt()
        verdict = judge(before, self.boot_id)
        return Attempt("page_by_page" if verdict.is_alone else "whole", verdict.poisoned)

    def record_page(self, unit: Unit, page_id: str) -> None:
        """Record that the page `page_id` starts alone; only in mode `page_by_page`."""
        with stopping(self._layout.starts):
            append_page(self._layout.starts_file(unit.id), self.boot_id, page_id)

    def record_end(self, unit: Unit) -> None:
        """Record that all pages came through alone: a death before the commit is not the last one's."""
        with stopping(self._layout.starts):
            append_end(self._layout.starts_file(unit.id), self.boot_id)

    def commit(self, unit: Unit, pages: Sequence[Page]) -> bool:
        """Make the rows of `unit` final; False where another worker was first and its rows stay.

        Pages that are still open are written where the next pass finds them; they are not rows of this unit.

        Raises:
            AccountingError: `pages` are not exactly the unit's rows, in order and all finished.
            RunStopped: The disk is full or the run directory is gone; nothing half-written stays.
        """
        from omnipipe.ledger.rewrite import merge_rows
        from omnipipe.ledger.unitfile import UnitInfo, count_rows, write_unit

        _check(unit, pages)
        layout = self._layout
        left = [page for page in pages if page.is_open]
        members = unit.members
        if left:
            self._leave(unit, left)
            members = without_pages(members, {(page.doc_id, page.index) for page in left})
            pages = [page for page in pages if not page.is_open]
        table = self._table(pages)
        if unit.replaces is not None:
            with stopping(layout.run_tmp(self.run_id)):
                is_first = merge_rows(layout, self.run_id, unit, table)
        else:
            counts, digest = count_rows(table)
            info = UnitInfo(
                unit_id=unit.id,
                pass_index=unit.pass_index,
                run_id=self.run_id,
                config_hash=self.config_hash,
                members=members,
                merged=(),
                counts=counts,
                digest=digest,
            )
            path = layout.unit_file(unit.id)
            is_first = write_first(path, layout.run_tmp(self.run_id), lambda made: write_unit(made, table, info))
        with contextlib.suppress(OSError):
            layout.starts_file(unit.id).unlink(missing_ok=True)
            layout.spool_file(unit.id).unlink(missing_ok=True)
        return is_first

    def _leave(self, unit: Unit, pages: Sequence[Page]) -> None:
        if unit.pass_index + 1 >= self.num_passes or unit.replaces is not None:
            page = pages[0]
            raise AccountingError(f"Unit {unit.id}: page {page.id} of {page.uri} was to be committed while still open.")
        # Before the commit: from then on the driver counts on it.
        write_open(self._layout.open_file(unit.id), self._layout.run_tmp(self.run_id), pages)

    def _table(self, pages: Sequence[Page]) -> pa.Table:
        from omnipipe.schema import pages_table

        return pages_table(pages, config_hash=self.config_hash, run_id=self.run_id, created_at=datetime.now(UTC))


def _check(unit: Unit, pages: Sequence[Page]) -> None:
    found: list[Key] = [(page.doc_id, page.index, page.num_pages) for page in pages]
    for place, (want, have) in enumerate(zip_longest(row_keys(unit.members), found)):
        if want != have:
            raise AccountingError(
                f"Unit {unit.id} has {unit.num_rows} rows and got {len(pages)}; the first that differs is row {place}: "
                f"planned {_words(want)}, got {_words(have)}. A stage dropped, doubled or reordered pages."
            )


def _words(key: Key | None) -> str:
    return "nothing" if key is None else f"{key[0][:12]}#{key[1]} ({key[2]} pages)"
