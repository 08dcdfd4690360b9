"""Document workers as a deployment of Ray Serve, and the handle to them as a place where pieces are done."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from omnipipe.errors import EngineDeadError, OmnipipeError, RunStopped
from omnipipe.gate import Gate
from omnipipe.online.engine_service import served_models
from omnipipe.online.piece import Piece, PieceResult, WorkerLostError
from omnipipe.online.piece_worker import PieceWorker
from omnipipe.online.service_engine import service_host
from omnipipe.runners.job import end_process
from omnipipe.runners.serve_engine import HandleEngineService
from omnipipe.runners.serve_plan import ServePlan
from omnipipe.runners.serve_portable import Failed, portable
from omnipipe.stages.deadline import watch

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

_HEALTH_SECONDS = 10.0
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 2.0

# Pieces in a row that ended in an error of no known kind: something of the process is broken, not of the documents.
_MOST_BROKEN = 3


class Pages:
    """A replica that reads pieces of documents in threads, so that its event loop answers health checks meanwhile."""

    def __init__(self, plan: ServePlan, pieces: int, *engines: DeploymentHandle[Any]) -> None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._engines = service_host(HandleEngineService(served_models(plan.pipeline), engines))
        self._worker = PieceWorker(plan.pipeline, plan.limits, self._engines)
        self._worker.warm(1)
        watch(plan.pipeline.stages, end_process)
        # Threads that stay: a reader's child process ends with the thread that started it. Where no piece waits for an
        # engine a second one would only take the core from the first; it is here, and begins when that one ends.
        num_threads = pieces if engines else 1
        self._threads = ThreadPoolExecutor(num_threads, thread_name_prefix="omnipipe-piece")
        self._gate = Gate()
        self._num_broken = 0

    async def read(self, piece: Piece) -> PieceResult | Failed:
        """See `PageService.read`; an error comes back as a value."""
        return await self._in_thread(piece, threading.Event(), None)

    async def read_alone(self, piece: Piece) -> AsyncIterator[PieceResult | Failed | None]:
        """None when nothing else is in work here any more, then what `read` gives."""
        cancelled, begins = threading.Event(), asyncio.Event()
        work = asyncio.ensure_future(self._in_thread(piece, cancelled, begins))
        try:
            begun = asyncio.ensure_future(begins.wait())
            await asyncio.wait([work, begun], return_when=asyncio.FIRST_COMPLETED)
            begun.cancel()
            yield None
            yield await work
        finally:
            cancelled.set()

    async def check_health(self) -> None:
        """Serve replaces this replica when it raises."""
        if self._num_broken >= _MOST_BROKEN:
            raise RunStopped(f"{self._num_broken} pieces in a row ended in an error that no document explains")

    async def ping(self) -> bool:
        """Whether a replica answers at all."""
        return True

    def __del__(self) -> None:
        if hasattr(self, "_threads"):
            self._worker.close()
            self._engines.close()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(
        self, piece: Piece, cancelled: threading.Event, begins: asyncio.Event | None
    ) -> PieceResult | Failed:
        loop = asyncio.get_running_loop()

        def work() -> PieceResult | Failed:
            try:
                with self._gate.among_others() if begins is None else self._gate.alone():
                    if begins is not None:
                        loop.call_soon_threadsafe(begins.set)
                    result = self._worker.read(piece, cancelled)
            except OmnipipeError as error:
                return portable(error)
            except Exception as error:  # noqa: BLE001 - travels as a value
                self._num_broken += 1
                return portable(error)
            self._num_broken = 0
            return result

        try:
            return await loop.run_in_executor(self._threads, work)
        except asyncio.CancelledError:
            cancelled.set()
            raise


class HandlePageService:
    """A `PageService` whose workers are replicas; `slots` is what they take when all of them are up."""

    def __init__(self, handle: DeploymentHandle[Any], slots: int) -> None:
        self._handle = handle
        self._slots = slots

    @property
    def slots(self) -> int:
        """Pieces that the replicas have in work at most; what waits beyond lets Serve start another."""
        return self._slots

    async def read(self, piece: Piece) -> PieceResult:
        """See `PageService.read`."""
        answer = await (self._read_alone(piece) if piece.alone else self._read(piece))
        if not isinstance(answer, Failed):
            return answer
        error = answer.error
        if isinstance(error, EngineDeadError | RunStopped):
            # An engine that died again and again over these pages may have died of them; a full disk is nobody's.
            raise WorkerLostError(str(error), began=isinstance(error, EngineDeadError)) from error
        raise error

    async def health(self) -> None:
        """Return if a replica answers.

        Raises:
            WorkerLostError: None does at the moment.
        """
        from ray.exceptions import RayError

        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                await self._handle.ping.remote()
        except (TimeoutError, RayError) as error:
            raise WorkerLostError(f"no document worker answers ({type(error).__name__})", began=False) from error

    async def close(self) -> None:
        """Nothing: the replicas are Serve's."""

    async def _read(self, piece: Piece) -> PieceResult | Failed:
        from ray.exceptions import ActorDiedError, ActorUnavailableError
        from ray.serve.exceptions import BackPressureError

        wait = _FIRST_WAIT
        while True:
            response = self._handle.read.remote(piece)
            try:
                answer: PieceResult | Failed = await response
                return answer
            except BackPressureError:
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            except (ActorDiedError, ActorUnavailableError) as error:
                raise WorkerLostError(f"a document worker died ({type(error).__name__})") from error
            except asyncio.CancelledError:
                response.cancel()  # type: ignore[no-untyped-call]
                raise

    async def _read_alone(self, piece: Piece) -> PieceResult | Failed:
        from ray.exceptions import RayError

        began = False
        answers: Any = self._handle.options(stream=True).read_alone.remote(piece)
        try:
            async for answer in answers:
                if answer is not None:
                    return answer  # type: ignore[no-any-return]
                began = True
        except RayError as error:
            raise WorkerLostError(f"a document worker died ({type(error).__name__})", began=began) from error
        except asyncio.CancelledError:
            answers.cancel()
            raise
        raise WorkerLostError("a document worker gave no answer", began=began)
