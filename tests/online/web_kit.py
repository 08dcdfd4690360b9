"""What the tests of the web app share: keys for a live server, a slow pipeline, forms, and looking until it is so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.auth import Keys, new_key
from omnipipe.online.web.quotas import Quotas
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.stages.base import Stage
from omnipipe.stages.read import Read
from tests.online.live import Live, live

TEXT_LAYER = load_pipeline("text_layer")


class Slowly(Stage):
    """Takes its time over every page."""

    seconds: float = 0.05

    def wants(self, page: Page) -> bool:
        return True

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        for _ in pages:
            time.sleep(self.seconds)
        return pages


SLOW = Pipeline("slow", (Read(), Slowly()))


@contextmanager
def keyed(settings: ServeSettings, *quotas: str) -> Iterator[tuple[Live, list[str]]]:
    """A live server with a key for each of `quotas`, and those keys."""
    keys, lines = zip(*(new_key(f"user{number}") for number, _ in enumerate(quotas)), strict=True)
    path = settings.data_dir.with_suffix(".keys")
    path.write_text("".join(f"{line} {quota}\n" for line, quota in zip(lines, quotas, strict=True)), "utf-8")
    with live(TEXT_LAYER, settings) as server:
        server.online.keys = Keys.load(settings.model_copy(update={"api_keys": path}))
        server.online.quotas = Quotas(server.online.store, server.online.keys)
        yield server, list(keys)


def client_of(server: Live, key: str | None = None) -> httpx.Client:
    """A client of `server`, with `key` if there is one."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=60, trust_env=False)


def pdf_file(content: bytes, name: str = "paper.pdf") -> dict[str, tuple[str, bytes, str]]:
    """`content` as the form field `file`."""
    return {"file": (name, content, "application/pdf")}


def until(is_so: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether `is_so` became true in time."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def spooled(server: Live) -> list[str]:
    """Names of files in the folder of uploads."""
    return sorted(path.name for path in Path(server.data, "uploads").iterdir())


def code_of(response: httpx.Response) -> str:
    """The code of an error."""
    return str(response.json()["error"]["code"])
