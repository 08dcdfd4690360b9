"""Batches out of concurrent calls, for libraries that answer a list of requests at a time in one thread."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, ParamSpec, TypeVar

from omnipipe.engines.base import Engine, EngineConfig
from omnipipe.engines.batch_queue import BatchQueue, BatchStrategy, Job, Prepared
from omnipipe.errors import EngineDeadError
from omnipipe.model import Completion, Request
from omnipipe.page import ProblemError

T = TypeVar("T")
Given = ParamSpec("Given")

_GOOD_BATCHES = 16
"""Batches without trouble after which a limit that was halved is doubled again."""


class OutOfMemoryError(Exception):
    """A batch does not fit: raised by `_answer`, answered with half of the batch."""


class BatchEngine(Engine):
    """Turns concurrent `generate` calls into batches, and runs them in one worker thread.

    A subclass implements `_load`, `_prepare`, `_answer` and `_unload`; all of them run in that thread, but `_prepare`
    runs in a second one beside it where `prepares_ahead` is set.
    """

    prepares_ahead: ClassVar[bool] = False
    """Whether `_prepare` may run while `_answer` does."""
    limits_rows: ClassVar[bool] = True
    """Whether requests that differ in `max_tokens` may share a batch."""
    oom_help: ClassVar[str] = "Send a smaller image, lower max_tokens, or take a smaller model."
    """The second sentence of the error of a request that does not fit into memory alone."""

    def __init__(
        self,
        config: EngineConfig,
        *,
        max_batch_size: int = 8,
        max_batch_tokens: int | None = None,
        wait_ms: float = 10.0,
        strategy: BatchStrategy = "dynamic",
    ) -> None:
        """`max_batch_tokens` bounds the longest prompt times the count; `wait_ms` (0 to 20) is for a batch to fill."""
        super().__init__(config)
        self._max_batch_size = max_batch_size
        self._queue = BatchQueue(
            limit=max_batch_size,
            max_tokens=max_batch_tokens,
            wait=min(wait_ms, 20.0) / 1000,
            strategy=strategy,
            prepares_ahead=self.prepares_ahead,
        )
        self._numbers = itertools.count()
        self._worker: threading.Thread | None = None
        self._preparer: threading.Thread | None = None
        self._running: list[Job] = []
        self._num_good = 0
        self._death: EngineDeadError | None = None
        self._lock = threading.Lock()

    @abstractmethod
    def _load(self) -> None:
        """Load everything; raises `UserError`."""

    @abstractmethod
    def _unload(self) -> None:
        """Free what `_load` took; also called after a `_load` that failed."""

    @abstractmethod
    def _prepare(self, request: Request) -> Prepared:
        """`request` as the library wants it.

        Raises:
            ProblemError: This request cannot be answered.
        """

    @abstractmethod
    def _answer(self, batch: Sequence[Prepared]) -> Sequence[Completion | ProblemError]:
        """One answer for each of `batch`, whose groups are equal, in order.

        Raises:
            OutOfMemoryError: The batch does not fit; halves of it are tried.
            EngineDeadError: Nothing can be answered any more.
        """

    def _group(self, request: Request) -> Hashable:
        """What requests of one batch have in common."""
        params = request.params.with_(max_tokens=1) if self.limits_rows else request.params
        schema = None if request.response_schema is None else json.dumps(request.response_schema, sort_keys=True)
        return params, request.adapter, schema, request.response_regex

    @property
    def num_waiting(self) -> int:
        """Requests that are not in a running batch yet."""
        return len(self._queue)

    async def open(self) -> None:
        if self._worker is not None:
            raise EngineDeadError("a batch engine opens once. Build another one")
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        self._worker = threading.Thread(target=self._work, args=(loop, opened), name="omnipipe-batches", daemon=True)
        self._worker.start()
        await opened

    async def _generate(self, request: Request) -> Completion:
        return await self._ask(request)

    async def _ask(self, request: Request, say: Callable[[str], None] | None = None) -> Completion:
        await self.health()
        loop = asyncio.get_running_loop()
        job = Job(request, self._group(request), next(self._numbers), loop.create_future(), loop, say)
        self._queue.add(job)
        try:
            # A thread that died between the check and `add` has emptied the queue already.
            await self.health()
            return await job.future
        finally:
            job.drop()

    def stream(self, request: Request) -> AsyncIterator[str]:
        if not self.config.capabilities.streaming:
            return super().stream(request)
        return self._stream(request)

    async def _stream(self, request: Request) -> AsyncIterator[str]:
        async with contextlib.aclosing(self.stream_completion(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield piece

    async def stream_completion(self, request: Request) -> AsyncGenerator[str | Completion, None]:
        if not self.config.capabilities.streaming:
            async for whole in super().stream_completion(request):
                yield whole
            return
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        seconds = request.deadline if request.deadline is not None else self.config.request_timeout

        async def answer() -> Completion:
            try:
                async with asyncio.timeout(seconds):
                    return await self._ask(request, lambda piece: _call(loop, pieces.put_nowait, piece))
            except TimeoutError:
                raise ProblemError(
                    "engine_timeout", f"no answer within {seconds:g} s. Raise request_timeout."
                ) from None
            finally:
                pieces.put_nowait(None)

        task = asyncio.create_task(answer())
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            yield await task
        finally:
            task.cancel()

    async def health(self) -> None:
        if self._death is not None:
            raise EngineDeadError(str(self._death))
        if self._worker is None or not self._worker.is_alive():
            raise EngineDeadError(f"the {self.config.label} engine is not open")

    async def close(self) -> None:
        self._die(EngineDeadError(f"the {self.config.label} engine was closed"))
        for thread in (self._preparer, self._worker):
            if thread is not None:
                await asyncio.to_thread(thread.join)

    def _work(self, loop: asyncio.AbstractEventLoop, opened: asyncio.Future[None]) -> None:
        try:
            try:
                self._load()
            except BaseException as error:  # noqa: BLE001 - whatever it is, `open` raises it
                self._die(EngineDeadError(f"the {self.config.label} engine could not be opened"))
                _call(loop, _fail, opened, error)
                return
            if self.prepares_ahead:
                self._preparer = threading.Thread(target=self._keep_preparing, name="omnipipe-prepare", daemon=True)
                self._preparer.start()
            _call(loop, _succeed, opened, None)
            self._keep_answering()
        except EngineDeadError as error:
            self._die(error)
        finally:
            self._die(EngineDeadError(f"the thread of the {self.config.label} engine ended"))
            if self._preparer is not None:
                self._preparer.join()
            self._unload()

    def _keep_preparing(self) -> None:
        while (job := self._queue.next_new(block=True)) is not None:
            self._prepare_job(job)

    def _keep_answering(self) -> None:
        while self._queue.await_enough():
            while not self.prepares_ahead and (job := self._queue.next_new(block=False)) is not None:
                self._prepare_job(job)
            if batch := self._queue.take():
                self._answer_jobs(batch)

    def _prepare_job(self, job: Job) -> None:
        prepared = None
        try:
            prepared = self._prepare(job.request)
        except ProblemError as error:
            _end(job, error)
        except Exception as error:  # noqa: BLE001 - a library's surprise about one request is that request's
            _end(job, _surprise(error))
        self._queue.put_ready(job, prepared)

    def _answer_jobs(self, jobs: list[Job]) -> None:
        with self._lock:
            self._running = jobs
        parts = [jobs]
        while parts:
            part = [job for job in parts.pop() if job.is_wanted]
            half = len(part) // 2
            try:
                if part:
                    self._answer_part(part)
            except OutOfMemoryError:
                self._num_good = 0
                self._queue.limit = max(1, min(self._queue.limit, half))
                if half:
                    parts += [part[half:], part[:half]]
                else:
                    _end(part[0], ProblemError("oom", f"out of memory with this request alone. {self.oom_help}"))
            except EngineDeadError:
                raise
            except Exception as error:  # noqa: BLE001 - repeated one by one, so that only the culprit fails
                if half:
                    parts += [[job] for job in reversed(part)]
                else:
                    _end(part[0], _surprise(error))
        with self._lock:
            self._running = []

    def _answer_part(self, part: list[Job]) -> None:
        batch = [job.prepared for job in part if job.prepared is not None]
        started = time.perf_counter()
        answers = self._answer(batch)
        seconds = time.perf_counter() - started
        for job, answer in zip(part, answers, strict=True):
            if isinstance(answer, Completion):
                queue_ms = (started - job.arrived) * 1000
                answer = replace(answer, queue_ms=queue_ms, infer_ms=seconds * 1000)
            _end(job, answer)
        self._num_good += 1
        if self._num_good >= _GOOD_BATCHES and self._queue.limit < self._max_batch_size:
            self._num_good = 0
            self._queue.limit = min(self._max_batch_size, self._queue.limit * 2)

    def _die(self, error: EngineDeadError) -> None:
        with self._lock:
            if self._death is None:
                self._death = error
            running = list(self._running)
        for job in [*self._queue.close(), *running]:
            job.drop()
            _end(job, EngineDeadError(str(self._death)))


def _surprise(error: Exception) -> ProblemError:
    return ProblemError("stage_error", f"{type(error).__name__}: {error}")


def _end(job: Job, answer: Completion | Exception) -> None:
    if isinstance(answer, Completion):
        _call(job.loop, _succeed, job.future, answer)
    else:
        _call(job.loop, _fail, job.future, answer)


def _succeed(future: asyncio.Future[T], answer: T) -> None:
    if not future.done():
        future.set_result(answer)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _call(
    loop: asyncio.AbstractEventLoop, function: Callable[Given, object], *args: Given.args, **kwargs: Given.kwargs
) -> None:
    # A caller whose loop has ended waits for nothing.
    if not loop.is_closed():
        loop.call_soon_threadsafe(partial(function, *args, **kwargs))


__all__ = ["BatchEngine", "BatchStrategy", "OutOfMemoryError", "Prepared"]
