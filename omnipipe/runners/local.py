"""The runner without Ray: this process does all the work. For debugging, small inputs and tests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import closing

from omnipipe.runners.crew import Crew, crew_size, run_units
from omnipipe.runners.job import Job, Later
from omnipipe.stages.deadline import watch
from omnipipe.unit import Receipt, Unit

_log = logging.getLogger(__name__)


def execute(
    job: Job, units: Iterable[Unit], *, on_receipt: Callable[[Receipt], None], later: Later | None = None
) -> None:
    """Run `units`, then those of later passes; each is committed before its receipt is given."""
    is_over = watch(job.pipeline.stages, lambda said: _log.warning("%s: the run waits for it", said))
    try:
        _run_passes(job, units, on_receipt, later)
    finally:
        is_over.set()


def _run_passes(job: Job, units: Iterable[Unit], on_receipt: Callable[[Receipt], None], later: Later | None) -> None:
    for pass_index, part in enumerate(job.pipeline.passes):
        if pass_index and later is None:
            return
        if pass_index and later is not None:
            later.complete(pass_index - 1)
            units = later.units(pass_index)
        with closing(Crew(job, pass_index)) as crew:
            run_units(crew, units, crew_size(part.engine), on_receipt)
