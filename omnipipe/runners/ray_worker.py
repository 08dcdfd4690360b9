"""The actor of a Ray Data run: workers of one pass that turn rows of units into rows of receipts."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

import pyarrow as pa

from omnipipe.errors import EngineDeadError, OmnipipeError, OutputError, RunStopped
from omnipipe.ledger.heap import give_back
from omnipipe.runners.crew import Crew
from omnipipe.runners.job import Job, end_process
from omnipipe.runners.ray_feed import UNITS
from omnipipe.stages.deadline import watch
from omnipipe.unit import Receipt, Unit

REPORT = "report"

_CLOSE_SECONDS = 10.0


class Report(NamedTuple):
    """What a task answers: receipts, and the error that ended it, if one did."""

    receipts: tuple[Receipt, ...]
    error: OmnipipeError | None = None


class UnitWorker:
    """Runs units, several at once where Ray calls it so. Never raises: that would end the dataset in Ray's own words.

    When its engine dies it ends its own process: Ray starts another actor, and the ledger knows which units suffered.
    """

    def __init__(self, job: Job, pass_index: int = 0) -> None:
        # Native libraries of several actors on one machine must not start a thread per core each.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._error: OmnipipeError | None = None
        self._is_dying = threading.Event()
        try:
            if not job.run_dir.is_dir():
                raise OutputError(
                    f"node {socket.gethostname()} does not see {job.run_dir}. "
                    "With several nodes the output must be on storage that all of them mount at the same path."
                )
            self._crew = Crew(job, pass_index)
            # The child loads while this process waits for its first task.
            self._crew.warm()
            watch(job.pipeline.stages, end_process)
            # What Ray and the libraries made at import stays for good: no need to walk it again for each unit.
            gc.freeze()
            gc.set_threshold(50_000, 20, 100)
        except Exception as error:  # noqa: BLE001 - travels to the driver as data
            self._error = _portable(error)

    def __call__(self, rows: pa.Table) -> Iterator[pa.Table]:
        for row in rows.column(UNITS):
            yield pa.table({REPORT: pa.array([pickle.dumps(self._run(pickle.loads(row.as_py())))], pa.large_binary())})

    def _run(self, units: tuple[bytes, ...]) -> Report:
        receipts: list[Receipt] = []
        if self._error is not None:
            return Report((), self._error)
        try:
            for receipt in self._crew.run(map(Unit.from_bytes, units)):
                receipts.append(receipt)
            # Two threads leave holes in each other's memory; 0.3 ms in the two seconds of a task. OCR asks for the same
            # memory again at the next page, and having it back from the system takes it 1 % of its time.
            if not any(receipt.routes.get("ocr") for receipt in receipts):
                give_back()
        except EngineDeadError as error:
            self._die(error)
        except Exception as error:  # noqa: BLE001 - travels to the driver as data
            if self._is_dying.is_set():
                # What breaks beside a dying engine is no news: this process is about to end.
                threading.Event().wait()
            return Report(tuple(receipts), _portable(error))
        return Report(tuple(receipts))

    def _die(self, error: EngineDeadError) -> NoReturn:
        self._is_dying.set()
        sys.stderr.write(f"omnipipe: {error}; this worker ends, another one starts\n")
        sys.stderr.flush()
        # Engines have processes of their own; closing may hang where one is dead.
        closing = threading.Thread(target=self._crew.close_engines, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)
        raise error


def _portable(error: Exception) -> OmnipipeError:
    # Our own errors keep their type, and so their exit code. Of others the driver may lack the class.
    if isinstance(error, OmnipipeError):
        with_plain_arguments = pickle.loads(pickle.dumps(error)) if _can_travel(error) else RunStopped(str(error))
        return with_plain_arguments
    where = "".join(traceback.format_exception(error)[-3:])
    return RunStopped(f"a worker on {socket.gethostname()} raised {type(error).__name__}: {error}\n{where}")


def _can_travel(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever it is, it cannot travel
        return False
    return True
