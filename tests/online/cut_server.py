"""A real HTTP server in a thread that speaks the documents API and fails as told: it refuses, drops and cuts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JOB_ID = "0123456789abcdef0123456789abcdef"


def row(index: int, **changes: Any) -> dict[str, Any]:
    """A row as the server writes it."""
    plain = {
        "page_id": f"d#{index}",
        "doc_id": "d",
        "page_index": index,
        "page_number": index + 1,
        "page_count": 3,
        "num_pages": 1,
        "source_uri": "paper.pdf",
        "status": "ok",
        "route": "text_layer",
        "text": f"page {index + 1}",
        "flags": [],
        "blocks": [],
        "lines": [],
        "created_at": "2026-01-02T03:04:05.678901Z",
    }
    return {**plain, **changes}


def job(state: str = "done", num_rows: int = 3) -> dict[str, Any]:
    """A job as the server writes it, with a member that no client knows."""
    return {
        "id": JOB_ID,
        "state": state,
        "file_name": "paper.pdf",
        "size": 5,
        "page_count": 3,
        "num_pages": 3,
        "num_rows": num_rows,
        "created_at": 1.0,
        "finished_at": 2.0 if state == "done" else None,
        "reason": None,
        "of_a_later_version": 1,
    }


@dataclass(frozen=True)
class Reply:
    """What is sent back. `is_cut`: more bytes were announced than `body` has; `drop` closes without a word."""

    body: object = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    drop: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Asked:
    """One request as it came; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[Asked, int], Reply]
"""What to answer to the n-th request, n counted from 1."""


def lines(rows: Sequence[dict[str, Any]], last: dict[str, Any] | None = None) -> bytes:
    """An NDJSON stream of `rows`, and its last line."""
    every = [*rows, *([last] if last else [])]
    return b"".join(json.dumps(one).encode() + b"\n" for one in every)


def failure(code: str, message: str) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"code": code, "message": message}}


class _Handler(BaseHTTPRequestHandler):
    server: CutServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        asked = Asked(
            self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, self._body()
        )
        with self.server.counting:
            self.server.asked.append(asked)
            times = len(self.server.asked)
        reply = self.server.behaviour(asked, times)
        self.close_connection = reply.drop or reply.is_cut
        if reply.drop:
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.content) + (10 if reply.is_cut else 0)))
        self.end_headers()
        self.wfile.write(reply.content)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - names of the standard library

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


class CutServer(ThreadingHTTPServer):
    """`asked` are all requests in their order."""

    daemon_threads = True

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.asked: list[Asked] = []
        self.counting = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[CutServer]:
    """The server while the context lasts."""
    with CutServer(behaviour) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
