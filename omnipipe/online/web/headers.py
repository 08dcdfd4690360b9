"""What stands around every route: who may send a request, and the headers of each answer."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import secrets
import traceback

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.client_gone import ClientGoneError
from omnipipe.online.web.errors import ApiProblem, problem_response

_log = logging.getLogger("omnipipe.online.web")

_PROBES = frozenset({"/healthz", "/readyz"})
_API = re.compile(r"/(v1/|metrics$|healthz$|readyz$|openapi\.json$)")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 4 << 20

_ALL_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_API_HEADERS = {
    **_ALL_HEADERS,
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
_PAGE_HEADERS = {
    **_ALL_HEADERS,
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-cache",
}


class Shield:
    """Pure ASGI around the app.

    Refuses Host headers that are not this server's (a page elsewhere can point its own name here) and writes that a
    page of another site sends without a key; adds a request id and headers that a route did not set itself; answers
    what the app did not expect with 500 and the request id alone; reads no body to its end that nobody wants.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, *, echoes_request_id: bool = True) -> None:
        self._app = app
        self._echoes_request_id = echoes_request_id
        self._hosts = _Hosts(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        talk = _Talk(scope, headers, receive, send, request_id if self._echoes_request_id else None)
        try:
            problem = self._hosts.refusal(scope, headers) or _cross_site_refusal(scope, headers)
            if problem is not None:
                await problem_response(problem)(scope, talk.receive, talk.send)
            else:
                await self._app(scope, talk.receive, talk.send)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            # Not the message: it may quote a document.
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("request %s: %s in %s:%s", request_id, type(error).__name__, place.filename, place.lineno)
            if talk.is_begun:
                raise RuntimeError(f"the answer to request {request_id} broke off") from None
            message = f"Something here is broken. The server's log has it under request id {request_id}."
            await problem_response(ApiProblem(500, "internal", message))(scope, talk.receive, talk.send)


class _Talk:
    """One request and its answer."""

    def __init__(self, scope: Scope, headers: Headers, receive: Receive, send: Send, request_id: str | None) -> None:
        self._receive = receive
        self._send = send
        self._added = _API_HEADERS if _API.match(scope["path"]) else _PAGE_HEADERS
        self._request_id = request_id
        self._can_close = scope.get("http_version", "1.1") in ("1.0", "1.1")
        self._is_body_read = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        self._lingers = False
        self.is_begun = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._is_body_read = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.is_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in self._added.items():
                headers.setdefault(name, value)
            if self._request_id is not None:
                headers["x-request-id"] = self._request_id
            if self._can_close and not self._is_body_read:
                headers["connection"] = "close"
                self._lingers = True
        elif self._lingers and message["type"] == "http.response.body" and not message.get("more_body", False):
            # Closed with bytes unread, the kernel resets the connection, and the client may never see the answer.
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _linger(self) -> None:
        left = _LINGER_BYTES
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while left > 0 and not self._is_body_read:
                    left -= len((await self.receive()).get("body", b""))
        except TimeoutError:
            return


class _Hosts:
    """The names that this server answers to."""

    def __init__(self, settings: ServeSettings) -> None:
        names = {"localhost", "127.0.0.1", "::1", settings.host, *settings.allowed_hosts}
        self._names = frozenset(name.strip("[]").lower() for name in names)
        self._any = "*" in settings.allowed_hosts
        address = _address(settings.host)
        # Bound to all its addresses, each of them is its name. A number cannot be pointed elsewhere like a name.
        self._any_address = address is not None and address.is_unspecified

    def refusal(self, scope: Scope, headers: Headers) -> ApiProblem | None:
        """Why a request is not answered; None if it is. Probes ask by address and learn nothing."""
        if self._any or scope["path"] in _PROBES:
            return None
        host = headers.get("host", "")
        name = _name_of(host)
        if name in self._names or (self._any_address and _address(name) is not None):
            return None
        return ApiProblem(
            400,
            "unknown_host",
            f"Host {host[:80]!r} is not a name of this server. Add it to allowed_hosts if it should be.",
        )


def _cross_site_refusal(scope: Scope, headers: Headers) -> ApiProblem | None:
    if scope["method"] in _SAFE_METHODS or "authorization" in headers or "x-api-key" in headers:
        return None
    site = headers.get("sec-fetch-site")
    if site is not None:
        is_own = site in ("same-origin", "none")
    else:
        origin = headers.get("origin")
        is_own = origin is None or origin.partition("://")[2].lower() == headers.get("host", "").lower()
    if is_own:
        return None
    return ApiProblem(403, "cross_site", "A page of another site sent this without an API key. Send a key along.")


def _name_of(host: str) -> str:
    """`host` without port and brackets, in lower case."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](:\d{1,5})?", host)
    name = bracketed[1] if bracketed else re.sub(r":\d{1,5}$", "", host)
    return name.lower().removesuffix(".")


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
