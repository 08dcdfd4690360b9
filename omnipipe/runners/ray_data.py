"""The runner on Ray: units flow through Ray Data to a pool of actors, receipts come back."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, closing
from dataclasses import replace
from pickle import loads
from typing import TYPE_CHECKING

from omnipipe.errors import RunStopped
from omnipipe.runners.job import Job, Later
from omnipipe.runners.ray_options import RayOptions
from omnipipe.runners.ray_pages import to_dataset
from omnipipe.runners.ray_pool import SOME_CPU, Pool
from omnipipe.runners.ray_supply import Supply
from omnipipe.runners.side_by_side import go_side_by_side
from omnipipe.unit import Receipt, Unit

if TYPE_CHECKING:
    from ray.data import Dataset

    from omnipipe.runners.ray_worker import Report

__all__ = ["RayOptions", "execute", "to_dataset"]

_ROUNDS_WITHOUT_PROGRESS = 3

# The task that an actor runs, and two more: with one, actors wait for a driver on a busy machine; with many, a slow
# actor sits on units at the end of a run.
_TASKS_PER_ACTOR = 3


def execute(
    job: Job,
    units: Iterable[Unit],
    *,
    on_receipt: Callable[[Receipt], None],
    options: RayOptions | None = None,
    later: Later | None = None,
) -> None:
    """Run `units` on Ray; each is committed before its receipt is given. A thread reads `units`, not far ahead.

    Later passes run beside the first, each in a thread and on actors of its own; `on_receipt` is called from them.

    Raises:
        ConfigError: The cluster cannot be reached, or the address is not one.
        OutputError: A node of the cluster does not see the run directory.
        RunStopped: A worker cannot write, or nothing gets done any more; the same call goes on.
    """
    from omnipipe.runners.ray_session import RaySession

    options = options or RayOptions()
    passes = job.pipeline.passes
    with ExitStack() as stack:
        supplies = [stack.enter_context(Supply(units))]
        if later is not None:
            supplies += [stack.enter_context(Supply(later.units(index))) for index in range(1, len(passes))]
        session = stack.enter_context(RaySession(options, job.run_dir, for_batch=True))
        if options.served is not None:
            from omnipipe.runners.serve_batch import find_served

            job = replace(job, served=find_served(options.served, job.pipeline.engines))
        pools = session.pools([part.engine for part in passes])
        job = job.for_workers([pool.max_size for pool in pools])
        runs = [_Run(job, index, supply, on_receipt, options, pools[index]) for index, supply in enumerate(supplies)]
        if later is None or len(runs) == 1:
            runs[0].go()
        else:
            go_side_by_side([run.go for run in runs], later.complete)


class _Run:
    def __init__(
        self,
        job: Job,
        pass_index: int,
        supply: Supply,
        on_receipt: Callable[[Receipt], None],
        options: RayOptions,
        pool: Pool,
    ) -> None:
        self._job = job
        self._pass_index = pass_index
        self._supply = supply
        self._on_receipt = on_receipt
        self._options = options
        self._pool = pool
        self._num_receipts = 0

    def go(self) -> None:
        """Rounds until every unit has its receipt; one is enough unless Ray gives up on an actor."""
        from ray.data.exceptions import ExecutionTimeoutError
        from ray.exceptions import RayError

        # Actors with engines are asked for when there is work for them.
        self._supply.wait_for_work()
        idle_rounds = 0
        while not self._supply.is_done:
            reason = "tasks ended without their receipts"
            before = self._num_receipts
            try:
                self._round()
            except (RayError, ExecutionTimeoutError) as error:
                reason = _reason(error)
            idle_rounds = 0 if self._num_receipts > before else idle_rounds + 1
            if idle_rounds == _ROUNDS_WITHOUT_PROGRESS:
                raise RunStopped(
                    f"no unit of work ended in {idle_rounds} rounds ({reason}). What is committed stays valid; logs "
                    f"in {self._job.run_dir / 'logs'} say more, and the same command goes on."
                )

    def _round(self) -> None:
        from omnipipe.runners.ray_feed import Feed

        num_calls = self._pool.max_size * self._pool.calls
        with Feed(num_calls) as feed:
            self._supply.attach(feed, num_calls * (_TASKS_PER_ACTOR + 2))
            try:
                # Closed at once, or the executor of a round that failed would outlive Ray, and start it anew.
                with closing(_reports(self._dataset(feed.dataset(self._options.no_progress_seconds)))) as reports:
                    self._take(reports)
            finally:
                self._supply.detach()

    def _take(self, reports: Iterable[Report]) -> None:
        for report in reports:
            for receipt in report.receipts:
                if self._supply.settle(receipt):
                    self._num_receipts += 1
                    self._on_receipt(receipt)
            if report.error is not None:
                raise report.error

    def _dataset(self, units: Dataset) -> Dataset:
        from ray.data import ActorPoolStrategy

        from omnipipe.runners.ray_worker import UnitWorker

        pool = self._pool
        # No finite max_task_retries: how often a unit may take its worker down is bounded on disk, by the unit.
        return units.map_batches(
            UnitWorker,
            fn_constructor_args=(self._job, self._pass_index),
            batch_size=None,
            batch_format="pyarrow",
            # Never 0, or Ray Data fuses the source, which takes none, with the actors: one endless task.
            num_cpus=max(pool.num_cpus, SOME_CPU),
            num_gpus=pool.num_gpus or None,
            memory=self._options.memory_bytes,
            compute=ActorPoolStrategy(
                min_size=pool.min_size,
                max_size=pool.max_size,
                max_tasks_in_flight_per_actor=pool.calls + _TASKS_PER_ACTOR - 1,
                max_concurrent_calls_per_actor=pool.calls,
                enable_true_multi_threading=pool.calls > 1,
            ),
        )


def _reports(dataset: Dataset) -> Generator[Report]:
    import ray

    from omnipipe.runners.ray_worker import REPORT

    for bundle in dataset.iter_internal_ref_bundles():
        for block in bundle.block_refs:
            table = ray.get(block)
            # A dataset without rows is one empty block without columns.
            for report in table.column(REPORT) if table.num_rows else ():
                yield loads(report.as_py())


def _reason(error: BaseException) -> str:
    # Ray puts the error of the task itself last, after the traceback of whoever told.
    lines = [line for line in str(error).splitlines() if line.strip()] or ["no message"]
    return f"{type(error).__name__}: {lines[-1].strip()[:200]}"
