"""The real app in a thread of the test process: real sockets, real workers, a data directory of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from omnipipe.online.jobs.store import JobStore
from omnipipe.online.local import LocalPageService
from omnipipe.online.local_engines import LocalEngineService
from omnipipe.online.service import DocumentService
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.app import make_app
from omnipipe.online.web.auth import Keys
from omnipipe.online.web.state import Online
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits

_SECONDS = 60.0


@dataclass(frozen=True)
class Live:
    """A server that answers at `127.0.0.1:port`; `loop` is its own, in another thread."""

    port: int
    online: Online
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.online.settings.data_dir


@asynccontextmanager
async def parts(
    pipeline: Pipeline, settings: ServeSettings, limits: ReaderLimits | None = None
) -> AsyncIterator[Online]:
    """What the app works with, opened and started on the running loop."""
    engines = LocalEngineService(pipeline)
    pages = LocalPageService(pipeline, limits, engines=engines.host)
    store = JobStore(settings)
    await store.open()
    documents = DocumentService(store, pages, settings, pipeline, name="test")
    await documents.start()
    try:
        yield Online(documents=documents, store=store, engines=engines, settings=settings, keys=Keys.load(settings))
    finally:
        await documents.close(1.0)
        await store.close()
        await pages.close()
        await asyncio.to_thread(engines.close)


@contextmanager
def live(pipeline: Pipeline, settings: ServeSettings, limits: ReaderLimits | None = None) -> Iterator[Live]:
    """Serve `pipeline` while the block runs."""
    # The protocol by name: asyncio sets TCP_NODELAY only then, and each answer would wait 40 ms for an acknowledgement.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        started: list[Live] = []
        ready = threading.Event()
        servers: list[uvicorn.Server] = []

        async def serve() -> None:
            async with parts(pipeline, settings, limits) as online:
                server = uvicorn.Server(uvicorn.Config(make_app(online), log_level="warning", access_log=False))
                servers.append(server)
                started.append(Live(listening.getsockname()[1], online, asyncio.get_running_loop()))
                ready.set()
                await server.serve(sockets=[listening])

        def run() -> None:
            try:
                asyncio.run(serve())
            finally:
                ready.set()

        thread = threading.Thread(target=run, name="live-server")
        thread.start()
        assert ready.wait(_SECONDS)
        assert started, "the server did not start"
        try:
            yield started[0]
        finally:
            servers[0].should_exit = True
            thread.join(_SECONDS)
            assert not thread.is_alive()
