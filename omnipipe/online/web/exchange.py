"""Each request and its answer in numbers, for whoever counts or writes them down. Never what was in them."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_JOB_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)

CLIENT_LEFT = 499
"""The status of a request whose client went before it was answered; nobody saw it. The number is nginx's."""

NO_ROUTE = "none"
"""The route of a request that no route took."""


class Exchange(NamedTuple):
    """One request and its answer. None of it is bounded by what clients send but `caller` and ids by their form.

    `started_at` is in seconds since 1970, `seconds` to the last byte, `first_seconds` to the answer's head. `route` is
    the template ("/v1/jobs/{job_id}"), `caller` the name of the API key ("" without keys).
    """

    started_at: float
    request_id: str
    caller: str
    method: str
    route: str
    status: int
    bytes_in: int
    bytes_out: int
    first_seconds: float
    seconds: float
    job_id: str | None


class Observer(Protocol):
    """Sees requests begin and end, in the event loop: it must be quick."""

    def begin(self, scope: Scope) -> None:
        """A request came."""
        ...

    def end(self, scope: Scope, exchange: Exchange) -> None:
        """It was answered, or its client left."""
        ...


class WatchRequests:
    """Pure ASGI around everything else: tells `observers` of each HTTP request."""

    def __init__(self, app: ASGIApp, observers: Sequence[Observer]) -> None:
        self._app = app
        self._observers = tuple(observers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        talk = _Talk(receive, send)
        for observer in self._observers:
            observer.begin(scope)
        broke = False
        try:
            await self._app(scope, talk.receive, talk.send)
        except Exception:
            broke = True
            raise
        finally:
            exchange = talk.exchange(scope, broke=broke)
            for observer in reversed(self._observers):
                observer.end(scope, exchange)


class _Talk:
    """Counts what goes through."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._started_at = time.time()
        self._started = time.perf_counter()
        self._first: float | None = None
        self._status = 0
        self._bytes_in = 0
        self._bytes_out = 0
        self._job_id: str | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self._bytes_out += len(message.get("body", b""))
        elif message["type"] == "http.response.start":
            self._first = time.perf_counter()
            self._status = message["status"]
            for name, value in message.get("headers", ()):
                if name == b"x-job-id":
                    self._job_id = value.decode("latin-1")
        await self._send(message)

    def exchange(self, scope: Scope, *, broke: bool) -> Exchange:
        now = time.perf_counter()
        state = scope.get("state") or {}
        method = scope["method"]
        job_id = self._job_id or (scope.get("path_params") or {}).get("job_id")
        return Exchange(
            self._started_at,
            str(state.get("request_id", "")),
            str(state.get("caller_name", "")),
            method if method in _METHODS else "OTHER",
            getattr(scope.get("route"), "path", NO_ROUTE),
            self._status or (500 if broke else CLIENT_LEFT),
            self._bytes_in,
            self._bytes_out,
            (self._first or now) - self._started,
            now - self._started,
            job_id if isinstance(job_id, str) and _JOB_ID.fullmatch(job_id) else None,
        )
