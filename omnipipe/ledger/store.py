"""The worker's side of the ledger: what is done, how to attempt a unit, and the commit that makes it final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from omnipipe.page import Page
from omnipipe.unit import Unit


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

    def is_done(self, unit: Unit) -> bool:
        """Whether some worker has committed `unit` already."""
        raise NotImplementedError

    def plan_attempt(self, unit: Unit, worker: str) -> Attempt:
        """Record that `worker` starts `unit` now, and say how, from the earlier starts that did not end in a commit."""
        raise NotImplementedError

    def record_page(self, unit: Unit, page_id: str) -> None:
        """Record that the page `page_id` starts alone; only in mode `page_by_page`."""
        raise NotImplementedError

    def commit(self, unit: Unit, pages: Sequence[Page]) -> bool:
        """Make the rows of `unit` final; False where another worker was first and its rows stay.

        Raises:
            AccountingError: `pages` are not exactly the unit's rows, in order and all finished.
            RunStopped: The disk is full or the run directory is gone; nothing half-written stays.
        """
        raise NotImplementedError
