"""A real HTTP server in a thread that speaks OpenAI's chat interface and fails as told. It counts everything."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What is sent back. Of `body` only `cut` bytes, though all were announced; `drop` closes without a word."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cut: int | None = None
    drop: bool = False


@dataclass
class Asked:
    """One request as it came: its JSON, its headers (lower case), its path with query, and the words in it."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    when: float

    @property
    def words(self) -> str:
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, str) else next(part["text"] for part in content if "text" in part)


Behaviour = Callable[[Asked, int], Reply]
"""What to answer to a request for these words that came for the n-th time, n counted from 1."""


def chat(text: str, **changes: Any) -> str:
    """A chat completion that says `text`; `changes` go into its choice, and `usage` beside it."""
    usage = changes.pop("usage", {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **changes}
    return json.dumps({"id": "x", "object": "chat.completion", "model": "m-1", "choices": [choice], "usage": usage})


def failure(message: str, code: str | None = None) -> str:
    """An error as OpenAI says it."""
    return json.dumps({"error": {"message": message, "type": "some_error", "code": code}})


def echo(asked: Asked, _times: int) -> Reply:
    """The answer is the words that were asked."""
    return Reply(body=chat(asked.words))


def models(*names: str, owned_by: str = "somebody") -> Reply:
    """A list of models."""
    return Reply(body=json.dumps({"object": "list", "data": [{"id": name, "owned_by": owned_by} for name in names]}))


class FaultServer:
    """`asked` are the chat requests in order, `answered` counts words that got a whole answer."""

    def __init__(self, behaviour: Behaviour, listed: Reply, empty: Reply) -> None:
        self.behaviour = behaviour
        self.empty = empty
        self.listed = listed
        self.asked: list[Asked] = []
        self.answered: Counter[str] = Counter()
        self.aborted = threading.Event()
        self.num_running = 0
        self.most_running = 0
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                _send(self, server.listed)

            def do_POST(self) -> None:
                server.answer(self)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        if not body.get("messages"):
            _send(handler, self.empty)
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(body, headers, handler.path, time.monotonic())
        with self.lock:
            self.asked.append(asked)
            times = sum(other.words == asked.words for other in self.asked)
            self.num_running += 1
            self.most_running = max(self.most_running, self.num_running)
        try:
            reply = self.behaviour(asked, times)
            if reply.seconds and self._is_hung_up(handler, reply.seconds):
                self.aborted.set()
                return
            is_whole = '"content"' in reply.body and reply.status == 200 and reply.cut is None and not reply.drop
            with self.lock:
                self.num_running -= 1
                self.answered[asked.words] += is_whole
            _send(handler, reply)
            with self.lock:
                self.num_running += 1
        finally:
            with self.lock:
                self.num_running -= 1

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @staticmethod
    def _is_hung_up(handler: BaseHTTPRequestHandler, seconds: float) -> bool:
        """Whether the client closes the connection within `seconds`."""
        handler.connection.settimeout(seconds)
        try:
            return not handler.connection.recv(1)
        except TimeoutError:
            return False
        finally:
            handler.connection.settimeout(None)


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.close_connection = reply.drop or reply.cut is not None
    if reply.drop:
        return
    data = reply.body.encode()
    handler.send_response(reply.status)
    for name, value in {"content-type": "application/json", **reply.headers}.items():
        handler.send_header(name, value)
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: reply.cut])


@contextmanager
def fault_server(
    behaviour: Behaviour = echo, listed: Reply | None = None, empty: Reply | None = None
) -> Iterator[FaultServer]:
    """A server on 127.0.0.1 that lists the model `m-1` and answers `empty` without messages, until the block ends."""
    server = FaultServer(behaviour, listed or models("m-1"), empty or Reply(400, failure("no messages")))
    try:
        yield server
    finally:
        server.close()
