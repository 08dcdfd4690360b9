"""Where traces are asked for, what requests, jobs, pieces and engines take is told to OpenTelemetry; else nothing is.

Nothing of OpenTelemetry is loaded before the environment asks for it. Spans hold ids, routes, counts and times, nothing
of a document and no name of one.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from omnipipe.online.engine_service import EngineLoad, EngineService, ServedModel
from omnipipe.online.piece import PageService, Piece, PieceResult

if TYPE_CHECKING:
    from omnipipe.model import Completion, Request
    from omnipipe.online.job import Job
    from omnipipe.online.trace_spans import Spans

_ASKING = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER")


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """Whether the usual variables of OpenTelemetry ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return False
    return any(environment.get(name, "").strip() for name in _ASKING)


_spans: list[Spans | None] = []


def use_spans(spans: Spans | None) -> None:
    """Send this process's spans there, whatever the environment says; for programs with an exporter of their own."""
    _spans[:] = [spans]


def find_spans() -> Spans | None:
    """Where this process's spans go, as the environment says; None where it asks for none.

    Raises:
        MissingExtraError: It asks, and OpenTelemetry is not installed.
        ConfigError: It asks for an exporter that is not known here.
    """
    if not _spans:
        _spans.append(_spans_of_environment())
    return _spans[0]


def _spans_of_environment() -> Spans | None:
    if not is_asked_for(os.environ):
        return None
    from omnipipe.online.trace_spans import Spans

    return Spans.of_environment(os.environ)


def request_observers() -> tuple[Spans, ...]:
    """Who has to see each request, for `WatchRequests`."""
    spans = find_spans()
    return () if spans is None else (spans,)


def trace_job(job: Job) -> None:
    """Tell of a job that is final."""
    spans = find_spans()
    if spans is not None:
        spans.job(job)


def traced_pages(pages: PageService) -> PageService:
    """`pages` with a span for each piece, where traces are asked for; else `pages` itself."""
    spans = find_spans()
    return pages if spans is None else _TracedPages(pages, spans)


def traced_engines(engines: EngineService) -> EngineService:
    """`engines` with a span for each request, where traces are asked for; else `engines` itself."""
    spans = find_spans()
    return engines if spans is None else _TracedEngines(engines, spans)


class _TracedPages:
    """A `PageService` that passes everything on."""

    def __init__(self, pages: PageService, spans: Spans) -> None:
        self._pages = pages
        self._spans = spans

    @property
    def slots(self) -> int:
        return self._pages.slots

    async def read(self, piece: Piece) -> PieceResult:
        with self._spans.piece(piece) as done:
            result = await self._pages.read(piece)
            done(result)
            return result

    async def health(self) -> None:
        await self._pages.health()

    async def close(self) -> None:
        await self._pages.close()


class _TracedEngines:
    """An `EngineService` that passes everything on."""

    def __init__(self, engines: EngineService, spans: Spans) -> None:
        self._engines = engines
        self._spans = spans

    @property
    def models(self) -> Sequence[ServedModel]:
        return self._engines.models

    async def generate(self, model: ServedModel, request: Request) -> Completion:
        with self._spans.engine_request(model.name) as done:
            completion = await self._engines.generate(model, request)
            done(completion)
            return completion

    def stream(self, model: ServedModel, request: Request) -> AsyncIterator[str | Completion]:
        return self._streamed(model, request)

    async def _streamed(self, model: ServedModel, request: Request) -> AsyncGenerator[str | Completion, None]:
        pieces = self._engines.stream(model, request)
        with self._spans.engine_request(model.name) as done:
            if isinstance(pieces, AsyncGenerator):
                async with aclosing(pieces):
                    async for piece in pieces:
                        if not isinstance(piece, str):
                            done(piece)
                        yield piece
                return
            async for piece in pieces:
                if not isinstance(piece, str):
                    done(piece)
                yield piece

    async def health(self, model: ServedModel) -> None:
        await self._engines.health(model)

    async def load(self, model: ServedModel) -> EngineLoad:
        return await self._engines.load(model)
