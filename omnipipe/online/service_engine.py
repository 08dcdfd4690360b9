"""Engines that are elsewhere, for workers that think they have one of their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import cast

from omnipipe.engines.base import Engine, EngineConfig
from omnipipe.engines.thread import EngineHost
from omnipipe.model import Completion, Request
from omnipipe.online.engine_service import LIVE, EngineService, ServedModel


class ServiceEngine(Engine):
    """Asks `service` for the answers of `model`, at `priority` where a request has none of its own.

    How long an answer may take is decided there: the engine's `request_timeout` counts from when it is begun.
    """

    def __init__(self, service: EngineService, model: ServedModel, priority: int = LIVE) -> None:
        super().__init__(model.config)
        self._service = service
        self._model = model
        self._priority = priority

    async def open(self) -> None:
        """Nothing: the engine is opened where it is."""

    async def generate(self, request: Request) -> Completion:
        return await self._service.generate(self._model, self._ranked(request))

    async def stream_completion(self, request: Request) -> AsyncGenerator[str | Completion, None]:
        said = cast("AsyncGenerator[str | Completion, None]", self._service.stream(self._model, self._ranked(request)))
        async with aclosing(said) as pieces:
            async for piece in pieces:
                yield piece

    async def stream(self, request: Request) -> AsyncIterator[str]:
        async with aclosing(self.stream_completion(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield piece

    async def health(self) -> None:
        await self._service.health(self._model)

    async def close(self) -> None:
        """Nothing: others go on asking."""

    async def _generate(self, request: Request) -> Completion:
        return await self.generate(request)

    def _ranked(self, request: Request) -> Request:
        return request if request.priority else replace(request, priority=self._priority)


def service_host(service: EngineService, priority: int = LIVE) -> EngineHost:
    """The engines of `service` for a worker of this process; others than those are built here."""

    def build(config: EngineConfig) -> Engine:
        model = next((model for model in service.models if model.config == config), None)
        return config.build() if model is None else ServiceEngine(service, model, priority)

    return EngineHost(build)
