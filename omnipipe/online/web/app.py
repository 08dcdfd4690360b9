"""The HTTP app: documents, jobs and whatever else is served, over one `DocumentService`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec

from fastapi import FastAPI

import omnipipe
from omnipipe.online.engine_service import EngineService
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.service import DocumentService
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web import documents, health, jobs
from omnipipe.online.web.auth import Keys
from omnipipe.online.web.errors import install_errors


@dataclass(kw_only=True)
class Online:
    """What the routes work with. Whoever makes it opens, starts and closes the parts."""

    documents: DocumentService
    store: JobStore
    engines: EngineService
    settings: ServeSettings
    keys: Keys


def make_app(online: Online) -> FastAPI:
    """The app over `online`; every sub-module of `web` offers `router(online)`."""
    app = FastAPI(title="omnipipe", version=omnipipe.__version__, docs_url=None, redoc_url=None)
    app.state.online = online
    install_errors(app)
    for module in (documents, jobs, health):
        app.include_router(module.router(online))
    for name in ("models", "chat", "static", "metrics"):
        if find_spec(f"omnipipe.online.web.{name}") is not None:
            app.include_router(importlib.import_module(f"omnipipe.online.web.{name}").router(online))
    return app
