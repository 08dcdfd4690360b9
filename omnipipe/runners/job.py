"""What every runner does with a unit, wherever it does it: look, count the start, run, commit, give a receipt."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from omnipipe.chain import Chain
from omnipipe.engines.thread import EngineHost
from omnipipe.errors import EngineDeadError
from omnipipe.gate import Gate
from omnipipe.ledger.store import UnitStore
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.runners.serve_batch import ServedEngines
from omnipipe.stages.base import Answers, WaitingStage
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
    served: ServedEngines | None = None
    config_hash: str = field(init=False)

    def __post_init__(self) -> None:
        # Once, where the job is made: on another machine the source of a user's stage cannot be had any more.
        object.__setattr__(self, "config_hash", self.pipeline.config_hash)

    def for_workers(self, num_engines: Sequence[int]) -> Job:
        """This job with what its engines need on other machines; `num_engines` is how many each pass has at once."""
        numbers = [number for number, part in zip(num_engines, self.pipeline.passes, strict=True) if part.engine]
        waiting = iter(numbers)
        stages = tuple(
            stage.with_engine(stage.engine_config.with_key().shared_by(next(waiting)))
            if isinstance(stage, WaitingStage)
            else stage
            for stage in self.pipeline.stages
        )
        made = replace(self, pipeline=replace(self.pipeline, stages=stages))
        # Only how the work is done is another one.
        object.__setattr__(made, "config_hash", self.config_hash)
        return made

    def open_engines(self) -> EngineHost:
        """The engines of a worker process: its own, or those that are served."""
        return EngineHost() if self.served is None else self.served.host()

    def open_worker(self, pass_index: int = 0, engines: EngineHost | None = None) -> Worker:
        return Worker(self.pipeline, self.options, pass_index=pass_index, engines=engines)

    def open_store(self) -> UnitStore:
        return UnitStore(self.run_dir, self.run_id, self.boot_id, self.config_hash, len(self.pipeline.passes))


_DIED = (
    "this page alone took its worker process down more than once: by a crash of native code, for want of memory, or "
    "since a stage never came back"
)


class Later(Protocol):
    """Where the units of later passes come from, while the pass before them runs."""

    def units(self, pass_index: int) -> Iterator[Unit]:
        """The units of a later pass; waits for pages that the pass before leaves open, until that is complete."""

    def complete(self, pass_index: int) -> None:
        """All units of `pass_index` have their receipts."""


def work_on_unit(worker: Worker, store: UnitStore, unit: Unit, gate: Gate | None = None) -> Callable[[], Receipt]:
    """Work on `unit`; what is returned makes it done, exactly once: its rows are in the run directory after that.

    That may be called in another thread, while the worker goes on with the next unit. A unit that took its worker down
    twice runs page by page, and alone behind its `gate`; a page that takes its worker down alone ends as an error row.

    Raises:
        RunStopped: From what is returned: the rows cannot be written (a full disk); nothing half is left behind.
    """
    started = time.perf_counter()
    if store.is_done(unit):
        done = Receipt(
            unit_id=unit.id,
            num_pages=unit.num_pages,
            statuses={},
            routes={},
            error_codes={},
            seconds=0.0,
            stage_seconds={},
            worker=worker.name,
            was_done=True,
            pass_index=unit.pass_index,
        )
        return lambda: done
    before = dict(worker.stage_seconds)
    pages = _run(worker, store, unit, gate or Gate())
    stages = {name: spent - before.get(name, 0.0) for name, spent in worker.stage_seconds.items()}
    worked = time.perf_counter() - started

    def commit() -> Receipt:
        commit_started = time.perf_counter()
        store.commit(unit, pages)
        stages["commit"] = time.perf_counter() - commit_started
        return _receipt(unit, pages, worker, worked + stages["commit"], stages)

    return commit


def _run(worker: Worker, store: UnitStore, unit: Unit, gate: Gate) -> Sequence[Page]:
    if store.was_started(unit):
        # A death while the engine loads is not this unit's fault: it must not look like one.
        worker.wait()
    attempt = store.plan_attempt(unit, worker.name)
    pages = worker.start_pages(unit, store.open_pages(unit))
    answers = store.spool(unit)
    with gate.among_others() if attempt.mode == "whole" else gate.alone():
        try:
            if attempt.mode == "whole":
                return worker.process(pages, answers)
            return list(page_by_page(worker, store, unit, pages, attempt.poisoned, answers))
        except EngineDeadError:
            # Before the next unit gets in: it would look as if its first page had died alone.
            gate.shut()
            raise


class Starts(Protocol):
    """Where it is written down which page runs alone now."""

    def record_page(self, unit: Unit, page_id: str) -> None:
        """Record that the page `page_id` starts alone."""
        ...

    def record_end(self, unit: Unit) -> None:
        """Record that all pages came through alone."""
        ...


def page_by_page(
    worker: Worker | Chain,
    starts: Starts,
    unit: Unit,
    pages: Sequence[Page],
    poisoned: frozenset[str],
    answers: Answers | None = None,
) -> Iterator[Page]:
    """The same pages, finished one by one; those in `poisoned` are error rows."""
    for page in pages:
        if page.id in poisoned:
            yield page.failed("worker_died", _DIED)
            continue
        if page.is_open:
            starts.record_page(unit, page.id)
        yield from worker.process([page], answers)
    starts.record_end(unit)


def end_process(reason: str) -> None:
    """End this process, so that Ray starts another; what it was working on is written down."""
    sys.stderr.write(f"omnipipe: {reason}; this worker ends, another one starts\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def _receipt(unit: Unit, pages: Sequence[Page], worker: Worker, seconds: float, stages: dict[str, float]) -> Receipt:
    statuses: Counter[str] = Counter()
    routes: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    num_open = 0
    for page in pages:
        if page.is_open:
            num_open += 1
            continue
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
        pass_index=unit.pass_index,
        num_open=num_open,
    )
