"""The HTTP app: documents, jobs and whatever else is served, over one `DocumentService`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import omnipipe
from omnipipe.online.tracing import request_observers, traced_engines
from omnipipe.online.web import chat, documents, health, jobs, metrics, models, pages, pipelines, static
from omnipipe.online.web.access_log import AccessLog
from omnipipe.online.web.errors import install_errors
from omnipipe.online.web.exchange import WatchRequests
from omnipipe.online.web.headers import Shield
from omnipipe.online.web.openapi import DESCRIPTION, describe_keys
from omnipipe.online.web.schemas import errors
from omnipipe.online.web.state import Online


def make_app(online: Online, *, echoes_request_id: bool = True) -> FastAPI:
    """The app over `online`; every sub-module of `web` offers `router(online)`.

    With `echoes_request_id` off the X-Request-ID of answers is left to a proxy in front that adds it anyway.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        online.pictures.close()

    app = FastAPI(
        title="omnipipe",
        version=omnipipe.__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.online = online
    install_errors(app)
    app.add_middleware(Shield, settings=online.settings, echoes_request_id=echoes_request_id)
    for module in (documents, jobs, pages, pipelines, models, chat):
        # FastAPI would describe another body for 422 than ours.
        app.include_router(module.router(online), responses=errors(422))
    for module in (health, metrics, static):
        app.include_router(module.router(online))
    describe_keys(app, is_open=not len(online.keys))
    online.engines = traced_engines(online.engines)
    app.state.metrics = metrics.Metrics(online)
    # The last added is the outermost: what the shield refuses is counted as well.
    app.add_middleware(WatchRequests, observers=(app.state.metrics, AccessLog(), *request_observers()))
    return app
