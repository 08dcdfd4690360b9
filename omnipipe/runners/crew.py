"""Several units at once in one process, so that an engine always has requests in reach."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from itertools import islice

from omnipipe.engines.base import EngineConfig
from omnipipe.gate import Gate
from omnipipe.runners.job import Job, work_on_unit
from omnipipe.unit import ENGINE_START, Receipt, Unit
from omnipipe.worker import Worker

UNIT_PAGES = 64
"""Pages of a unit that waits for an engine at most."""

_MOST = 16


def crew_size(engine: EngineConfig | None) -> int:
    """Units to have in work at once: the engine's running batch three times, and one unit that is being drawn."""
    if engine is None:
        return 1
    return min(_MOST, math.ceil(3 * engine.num_running / UNIT_PAGES) + 1)


class Crew:
    """Workers of one pass in one process, one a thread, sharing the process's engines. Each has its own reader."""

    def __init__(self, job: Job, pass_index: int) -> None:
        self._job = job
        self._pass_index = pass_index
        self._store = job.open_store()
        self._engines = job.open_engines()
        self._gate = Gate()
        self._idle: list[Worker] = []
        self._all: list[Worker] = []
        self._lock = threading.Lock()
        self._told_loading = False
        # One at once: the engine begins to load before the first unit is there.
        self._idle.append(self._made())

    def run(self, units: Iterable[Unit]) -> Generator[Receipt]:
        """Make `units` done, one after the other; see `work_on_unit`. Several threads may call this at once.

        Each is committed in a thread while the next one is worked on, or a reader process would wait for every commit.
        What has been worked on is committed, and its receipt given, before an error of the next one is raised.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="omnipipe-commit") as thread:
            committing: Future[Receipt] | None = None
            try:
                for unit in units:
                    with self._worker() as worker:
                        commit = work_on_unit(worker, self._store, unit, self._gate)
                    if committing is not None:
                        done, committing = committing, None
                        yield self._told(done.result())
                    committing = thread.submit(commit)
                    # The pages of a unit are in memory as long as somebody knows how to commit them.
                    del commit
            except Exception:
                if committing is not None:
                    yield self._told(committing.result())
                raise
            if committing is not None:
                yield self._told(committing.result())

    def warm(self) -> None:
        """Start what the first unit needs, in the background."""
        self._idle[0].reader.start()

    def close(self) -> None:
        """End all readers and engines."""
        for worker in self._all:
            worker.close()
        self.close_engines()

    def close_engines(self) -> None:
        """End all engines; what waits for them fails."""
        self._engines.close()

    def _told(self, receipt: Receipt) -> Receipt:
        seconds = self._engines.load_seconds
        if seconds is not None and not self._told_loading:
            self._told_loading = True
            receipt.stage_seconds[ENGINE_START] = seconds
        return receipt

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        with self._lock:
            worker = self._idle.pop() if self._idle else self._made()
        yield worker
        with self._lock:
            self._idle.append(worker)

    def _made(self) -> Worker:
        # Stages hold what they opened: each worker needs its own.
        job = copy.deepcopy(self._job)
        worker = job.open_worker(self._pass_index, self._engines)
        self._all.append(worker)
        return worker


def run_units(crew: Crew, units: Iterable[Unit], size: int, on_receipt: Callable[[Receipt], None]) -> None:
    """Run all `units` with `crew`, `size` at a time; `on_receipt` is called in this thread.

    Raises:
        Exception: What the first unit that failed raised, after those in work have ended.
    """
    rest = iter(units)
    if size == 1:
        with closing(crew.run(rest)) as receipts:
            for receipt in receipts:
                on_receipt(receipt)
        return

    def run_one(unit: Unit) -> Receipt:
        (receipt,) = crew.run([unit])
        return receipt

    with ThreadPoolExecutor(size, thread_name_prefix="omnipipe-unit") as threads:
        running: set[Future[Receipt]] = {threads.submit(run_one, unit) for unit in islice(rest, size)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                on_receipt(future.result())
            running |= {threads.submit(run_one, unit) for unit in islice(rest, len(done))}
