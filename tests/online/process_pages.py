"""Pieces done by processes that may die, as replicas of a server do; without Ray, so that they start in a second."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from omnipipe.online.piece import Piece, PieceResult, WorkerLostError
from omnipipe.online.piece_worker import PieceWorker
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.stages.base import Stage

_worker: list[PieceWorker] = []


class SayNumber(Stage):
    """Each open page's text is its number. The pages `deadly` (from 0) kill the process that reads them."""

    deadly: tuple[int, ...] = ()

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        if any(page.index in self.deadly for page in pages):
            os.kill(os.getpid(), signal.SIGKILL)
        return [page.with_(status="ok", route="ocr", text=f"page {page.index + 1}") for page in pages]


class ProcessPages:
    """A `PageService` of one process, which is replaced when it dies. `slots` pieces may wait for it."""

    def __init__(self, pipeline: Pipeline, *, slots: int = 1) -> None:
        self._pipeline = pipeline
        self._slots = slots
        self._pool = self._made()
        self.num_lost = 0

    @property
    def slots(self) -> int:
        """See `PageService.slots`."""
        return self._slots

    async def read(self, piece: Piece) -> PieceResult:
        """See `PageService.read`."""
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, _read, piece)
        except BrokenProcessPool as error:
            self.num_lost += 1
            if self._pool is pool:
                self._pool = self._made()
            raise WorkerLostError("the process died") from error

    def kill(self) -> None:
        """Kill the process."""
        for process in list((self._pool._processes or {}).values()):
            process.kill()

    async def health(self) -> None:
        """See `PageService.health`."""

    async def close(self) -> None:
        """See `PageService.close`."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _made(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, get_context("spawn"), _open, (self._pipeline,))


def _open(pipeline: Pipeline) -> None:
    _worker[:] = [PieceWorker(pipeline)]


def _read(piece: Piece) -> PieceResult:
    return _worker[0].read(piece)
