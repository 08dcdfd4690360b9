"""The runner on Ray: units flow through Ray Data to a pool of actors, receipts come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pickle import loads
from typing import TYPE_CHECKING

from omnipipe.errors import RunStopped
from omnipipe.runners.job import Job
from omnipipe.runners.ray_options import RayOptions
from omnipipe.runners.ray_pages import to_dataset
from omnipipe.runners.ray_supply import Supply
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
    job: Job, units: Iterable[Unit], *, on_receipt: Callable[[Receipt], None], options: RayOptions | None = None
) -> None:
    """Run `units` on Ray; each is committed before its receipt is given. A thread reads `units`, not far ahead.

    Raises:
        ConfigError: The cluster cannot be reached, or the address is not one.
        OutputError: A node of the cluster does not see the run directory.
        RunStopped: A worker cannot write, or nothing gets done any more; the same call goes on.
    """
    from omnipipe.runners.ray_session import RaySession

    options = options or RayOptions()
    with Supply(units) as supply, RaySession(options, job.run_dir) as session:
        _Run(job, supply, on_receipt, options, session.num_workers()).go()


class _Run:
    def __init__(
        self,
        job: Job,
        supply: Supply,
        on_receipt: Callable[[Receipt], None],
        options: RayOptions,
        num_workers: tuple[int, int],
    ) -> None:
        self._job = job
        self._supply = supply
        self._on_receipt = on_receipt
        self._options = options
        self._num_workers = num_workers
        self._num_receipts = 0

    def go(self) -> None:
        """Rounds until every unit has its receipt; one is enough unless Ray gives up on an actor."""
        from ray.data.exceptions import ExecutionTimeoutError
        from ray.exceptions import RayError

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

        feed = Feed(self._num_workers[1])
        self._supply.attach(feed, self._num_workers[1] * (_TASKS_PER_ACTOR + 2))
        try:
            for report in _reports(self._dataset(feed.dataset(self._options.no_progress_seconds))):
                for receipt in report.receipts:
                    if self._supply.settle(receipt):
                        self._num_receipts += 1
                        self._on_receipt(receipt)
                if report.error is not None:
                    raise report.error
        finally:
            self._supply.detach()

    def _dataset(self, units: Dataset) -> Dataset:
        from ray.data import ActorPoolStrategy

        from omnipipe.runners.ray_worker import UnitWorker

        low, high = self._num_workers
        # No finite max_task_retries: how often a unit may take its worker down is bounded on disk, by the unit.
        return units.map_batches(
            UnitWorker,
            fn_constructor_args=(self._job,),
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=self._options.num_cpus,
            memory=self._options.memory_bytes,
            compute=ActorPoolStrategy(min_size=low, max_size=high, max_tasks_in_flight_per_actor=_TASKS_PER_ACTOR),
        )


def _reports(dataset: Dataset) -> Iterator[Report]:
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
