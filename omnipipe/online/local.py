"""Pieces done by threads of this process: no Ray."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from omnipipe.engines.thread import EngineHost
from omnipipe.errors import EngineDeadError, RunStopped
from omnipipe.online.piece import Piece, PieceResult, WorkerLostError
from omnipipe.online.piece_worker import PieceWorker
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits
from omnipipe.stages.deadline import watch

_log = logging.getLogger(__name__)

_PAGES_OF_A_PIECE = 64
_MOST_SLOTS = 32

PAGE_SECONDS = 25.0
"""What a page in work is given at the end: its reader's deadline, and a little."""


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
        self._working: set[int] = set()
        self._is_over = watch(pipeline.stages, lambda said: _log.warning("%s: its thread is lost", said))

    @property
    def slots(self) -> int:
        """Pieces that it works on at once."""
        return self._slots

    async def read(self, piece: Piece) -> PieceResult:
        """See `PageService.read`."""
        cancelled = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, piece, cancelled)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        except (EngineDeadError, RunStopped) as error:
            # Whose fault a dead engine is nobody knows; another one will be built.
            raise WorkerLostError(str(error), began=isinstance(error, EngineDeadError)) from error

    async def health(self) -> None:
        """See `PageService.health`."""
        await asyncio.to_thread(self._worker.health)

    async def close(self, seconds: float = PAGE_SECONDS) -> None:
        """See `PageService.close`; waits so long for the pieces in work: one may never come back."""
        self._is_over.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        closes = time.monotonic() + seconds
        while self._working and time.monotonic() < closes:
            await asyncio.sleep(0.02)
        if not self._working:
            await asyncio.to_thread(self._worker.close)

    @property
    def is_stuck(self) -> bool:
        """Whether a thread is still at work: after `close`, one that never comes back."""
        return bool(self._working)

    def _read(self, piece: Piece, cancelled: threading.Event) -> PieceResult:
        self._working.add(threading.get_ident())
        try:
            return self._worker.read(piece, cancelled)
        finally:
            self._working.discard(threading.get_ident())


def default_slots(pipeline: Pipeline) -> int:
    """Pieces to have in work at once in one process: one a core, and each engine's running batch twice over."""
    waiting = sum(math.ceil(2 * config.num_running / _PAGES_OF_A_PIECE) for config in pipeline.engines)
    return min(_MOST_SLOTS, num_cores() + waiting)


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
