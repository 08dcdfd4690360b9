"""What every runner does with a unit, wherever it does it: look, count the start, run, commit, give a receipt."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omnipipe.ledger.store import UnitStore
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.unit import Receipt, Unit
from omnipipe.worker import Worker, WorkerOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a worker process needs to take part in a run; travels to it pickled."""

    pipeline: Pipeline
    run_dir: Path
    run_id: str
    boot_id: str
    options: WorkerOptions = field(default_factory=WorkerOptions)
    config_hash: str = field(init=False)

    def __post_init__(self) -> None:
        # Once, where the job is made: on another machine the source of a user's stage cannot be had any more.
        object.__setattr__(self, "config_hash", self.pipeline.config_hash)

    def open_worker(self) -> Worker:
        return Worker(self.pipeline, self.options)

    def open_store(self) -> UnitStore:
        return UnitStore(self.run_dir, self.run_id, self.boot_id, self.config_hash)


def execute_unit(worker: Worker, store: UnitStore, unit: Unit) -> Receipt:
    """Make `unit` done, exactly once: its rows are in the run directory when this returns.

    A unit that took its worker down twice runs page by page; a page that does so alone ends as an error row.

    Raises:
        RunStopped: The rows cannot be written (a full disk); nothing half is left behind.
    """
    started = time.perf_counter()
    if store.is_done(unit):
        return Receipt(
            unit_id=unit.id,
            num_pages=unit.num_pages,
            statuses={},
            routes={},
            error_codes={},
            seconds=0.0,
            stage_seconds={},
            worker=worker.name,
            was_done=True,
        )
    before = dict(worker.stage_seconds)
    pages = _run(worker, store, unit)
    commit_started = time.perf_counter()
    store.commit(unit, pages)
    seconds = {name: spent - before.get(name, 0.0) for name, spent in worker.stage_seconds.items()}
    seconds["commit"] = time.perf_counter() - commit_started
    return _receipt(unit, pages, worker, time.perf_counter() - started, seconds)


def _run(worker: Worker, store: UnitStore, unit: Unit) -> Sequence[Page]:
    attempt = store.plan_attempt(unit, worker.name)
    pages = worker.start_pages(unit)
    if attempt.mode == "whole":
        return worker.process(pages)
    return list(_page_by_page(worker, store, unit, pages, attempt.poisoned))


def _page_by_page(
    worker: Worker, store: UnitStore, unit: Unit, pages: Sequence[Page], poisoned: frozenset[str]
) -> Iterator[Page]:
    for page in pages:
        if page.id in poisoned:
            yield page.failed("worker_died", "reading this page alone took its worker process down more than once")
            continue
        if page.is_open:
            store.record_page(unit, page.id)
        yield from worker.process([page])


def _receipt(unit: Unit, pages: Sequence[Page], worker: Worker, seconds: float, stages: dict[str, float]) -> Receipt:
    statuses: Counter[str] = Counter()
    routes: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    for page in pages:
        statuses[page.status] += page.num_pages
        routes[page.route] += page.num_pages
        if page.error is not None:
            codes[page.error.code] += page.num_pages
    return Receipt(
        unit_id=unit.id,
        num_pages=unit.num_pages,
        statuses=dict(statuses),
        routes=dict(routes),
        error_codes=dict(codes),
        seconds=seconds,
        stage_seconds=stages,
        worker=worker.name,
    )
