"""An engine that is built anew when it has died, for servers in which nobody else replaces it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

from omnipipe.engines.base import Engine, EngineConfig
from omnipipe.errors import EngineDeadError
from omnipipe.model import Completion, Request

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 300.0


class RevivingEngine(Engine):
    """The engine of `config`. When it dies, who asks next waits for another one, which a look at its health begins too.

    Between two tries there are `pause` seconds, more after each that led to no answer; until then all calls fail. What
    was asked of the engine that died has failed with it: a request may be the reason.
    """

    def __init__(self, config: EngineConfig, *, pause: float = 10.0) -> None:
        super().__init__(config)
        self._engine = config.build()
        self._death: EngineDeadError | None = None
        self._first_pause = self._pause = pause
        self._not_before = 0.0
        self._revival: asyncio.Task[None] | None = None
        self._is_closed = False

    async def open(self) -> None:
        await self._engine.open()

    async def generate(self, request: Request) -> Completion:
        engine = await self._living()
        try:
            completion = await engine.generate(request)
        except EngineDeadError as error:
            self._lose(engine, error)
            raise
        self._pause = self._first_pause
        return completion

    async def stream_completion(self, request: Request) -> AsyncGenerator[str | Completion, None]:
        engine = await self._living()
        try:
            async with aclosing(engine.stream_completion(request)) as pieces:
                async for piece in pieces:
                    yield piece
        except EngineDeadError as error:
            self._lose(engine, error)
            raise
        self._pause = self._first_pause

    async def stream(self, request: Request) -> AsyncIterator[str]:
        async with aclosing(self.stream_completion(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield piece

    async def health(self) -> None:
        engine = self._engine
        if self._death is not None and not self._is_closed:
            self._begin_revival()
            raise EngineDeadError(str(self._death))
        try:
            await engine.health()
        except EngineDeadError as error:
            self._lose(engine, error)
            raise

    async def close(self) -> None:
        self._is_closed = True
        if self._revival is not None:
            self._revival.cancel()
            await asyncio.wait({self._revival})
        await self._engine.close()

    async def _generate(self, request: Request) -> Completion:
        return await self.generate(request)

    def _lose(self, engine: Engine, error: EngineDeadError) -> None:
        if engine is self._engine and self._death is None and not self._is_closed:
            _log.warning("the engine of %s died: %s", self.config.model, error)
            self._death = error
            self._not_before = time.monotonic() + (self._pause if self._pause > self._first_pause else 0.0)
            self._pause = min(_LONGEST_PAUSE, self._pause * 2)

    async def _living(self) -> Engine:
        if self._death is not None and not self._is_closed:
            revival = self._begin_revival()
            if revival is None:
                raise EngineDeadError(str(self._death))
            # Shielded: others wait for it too.
            await asyncio.shield(revival)
        return self._engine

    def _begin_revival(self) -> asyncio.Task[None] | None:
        """The revival that is going on, or that may begin now."""
        if self._revival is None or self._revival.done():
            if time.monotonic() < self._not_before:
                return None
            self._revival = asyncio.create_task(self._revive())
            # Not everybody who begins it waits for it.
            self._revival.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        return self._revival

    async def _revive(self) -> None:
        with suppress(Exception):
            await self._engine.close()
        self._engine = self.config.build()
        try:
            await self._engine.open()
        except Exception as error:
            self._death = EngineDeadError(f"it cannot be opened again: {error}")
            self._not_before = time.monotonic() + self._pause
            self._pause = min(_LONGEST_PAUSE, self._pause * 2)
            _log.warning("the engine of %s: %s", self.config.model, self._death)
            raise EngineDeadError(str(self._death)) from error
        self._death = None
        _log.warning("the engine of %s is there again", self.config.model)
