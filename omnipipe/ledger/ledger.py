"""The driver's side of the ledger: one run directory, its sources, its plan and its accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from omnipipe.ledger.counts import Counts
from omnipipe.ledger.packing import UnitSize
from omnipipe.ledger.store import UnitStore
from omnipipe.pipeline import Pipeline
from omnipipe.unit import Unit

if TYPE_CHECKING:
    from omnipipe.sources.pages import PageSelection
    from omnipipe.sources.source import Source, SourceRecord


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a finished run holds; `pages_in` counts what the index promised, skipped ranges included."""

    pages_in: int
    num_documents: int
    num_units: int
    counts: Counts
    is_changed: bool


class Ledger:
    """One run directory, held by one driver until `close`."""

    run_dir: Path
    run_id: str
    boot_id: str
    config_hash: str
    warnings: list[str]

    @classmethod
    def open(cls, run_dir: Path | str, pipeline: Pipeline, *, fresh: bool = False) -> Ledger:
        """The run in `run_dir`, made where there is none, locked against a second driver.

        `fresh` empties a run of ours first. `warnings` names versions that differ from those that began the run.

        Raises:
            OutputError: `run_dir` is no run of ours and not empty, holds another pipeline's run, cannot be written,
                is an object store, or another driver holds it.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let another driver in."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def store(self) -> UnitStore:
        """What workers need to commit into this run."""
        raise NotImplementedError

    def known_source(self, source: Source, *, again: Collection[str] = ()) -> SourceRecord | None:
        """What an earlier run found in `source`, if its size, stamp and user columns are the same.

        Sources whose bytes could not be had, and those with a problem code in `again`, are never known.
        """
        raise NotImplementedError

    def add_sources(self, records: Iterable[SourceRecord]) -> None:
        """Keep what the index found; records that are known already cost nothing.

        Where a uri has other bytes now, and no other uri has the old ones, the old document's rows leave the run.
        """
        raise NotImplementedError

    def plan(
        self,
        records: Sequence[SourceRecord],
        selection: PageSelection | None = None,
        max_pages: int | None = None,
        *,
        size: UnitSize | None = None,
    ) -> list[Unit]:
        """Units for those pages of `records` that are in no unit yet, written to the plan before they are returned."""
        raise NotImplementedError

    def plan_retry(self, choice: str) -> list[Unit]:
        """Units that compute committed rows anew: `failed,fallback,skipped`, each with `:CODE` if wanted.

        Raises:
            UserError: `choice` names no such status or code.
        """
        raise NotImplementedError

    def pending(self) -> Iterator[Unit]:
        """Units that are planned and not committed, in the order of the plan."""
        raise NotImplementedError

    @property
    def num_planned_pages(self) -> int:
        """Pages of the whole plan, committed or not; a skipped range counts every page of it."""
        raise NotImplementedError

    def counts(self) -> Counts:
        """Numbers of what is committed now."""
        raise NotImplementedError

    def finish(self) -> RunSummary:
        """Check the accounts, write `documents/` and the manifest where something changed.

        Raises:
            AccountingError: A planned page has no row; the message lists the units.
        """
        raise NotImplementedError
