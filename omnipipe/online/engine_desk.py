"""One engine for many askers: live requests go first, and none waits for a whole batch to end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Literal

from omnipipe.engines.base import Engine
from omnipipe.errors import EngineDeadError
from omnipipe.model import Completion, Request
from omnipipe.online.engine_service import EngineLoad
from omnipipe.online.priority_gate import PriorityGate
from omnipipe.page import ProblemError

# Of an engine's own places, the share that batch requests leave free for live ones.
_LIVE_SHARE = 8


class EngineDesk(Engine):
    """`engine` behind a gate, as an engine: about as many requests are inside as it works on at once, the rest wait.

    Waiting costs no time of the answer: `request_timeout` counts from when a request is let in, as if it had been asked
    then. The `deadline` of a request counts for everything. Both end the request inside the engine, whoever asked.
    """

    def __init__(self, engine: Engine, *, live_places: int | None = None) -> None:
        """`live_places` of the engine's own places are never taken by requests below `LIVE`; by default an eighth."""
        super().__init__(engine.config)
        own = max(1, engine.config.num_running)
        kept = max(1, own // _LIVE_SHARE) if live_places is None else live_places
        if engine.config.capabilities.continuous_batching:
            # A few more than it works on, which it prepares meanwhile.
            self._gate = PriorityGate(own + max(1, own // 4), max(1, own - kept))
        else:
            # The next batch is prepared while one is answered.
            self._gate = PriorityGate(2 * own, max(1, 2 * own - kept))
        self._engine = engine
        self._counts = EngineLoad(places=self._gate.places)

    @property
    def load(self) -> EngineLoad:
        """What it does, and what it did so far."""
        return replace(self._counts, running=self._gate.running, waiting=self._gate.waiting)

    async def open(self) -> None:
        try:
            await self._engine.open()
        except BaseException:
            self._is("dead")
            raise
        self._is("ready")

    async def generate(self, request: Request) -> Completion:
        with self._accounted():
            async with self._inside(request) as (asked, waited):
                started = time.perf_counter()
                completion = await self._engine.generate(asked)
            return self._taken(completion, started, waited)

    async def stream_completion(self, request: Request) -> AsyncGenerator[str | Completion, None]:
        with self._accounted():
            async with self._inside(request) as (asked, waited):
                started = time.perf_counter()
                async with aclosing(self._engine.stream_completion(asked)) as pieces:
                    async for piece in pieces:
                        yield piece if isinstance(piece, str) else self._taken(piece, started, waited)

    async def stream(self, request: Request) -> AsyncIterator[str]:
        async with aclosing(self.stream_completion(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield piece

    async def health(self) -> None:
        try:
            await self._engine.health()
        except EngineDeadError:
            self._is("dead")
            raise
        self._is("ready")

    async def close(self) -> None:
        self._is("dead")
        await self._engine.close()

    async def _generate(self, request: Request) -> Completion:
        return await self._engine.generate(request)

    @asynccontextmanager
    async def _inside(self, request: Request) -> AsyncIterator[tuple[Request, float]]:
        """A place in the engine: the request with what is left of its time, and the seconds that it waited."""
        arrived = time.perf_counter()
        try:
            async with asyncio.timeout(request.deadline):
                await self._gate.enter(request.priority)
        except TimeoutError:
            message = f"the engine is busy: not begun within {request.deadline:g} s. Ask again later."
            raise ProblemError("engine_timeout", message) from None
        try:
            waited = time.perf_counter() - arrived
            if request.deadline is not None:
                # To the millisecond: messages quote it.
                request = replace(request, deadline=max(0.0, round(request.deadline - waited, 3)))
            yield request, waited
        finally:
            self._gate.leave(request.priority)

    @contextmanager
    def _accounted(self) -> Iterator[None]:
        """Counts how the call ends; an answer is counted by `_taken`."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self._counts = replace(self._counts, cancelled=self._counts.cancelled + 1)
            raise
        except EngineDeadError:
            self._counts = replace(self._counts, state="dead", failed=self._counts.failed + 1)
            raise
        except Exception:
            self._counts = replace(self._counts, failed=self._counts.failed + 1)
            raise

    def _taken(self, completion: Completion, started: float, waited: float) -> Completion:
        """The completion as its asker gets it, counted; its time before the gate is time in the queue."""
        known = self._counts
        self._counts = replace(
            known,
            state="ready",
            answered=known.answered + 1,
            prompt_tokens=known.prompt_tokens + (completion.prompt_tokens or 0),
            completion_tokens=known.completion_tokens + (completion.completion_tokens or 0),
            seconds=known.seconds + time.perf_counter() - started,
        )
        return replace(completion, queue_ms=(completion.queue_ms or 0.0) + waited * 1000)

    def _is(self, state: Literal["ready", "dead"]) -> None:
        self._counts = replace(self._counts, state=state)
