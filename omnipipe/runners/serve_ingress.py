"""The replica that answers HTTP: the app over jobs on disk, document workers and engines that are other replicas."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from omnipipe.online.engine_service import served_models
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.service import DocumentService
from omnipipe.online.web.access_log import write_access_log
from omnipipe.online.web.app import make_app
from omnipipe.online.web.auth import Keys
from omnipipe.online.web.state import Online
from omnipipe.runners.serve_engine import HandleEngineService
from omnipipe.runners.serve_pages import HandlePageService
from omnipipe.runners.serve_plan import ServePlan

if TYPE_CHECKING:
    from fastapi import FastAPI
    from ray.serve.handle import DeploymentHandle

DRAIN_SECONDS = 20.0


class Ingress:
    """Owns the jobs that it accepted, until they end or it dies: then another one takes them over."""

    def __init__(
        self,
        plan: ServePlan,
        keys: Keys,
        slots: int,
        pages: DeploymentHandle[Any],
        *engines: DeploymentHandle[Any],
    ) -> None:
        self._plan = plan
        self._keys = keys
        self._pages = HandlePageService(pages, slots)
        self._engines = HandleEngineService(served_models(plan.pipeline), engines)
        self._documents: DocumentService | None = None
        self._store: JobStore | None = None

    async def __serve_build_asgi_app__(self) -> FastAPI:
        """Open the store, begin with what is left of earlier jobs, and make the app. Serve calls it once."""
        from ray import serve

        write_access_log()
        plan = self._plan
        name = serve.get_replica_context().replica_id.unique_id
        self._store = JobStore(plan.settings, writer=name)
        await self._store.open()
        self._documents = DocumentService(self._store, self._pages, plan.settings, plan.pipeline, name=name)
        await self._documents.start()
        return make_app(
            Online(
                documents=self._documents,
                store=self._store,
                engines=self._engines,
                settings=plan.settings,
                keys=self._keys,
            ),
            # Serve's proxy adds its own to every answer.
            echoes_request_id=False,
        )

    async def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Take no more documents, and give what is in work so long; the rest goes on after the next start."""
        if self._documents is not None:
            await self._documents.close(seconds)

    async def __del__(self) -> None:
        with suppress(Exception):
            await self.drain()
        if self._store is not None:
            await self._store.close()
