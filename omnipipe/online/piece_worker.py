"""Pieces done in this process: each with a chain of its own, the engines shared."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from omnipipe.engines.thread import EngineHost
from omnipipe.gate import Gate
from omnipipe.online.piece import Piece, PieceResult
from omnipipe.online.piece_reading import Desk
from omnipipe.online.private_desks import PrivateDesks
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits
from omnipipe.worker import WorkerOptions


class PieceWorker:
    """Reads pieces, as many at once as threads call it. Use it as a context manager, or call `close`.

    Engines begin to load at once, one for each config for the whole process: their continuous batching sees the pages
    of all jobs. `engines` that are given stay open.
    """

    def __init__(
        self, pipeline: Pipeline, limits: ReaderLimits | None = None, engines: EngineHost | None = None
    ) -> None:
        self._pipeline = pipeline
        self._config_hash = pipeline.config_hash
        self._limits = limits or ReaderLimits()
        self._own_engines = EngineHost() if engines is None else None
        self._engines = engines or self._own_engines or EngineHost()
        self._threads = [self._engines.engine(config) for config in pipeline.engines]
        self._gate = Gate()
        self._idle: list[Desk] = []
        self._private = PrivateDesks()
        self._lock = threading.Lock()
        self._is_closed = False

    def warm(self, count: int) -> None:
        """Have `count` chains with their reader processes ready."""
        for _ in range(count):
            desk = self._made(())
            desk.start()
            self._put_back(desk)

    def read(self, piece: Piece, cancelled: threading.Event | None = None) -> PieceResult:
        """Do `piece`: rows in page order. What the document or a page is to blame for is a row, never an exception.

        Pages that are not begun when `cancelled` is set or the piece's deadline passes are `skipped` rows with the code
        `cancelled`.

        Raises:
            UserError: An engine cannot be loaded.
            EngineDeadError: An engine cannot answer any more.
            RunStopped: The disk is full.
        """
        with self._gate.alone() if piece.alone else self._gate.among_others(), self._desk(piece) as desk:
            return desk.read(piece, cancelled or threading.Event())

    def health(self) -> None:
        """Return if the engines that are loaded answer; those that load still are given their time.

        Raises:
            UserError: One cannot be loaded.
            EngineDeadError: One cannot answer any more.
        """
        for thread in self._threads:
            if thread.is_open:
                thread.wait()
                thread.health()

    def close(self) -> None:
        """End all readers, and the engines that it opened; what is in work should have ended."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for desk in idle:
            desk.close()
        self._private.close()
        if self._own_engines is not None:
            self._own_engines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _desk(self, piece: Piece) -> Iterator[Desk]:
        if piece.passwords:
            found = self._private.take(piece.job_id)
        else:
            with self._lock:
                found = self._idle.pop() if self._idle else None
        desk = found or self._made(piece.passwords)
        try:
            yield desk
        except BaseException:
            # It may be in the middle of an answer.
            desk.close()
            raise
        if piece.passwords:
            # Never pooled: no other job's document may be opened with them.
            self._private.keep(piece.job_id, desk)
        else:
            self._put_back(desk)

    def _put_back(self, desk: Desk) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(desk)
                return
        desk.close()

    def _made(self, passwords: tuple[str, ...]) -> Desk:
        # Stages hold what they opened: each chain needs its own.
        options = WorkerOptions(limits=self._limits, passwords=passwords)
        return Desk(copy.deepcopy(self._pipeline), self._config_hash, options, self._engines)
