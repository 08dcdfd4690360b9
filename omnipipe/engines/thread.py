"""An engine on an event loop of its own, for callers without one: several threads may share it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from omnipipe.engines.base import Engine
from omnipipe.model import Completion, Request


class EngineThread:
    """Opens `engine` in a thread of its own and passes requests to it. Use it as a context manager, or call `close`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="omnipipe-engine", daemon=True)
        self._thread.start()
        self._opened: Future[None] = asyncio.run_coroutine_threadsafe(engine.open(), self._loop)
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether loading has ended, well or not."""
        return self._opened.done()

    def wait(self) -> None:
        """Return when the engine is loaded; raises what loading raised."""
        self._opened.result()

    def submit(self, request: Request) -> Future[Completion]:
        """The answer, later; cancelling it aborts the request. May be called before the engine is loaded."""
        return asyncio.run_coroutine_threadsafe(self._generate(request), self._loop)

    def health(self) -> None:
        """See `Engine.health`."""
        asyncio.run_coroutine_threadsafe(self._engine.health(), self._loop).result()

    def close(self) -> None:
        """End the engine and the thread."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            asyncio.run_coroutine_threadsafe(self._engine.close(), self._loop).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    async def _generate(self, request: Request) -> Completion:
        await asyncio.wrap_future(self._opened)
        return await self._engine.generate(request)
