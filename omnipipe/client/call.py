"""One HTTP call: what is sent, and what is done about an answer that is none. Nothing here waits or sends."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import cast

import httpx

from omnipipe.client.error import NotReachedError, ServerError
from omnipipe.client.upload import Upload

_FIRST_DELAY = 0.25
_LONGEST_DELAY = 10.0
# A server that says "in an hour" is not waited for in one go: it may be back sooner, and Ctrl-C should not be needed.
_LONGEST_RETRY_AFTER = 60.0
_LONGEST_MESSAGE = 500

# 502 and 504 are what a reverse proxy says while the server behind it restarts. All calls can be repeated.
_TRY_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that may be sent several times. `read_seconds` is how long an answer may keep silent."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    upload: Upload | None = None
    passwords: tuple[str, ...] = field(default=(), repr=False)
    read_seconds: float | None = None

    def build(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """A new request; its body starts from the first byte again."""
        timeout = http.timeout
        if self.read_seconds is not None:
            timeout = httpx.Timeout(**{**timeout.as_dict(), "read": self.read_seconds})
        upload = self.upload
        return http.build_request(
            self.method,
            self.path,
            params=dict(self.params),
            headers=dict(self.headers),
            data={"password": list(self.passwords)} if self.passwords else None,
            files={"file": (upload.name, upload.file, "application/octet-stream")} if upload else None,
            timeout=timeout,
        )


class Patience:
    """How long to wait before a call is repeated, until `seconds` have gone by since it was made."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._seconds = seconds
        self._delay = _FIRST_DELAY

    def after_answer(self, response: httpx.Response) -> float:
        """Seconds to wait after this answer, whose body was read.

        Raises:
            ServerError: It will not be better another time, or the time is up.
        """
        error = server_error(response)
        if response.status_code not in _TRY_AGAIN and not _is_of_ray(response):
            raise error
        told = retry_after(response)
        delay = self._next() if told is None else told * random.uniform(1.0, 1.25)
        if time.monotonic() + delay > self._end:
            raise error
        return delay

    def after_failure(self, error: httpx.RequestError, url: httpx.URL) -> float:
        """Seconds to wait after the connection failed.

        Raises:
            NotReachedError: The time is up.
        """
        delay = self._next()
        # What the caller itself did wrong (a URL without a host) does not get better.
        if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError) or self._is_over(delay):
            raise NotReachedError(
                f"{_place(url)}: {type(error).__name__}: {error}. Tried for {self._seconds:g} s; is the server up?"
            ) from error
        return delay

    def _is_over(self, delay: float) -> bool:
        return time.monotonic() + delay > self._end

    def _next(self) -> float:
        """The next delay: about twice the last one, no two clients the same."""
        delay = self._delay * random.uniform(0.5, 1.0)
        self._delay = min(self._delay * 2, _LONGEST_DELAY)
        return delay


def retry_after(response: httpx.Response) -> float | None:
    """The seconds (0 to 60) that the server asks to be left alone, None where it says nothing that can be read."""
    told = response.headers.get("retry-after", "").strip()
    if not told:
        return None
    try:
        seconds = float(told)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(told).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER) if seconds == seconds else None


def _is_of_ray(response: httpx.Response) -> bool:
    """Whether Ray Serve's proxy said it, and not the app behind it, whose errors are JSON."""
    # A replica that dies is a 500; while the app starts again its paths are a 404 (Ray 2.60).
    said = response.content
    if response.status_code == 404:
        return said.startswith(b"Path '") and b"/-/routes" in said
    return response.status_code == 500 and said == b"Internal Server Error"


def server_error(response: httpx.Response) -> ServerError:
    """The server's own code and message out of an answer whose body was read."""
    status = response.status_code
    try:
        said = json.loads(response.content)["error"]
        code, message = str(said["code"]), str(said["message"])
    except (ValueError, TypeError, KeyError):
        code = f"http_{status}"
        message = response.reason_phrase or "no reason given"
        if response.has_redirect_location:
            message = f"redirected to {_place(httpx.URL(response.headers['location']))}. Use that address."
    return ServerError(status, code, message[:_LONGEST_MESSAGE])


def answer_json(response: httpx.Response) -> Mapping[str, object]:
    """The JSON object of an answer.

    Raises:
        ServerError: It is none; something else than omnipipe answers there.
    """
    try:
        plain = json.loads(response.content)
    except ValueError:
        plain = None
    if not isinstance(plain, dict):
        raise ServerError(
            response.status_code,
            "not_omnipipe",
            f"{_place(response.request.url)} answered with something else than a JSON object. Is it omnipipe serve?",
        )
    return cast("Mapping[str, object]", plain)


def _place(url: httpx.URL) -> str:
    """The address without user, password and query."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}" if url.host else str(url.path)
