"""HTTP spoken by hand, for what no client library would send."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

BOUNDARY = "line-between-the-parts"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


class Answer(NamedTuple):
    """One answer; status 0 where the server closed the connection without one."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> dict[str, object]:
        """The body, an object."""
        plain = json.loads(self.body)
        assert isinstance(plain, dict)
        return plain


def file_part(
    content: bytes, name: bytes = b"document.pdf", kind: str = "application/pdf", field: str = "file"
) -> bytes:
    """One part of a form."""
    begin = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="'.encode()
    return begin + name + f'"\r\nContent-Type: {kind}\r\n\r\n'.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """A whole form."""
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def ask(
    port: int,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    seconds: float = 60.0,
) -> Answer:
    """One request with a right Content-Length, unless `headers` give another."""
    given = {"Content-Length": str(len(body)), **(headers or {})}
    return ask_raw(port, [head(method, target, given), body], seconds=seconds)


def ask_chunked(port: int, target: str, body: bytes, headers: Mapping[str, str], *, chunk: int = 4_096) -> Answer:
    """A POST whose length is not declared."""
    pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)]
    framed = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    begin = head("POST", target, {**headers, "Transfer-Encoding": "chunked"})
    return ask_raw(port, [begin, *framed, b"0\r\n\r\n"])


def ask_raw(port: int, pieces: Iterable[bytes], *, seconds: float = 60.0, then_close: bool = False) -> Answer:
    """Send `pieces` and read one answer; with `then_close` nothing more will be sent, and the server is told so."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        # A server that refuses early may close before all is sent: what it said can still be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                connection.sendall(piece)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        try:
            answer.begin()
            body = answer.read()
        except (http.client.BadStatusLine, ConnectionResetError):
            return Answer(0, {}, b"", time.monotonic() - began)
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, body, time.monotonic() - began)


def head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The head of a request, for `ask_raw`."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
