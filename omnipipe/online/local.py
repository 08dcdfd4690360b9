"""Pieces done by threads of this process: no Ray."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from omnipipe.engines.thread import EngineHost
from omnipipe.errors import EngineDeadError, RunStopped
from omnipipe.online.piece import Piece, PieceResult, WorkerLostError
from omnipipe.online.piece_worker import PieceWorker
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits

_PAGES_OF_A_PIECE = 64
_MOST_SLOTS = 32


class LocalPageService:
    """A `PageService` of `slots` threads; by default one a core, and enough of them to keep the engines busy."""

    def __init__(
        self,
        pipeline: Pipeline,
        limits: ReaderLimits | None = None,
        *,
        engines: EngineHost | None = None,
        slots: int | None = None,
    ) -> None:
        self._slots = slots or default_slots(pipeline)
        self._worker = PieceWorker(pipeline, limits, engines)
        self._worker.warm(min(self._slots, num_cores()))
        self._threads = ThreadPoolExecutor(self._slots, thread_name_prefix="omnipipe-piece")

    @property
    def slots(self) -> int:
        """Pieces that it works on at once."""
        return self._slots

    async def read(self, piece: Piece) -> PieceResult:
        """See `PageService.read`."""
        cancelled = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._worker.read, piece, cancelled)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        except (EngineDeadError, RunStopped) as error:
            # Whose fault a dead engine is nobody knows; another one will be built.
            raise WorkerLostError(str(error), began=isinstance(error, EngineDeadError)) from error

    async def health(self) -> None:
        """See `PageService.health`."""
        await asyncio.to_thread(self._worker.health)

    async def close(self) -> None:
        """See `PageService.close`; waits for the pieces in work."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        await asyncio.to_thread(self._worker.close)


def default_slots(pipeline: Pipeline) -> int:
    """Pieces to have in work at once in one process: one a core, and each engine's running batch twice over."""
    waiting = sum(math.ceil(2 * config.num_running / _PAGES_OF_A_PIECE) for config in pipeline.engines)
    return min(_MOST_SLOTS, num_cores() + waiting)


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
