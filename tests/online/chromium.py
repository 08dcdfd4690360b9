"""A headless Chromium and one server for the tests of the page; what the browser asks for is on record."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, FileChooser, Page, TimeoutError, expect, sync_playwright

from omnipipe.online.local import LocalPageService
from omnipipe.online.service import DocumentService
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.app import make_app
from omnipipe.online.web.auth import Key, Keys, digest_of
from omnipipe.online.web.state import Online
from omnipipe.pipeline import Pipeline
from tests.online.live import parts

SECRET = "op_a-key-of-the-tests"
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_SECONDS = 60.0
_PATIENCE_MS = 60_000


class Sites(NamedTuple):
    """The same documents behind three doors: open to all, with an API key, and with no room for another document."""

    open: str
    locked: str
    full: str


def find_chromium() -> str | None:
    """A Chromium of this machine: OMNIPIPE_CHROMIUM, or one on the PATH."""
    named = os.environ.get("OMNIPIPE_CHROMIUM")
    return named or next((found for name in _BROWSERS if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the test skips where there is none."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium here. On Debian: apt-get install chromium-headless-shell")
    # Far more than it takes: a busy machine is no reason to fail.
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as driver:
        # Chromium's sandbox needs a user other than root.
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def sites(pipeline: Pipeline, settings: ServeSettings) -> Iterator[Sites]:
    """Serve `pipeline` on three ports of one event loop while the block runs."""
    sockets = [_listening() for _ in range(3)]
    ready = threading.Event()
    failures: list[BaseException] = []
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with parts(pipeline, settings) as online:
            pages = LocalPageService(pipeline, slots=1)
            full = DocumentService(online.store, pages, settings, pipeline, name="full")
            # A server that is being stopped takes no more documents.
            await full.close(0.0)
            await pages.close()
            keys = Keys([Key(digest=digest_of(SECRET), name="test")])
            doors = (online, _door(online, keys=keys), _door(online, documents=full))
            servers.extend(uvicorn.Server(uvicorn.Config(make_app(door), log_level="warning")) for door in doors)
            ready.set()
            await asyncio.gather(
                *(server.serve(sockets=[listening]) for server, listening in zip(servers, sockets, strict=True))
            )

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="sites")
    thread.start()
    try:
        assert ready.wait(_SECONDS)
        assert servers, failures
        yield Sites(*(f"http://127.0.0.1:{listening.getsockname()[1]}" for listening in sockets))
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(_SECONDS)
        for listening in sockets:
            listening.close()
        assert not thread.is_alive()
        assert failures == []


class Visit:
    """A tab in a fresh profile. `requests` are all addresses that it asked for, `problems` what its console says."""

    def __init__(self, browser: Browser, *, dark: bool = False, width: int = 1280, height: int = 800) -> None:
        self._context = browser.new_context(
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            accept_downloads=True,
        )
        self._context.set_default_timeout(_PATIENCE_MS)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page: Page = self._context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._note)

    def upload(self, site: str, content: bytes | Path, name: str = "paper.pdf") -> Page:
        """Go to `site`, choose a document there, and wait until one of its pages is shown."""
        self.page.goto(f"{site}/")
        self.choose(content, name)
        self.page.locator("#desk").wait_for()
        return self.page

    def choose(self, content: bytes | Path, name: str = "paper.pdf") -> None:
        """Choose a document as the file dialog does."""
        if isinstance(content, Path):
            self.page.set_input_files("#file", content)
        else:
            self.page.set_input_files("#file", {"name": name, "mimeType": "application/pdf", "buffer": content})

    def opened_by_space(self) -> FileChooser:
        """The dialog for files; on a busy machine the browser now and then swallows a press."""
        for wait_ms in (5_000, 20_000):
            with suppress(TimeoutError):
                with self.page.expect_file_chooser(timeout=wait_ms) as chooser:
                    self.page.keyboard.press("Space")
                return chooser.value
        raise AssertionError("the space bar opens no dialog for files")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    def close(self) -> None:
        """Close the tab and forget its profile."""
        self._context.close()


def _listening() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    return listening


def _door(online: Online, *, documents: DocumentService | None = None, keys: Keys | None = None) -> Online:
    return Online(
        documents=documents or online.documents,
        store=online.store,
        engines=online.engines,
        settings=online.settings,
        keys=keys or online.keys,
    )
