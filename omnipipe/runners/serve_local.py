"""Serving in this process, without Ray: for a laptop, a small machine and tests."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

import uvicorn

from omnipipe.online.jobs.store import JobStore
from omnipipe.online.local import PAGE_SECONDS, LocalPageService
from omnipipe.online.local_engines import LocalEngineService
from omnipipe.online.service import DocumentService
from omnipipe.online.web.access_log import write_access_log
from omnipipe.online.web.app import make_app
from omnipipe.online.web.auth import Keys
from omnipipe.online.web.state import Online
from omnipipe.runners.serve_door import open_socket, url
from omnipipe.runners.serve_plan import ServePlan

DRAIN_SECONDS = 20.0
_FORCED_SECONDS = 2.0


def serve(plan: ServePlan, keys: Keys, on_ready: Callable[[str], None]) -> None:
    """Serve `plan` until Ctrl-C or SIGTERM; `on_ready` gets the URL when the models are loaded.

    What is in work then is given 20 s; the rest goes on after the next start. A second signal ends at once.

    Raises:
        UserError: The port is in use, or an engine cannot be loaded.
    """
    with open_socket(plan.settings) as listening:
        where = url(plan.settings.host, listening.getsockname()[1])
        is_stuck = asyncio.run(_serve(plan, keys, listening, lambda: on_ready(where)))
    if is_stuck:
        sys.stderr.write("omnipipe: a stage did not come back; its job goes on after the next start.\n")
        sys.stderr.flush()
        # Python would wait for its thread, for ever. All else is closed.
        os._exit(0)


async def _serve(plan: ServePlan, keys: Keys, listening: socket.socket, on_ready: Callable[[], None]) -> bool:
    """Whether a thread never came back."""
    write_access_log()
    server = _Server()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.hear)
    parts = _Parts(plan)
    try:
        if await server.unless_stopped(parts.open()):
            server.config.app = make_app(parts.online(keys))
            on_ready()
            await server.serve(sockets=[listening])
    finally:
        await parts.close(0.0 if server.force_exit else DRAIN_SECONDS)
    return parts.is_stuck


class _Server(uvicorn.Server):
    """Ends as we say, not by signals of its own, which it would raise once more afterwards."""

    def __init__(self) -> None:
        async def nothing(scope: object, receive: object, send: object) -> None: ...

        config = uvicorn.Config(
            nothing,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(DRAIN_SECONDS),
        )
        super().__init__(config)
        self._stopped = asyncio.Event()

    def hear(self) -> None:
        """The first signal lets requests in work end, the second does not."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._stopped.set()

    async def unless_stopped(self, work: Coroutine[None, None, None]) -> bool:
        """Whether `work` ended before a signal came; it is given up otherwise."""
        working = asyncio.create_task(work)
        stopped = asyncio.create_task(self._stopped.wait())
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not working.done():
            working.cancel()
            return False
        await working
        return True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Parts:
    """What is served, opened and closed in order."""

    def __init__(self, plan: ServePlan) -> None:
        self._plan = plan
        self._engines = LocalEngineService(plan.pipeline)
        slots = None if plan.replicas is None else plan.replicas[1]
        self._pages = LocalPageService(plan.pipeline, plan.limits, engines=self._engines.host, slots=slots)
        self._store = JobStore(plan.settings)
        self._documents = DocumentService(
            self._store, self._pages, plan.settings, plan.pipeline, name=self._store.writer
        )
        self._is_store_open = False
        self._is_started = False

    @property
    def is_stuck(self) -> bool:
        """See `LocalPageService.is_stuck`."""
        return self._pages.is_stuck

    async def open(self) -> None:
        """Load the engines, then begin with what is left of earlier jobs."""
        self._engines.start()
        for model in self._engines.models:
            await asyncio.to_thread(self._engines.host.engine(model.config).wait)
        await self._store.open()
        self._is_store_open = True
        await self._documents.start()
        self._is_started = True

    def online(self, keys: Keys) -> Online:
        """The parts for the app."""
        return Online(
            documents=self._documents,
            store=self._store,
            engines=self._engines,
            settings=self._plan.settings,
            keys=keys,
        )

    async def close(self, drain_seconds: float) -> None:
        """End all of it; what is in work is given so long."""
        if self._is_started:
            await self._documents.close(drain_seconds)
        if self._is_store_open:
            await self._store.close()
        await self._pages.close(PAGE_SECONDS if drain_seconds else _FORCED_SECONDS)
        await asyncio.to_thread(self._engines.close)
