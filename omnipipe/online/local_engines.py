"""The engines of this process, for the pipeline's pages and for whoever asks them directly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from omnipipe.engines.base import Engine, EngineConfig
from omnipipe.engines.thread import EngineHost, EngineThread
from omnipipe.errors import EngineDeadError, UserError
from omnipipe.model import Completion, Request
from omnipipe.online.engine_desk import EngineDesk
from omnipipe.online.engine_service import EngineLoad, ServedModel, served_models
from omnipipe.online.reviving_engine import RevivingEngine
from omnipipe.pipeline import Pipeline


class LocalEngineService:
    """An `EngineService` of this process. Its `host` is for the workers of the pipeline's pages: the same engines.

    Use it from any event loop. Engines begin to load with `start`, or at the first request; one that dies is built
    anew.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.host = EngineHost(self._desk)
        self._models = served_models(pipeline)
        self._desks: list[EngineDesk] = []

    @property
    def models(self) -> Sequence[ServedModel]:
        """See `EngineService.models`."""
        return self._models

    def start(self) -> None:
        """Begin to load all engines; it goes on behind the caller's back."""
        for model in self._models:
            self.host.engine(model.config)

    async def generate(self, model: ServedModel, request: Request) -> Completion:
        """See `EngineService.generate`."""
        return await asyncio.wrap_future(self._thread(model.config).submit(request))

    async def stream(self, model: ServedModel, request: Request) -> AsyncGenerator[str | Completion, None]:
        """See `EngineService.stream`."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | Completion | None] = asyncio.Queue()

        async def pass_on(engine: Engine) -> None:
            async with aclosing(engine.stream_completion(request)) as said:
                async for piece in said:
                    loop.call_soon_threadsafe(pieces.put_nowait, piece)

        call = asyncio.wrap_future(self._thread(model.config).run(pass_on))
        call.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await call
        finally:
            call.cancel()

    async def health(self, model: ServedModel) -> None:
        """See `EngineService.health`."""
        thread = self._thread(model.config)
        if not thread.is_open:
            return
        try:
            await asyncio.wrap_future(thread.run(lambda engine: engine.health()))
        except UserError as error:
            raise EngineDeadError(f"the engine of {model.name} could not be loaded: {error}") from error

    async def load(self, model: ServedModel) -> EngineLoad:
        """See `EngineService.load`."""
        return next((desk.load for desk in self._desks if desk.config == model.config), EngineLoad())

    def close(self) -> None:
        """End all engines."""
        self.host.close()

    def _desk(self, config: EngineConfig) -> EngineDesk:
        desk = EngineDesk(RevivingEngine(config))
        self._desks.append(desk)
        return desk

    def _thread(self, config: EngineConfig) -> EngineThread:
        return self.host.engine(config)
