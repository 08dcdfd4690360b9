"""The runner without Ray: one worker in this process. For debugging, small inputs and tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from omnipipe.runners.job import Job, execute_unit
from omnipipe.unit import Receipt, Unit


def execute(job: Job, units: Iterable[Unit], *, on_receipt: Callable[[Receipt], None]) -> None:
    """Run `units` one after another; each is committed before its receipt is given."""
    store = job.open_store()
    with job.open_worker() as worker:
        for unit in units:
            on_receipt(execute_unit(worker, store, unit))
