"""Engines as deployments of Ray Serve, and the handles to them as an `EngineService`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omnipipe.engines.base import EngineConfig
from omnipipe.errors import EngineDeadError
from omnipipe.model import Completion, Request
from omnipipe.online.engine_desk import EngineDesk
from omnipipe.online.engine_service import EngineLoad, ServedModel
from omnipipe.page import ProblemError
from omnipipe.runners.serve_portable import Failed, portable

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

_CLOSE_SECONDS = 5.0
_LOAD_SECONDS = 2.0

# A replica that died is replaced in seconds, its model loaded in more: calls wait for it, so few tries are enough.
_TRIES = 4
_FIRST_WAIT = 0.5


class EngineReplica:
    """One engine in a process of its own. When the engine dies the process ends, and Serve starts another."""

    # Serve awaits it: a replica is there when its model is loaded.
    async def __init__(self, config: EngineConfig) -> None:  # type: ignore[misc]
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._desk = EngineDesk(config.build())
        self._ending: asyncio.Task[None] | None = None
        await self._desk.open()

    async def generate(self, request: Request) -> Completion | Failed:
        """See `Engine.generate`; an error comes back as a value."""
        try:
            return await self._desk.generate(request)
        except Exception as error:  # noqa: BLE001 - travels as a value
            return self._failed(error)

    async def stream(self, request: Request) -> AsyncIterator[str | Completion | Failed]:
        """See `Engine.stream_completion`; an error is the last thing."""
        try:
            async for piece in self._desk.stream_completion(request):
                yield piece
        except Exception as error:  # noqa: BLE001 - travels as a value
            yield self._failed(error)

    async def load(self) -> EngineLoad:
        """What this replica does."""
        return self._desk.load

    async def config(self) -> EngineConfig:
        """What it was made from."""
        return self._desk.config

    async def check_health(self) -> None:
        """Serve replaces this replica when it raises."""
        try:
            await self._desk.health()
        except EngineDeadError as error:
            self._die(error)
            raise

    def _failed(self, error: Exception) -> Failed:
        if isinstance(error, EngineDeadError):
            self._die(error)
        return portable(error)

    def _die(self, error: EngineDeadError) -> None:
        if self._ending is not None:
            return
        sys.stderr.write(f"omnipipe: {error}; this replica ends, another one starts\n")
        sys.stderr.flush()
        self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        # Whoever waits for an answer gets the error first; an engine's own processes may hang.
        with suppress(Exception):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._desk.close()
        os.kill(os.getpid(), signal.SIGKILL)


class HandleEngineService:
    """An `EngineService` whose engines are replicas; may be asked from any event loop, and travels to other replicas.

    A replica's death costs an answer some seconds, not the answer: it is asked for again within its deadline.
    """

    def __init__(self, models: Sequence[ServedModel], handles: Sequence[DeploymentHandle[Any]]) -> None:
        self._models = tuple(models)
        self._handles = tuple(handles)

    @property
    def models(self) -> Sequence[ServedModel]:
        """See `EngineService.models`."""
        return self._models

    async def generate(self, model: ServedModel, request: Request) -> Completion:
        """See `EngineService.generate`."""
        from ray.exceptions import ActorDiedError, ActorUnavailableError
        from ray.serve.exceptions import BackPressureError

        tries = _Tries(model, request)
        while True:
            response = self._handle(model).generate.remote(tries.request)
            try:
                async with asyncio.timeout(tries.request.deadline):
                    answer = await response
            except TimeoutError:
                response.cancel()  # type: ignore[no-untyped-call]
                raise tries.too_late() from None
            except asyncio.CancelledError:
                response.cancel()  # type: ignore[no-untyped-call]
                raise
            except (ActorDiedError, ActorUnavailableError, BackPressureError) as error:
                await tries.wait(error)
                continue
            if not isinstance(answer, Failed):
                return answer  # type: ignore[no-any-return]
            if not isinstance(answer.error, EngineDeadError):
                answer.raise_()
            await tries.wait(answer.error)

    async def stream(self, model: ServedModel, request: Request) -> AsyncGenerator[str | Completion, None]:
        """See `EngineService.stream`."""
        from ray.exceptions import RayError
        from ray.serve.exceptions import BackPressureError

        tries = _Tries(model, request)
        while True:
            began = False
            pieces: Any = self._handle(model).options(stream=True).stream.remote(tries.request)
            try:
                async for piece in pieces:
                    if isinstance(piece, Failed):
                        piece.raise_()
                    began = True
                    yield piece
                return
            except (RayError, EngineDeadError, BackPressureError) as error:
                if began:
                    raise EngineDeadError(f"the engine of {model.name} died while it answered") from error
                await tries.wait(error)
            finally:
                pieces.cancel()

    async def health(self, model: ServedModel) -> None:
        """See `EngineService.health`."""
        await self._loads(model)

    async def load(self, model: ServedModel) -> EngineLoad:
        """See `EngineService.load`: the sum over the replicas."""
        try:
            loads = await self._loads(model)
        except EngineDeadError:
            return EngineLoad()
        return _sum(loads)

    async def _loads(self, model: ServedModel) -> list[EngineLoad]:
        from ray.exceptions import RayError

        try:
            answers = await self._handle(model).broadcast("load").results_async(timeout_s=_LOAD_SECONDS)
        except (RayError, TimeoutError, RuntimeError) as error:
            raise EngineDeadError(f"no replica of the engine of {model.name} answers") from error
        if not answers:
            raise EngineDeadError(f"the engine of {model.name} has no replica at the moment")
        return [answer for answer in answers if isinstance(answer, EngineLoad)]

    def _handle(self, model: ServedModel) -> DeploymentHandle[Any]:
        place = next(place for place, known in enumerate(self._models) if known == model)
        return self._handles[place]


class _Tries:
    """How often and how long one answer is asked for."""

    def __init__(self, model: ServedModel, request: Request) -> None:
        self._model = model
        self._asked = request
        self._ends = None if request.deadline is None else time.monotonic() + request.deadline
        self._num_failed = 0

    @property
    def request(self) -> Request:
        """What to ask for: the request with what is left of its time."""
        if self._ends is None:
            return self._asked
        return replace(self._asked, deadline=max(0.0, self._ends - time.monotonic()))

    def too_late(self) -> ProblemError:
        """What a request ends with whose deadline has passed."""
        return ProblemError("engine_timeout", f"no answer within {self._asked.deadline:g} s. Ask again later.")

    async def wait(self, error: Exception) -> None:
        """Return when it may be asked again.

        Raises:
            EngineDeadError: It was asked often enough.
            ProblemError: Its deadline has passed.
        """
        self._num_failed += 1
        if self._num_failed == _TRIES:
            told = error if isinstance(error, EngineDeadError) else type(error).__name__
            raise EngineDeadError(f"the engine of {self._model.name} died {_TRIES} times ({told})") from error
        pause = _FIRST_WAIT * 2**self._num_failed
        if self._ends is not None and time.monotonic() + pause > self._ends:
            raise self.too_late() from error
        await asyncio.sleep(pause)


def _sum(loads: Sequence[EngineLoad]) -> EngineLoad:
    waiting: Counter[int] = Counter()
    for load in loads:
        waiting.update(load.waiting)
    states = {load.state for load in loads}
    return EngineLoad(
        state="ready" if "ready" in states else "loading" if "loading" in states else "dead",
        places=sum(load.places for load in loads),
        running=sum(load.running for load in loads),
        waiting=dict(waiting),
        answered=sum(load.answered for load in loads),
        failed=sum(load.failed for load in loads),
        cancelled=sum(load.cancelled for load in loads),
        prompt_tokens=sum(load.prompt_tokens for load in loads),
        completion_tokens=sum(load.completion_tokens for load in loads),
        seconds=sum(load.seconds for load in loads),
    )
