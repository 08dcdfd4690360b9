"""An engine on an event loop of its own, for callers without one: several threads may share it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from omnipipe.engines.base import Engine, EngineConfig
from omnipipe.engines.gpu import gpu_states
from omnipipe.model import Completion, Request

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


class EngineThread:
    """Opens `engine` in a thread of its own and passes requests to it. Use it as a context manager, or call `close`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="omnipipe-engine", daemon=True)
        self._thread.start()
        self.load_seconds: float | None = None
        self._opened: Future[None] = asyncio.run_coroutine_threadsafe(self._open(), self._loop)
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
        return self.run(lambda engine: engine.generate(request))

    def run(self, work: Callable[[Engine], Coroutine[Any, Any, Answer]]) -> Future[Answer]:
        """What `work` makes with the engine, on the engine's loop, once it is loaded."""
        return asyncio.run_coroutine_threadsafe(self._run(work), self._loop)

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

    async def _open(self) -> None:
        started = time.perf_counter()
        await self._engine.open()
        self.load_seconds = time.perf_counter() - started
        if _log.isEnabledFor(logging.INFO):
            config = self._engine.config
            memory = "; ".join(map(str, await asyncio.to_thread(gpu_states))) or "no GPU that can be asked"
            _log.info("%s %s was loaded in %.1f s (%s)", config.label, config.model, self.load_seconds, memory)

    async def _run(self, work: Callable[[Engine], Coroutine[Any, Any, Answer]]) -> Answer:
        # Shielded: a caller that gives up must not end the loading that others wait for.
        await asyncio.shield(asyncio.wrap_future(self._opened))
        return await work(self._engine)


class EngineHost:
    """The engines of one process, one for each config, shared by its threads. Loading starts when one is asked for.

    `build` makes an engine in place of the config itself: one behind a gate, or one that asks elsewhere.
    """

    def __init__(self, build: Callable[[EngineConfig], Engine] | None = None) -> None:
        self._build = build
        self._threads: list[tuple[EngineConfig, EngineThread]] = []
        self._lock = threading.Lock()

    def engine(self, config: EngineConfig) -> EngineThread:
        """The engine of `config`, loading or loaded."""
        with self._lock:
            for known, thread in self._threads:
                if known == config:
                    return thread
            thread = EngineThread(config.build() if self._build is None else self._build(config))
            self._threads.append((config, thread))
            return thread

    def wait(self) -> None:
        """Return when all engines are loaded; raises what loading raised."""
        for _, thread in list(self._threads):
            thread.wait()

    @property
    def load_seconds(self) -> float | None:
        """Seconds that loading took in all; None while an engine loads, or where there is none."""
        seconds = [thread.load_seconds for _, thread in self._threads]
        return sum(filter(None, seconds)) if seconds and None not in seconds else None

    def close(self) -> None:
        """End all engines."""
        with self._lock:
            threads, self._threads = self._threads, []
        for _, thread in threads:
            thread.close()
