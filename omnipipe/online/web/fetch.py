"""Documents fetched for clients, from where the server's settings allow it and nowhere else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import unquote

import httpx

from omnipipe.online.web.errors import ApiProblem

_MOST_HOPS = 5
_FETCH_SECONDS = 300.0
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


class Writer(Protocol):
    """Takes bytes as they come; see `UploadWriter`."""

    def write(self, data: bytes) -> None:
        """Keep `data`.

        Raises:
            TooLargeError: It is more than there may be.
        """
        ...


async def fetch(url: str, allowed: Sequence[str], writer: Writer) -> str:
    """The name of the document at `url`, whose bytes go to `writer`. Redirects must stay in the list.

    No proxy, cookie or password of this machine goes along.

    Raises:
        ApiProblem: 403 where `url`, or an address that it leads to, is not allowed; 502 where nothing can be fetched.
        TooLargeError: It is larger than an upload may be.
    """
    try:
        async with (
            asyncio.timeout(_FETCH_SECONDS),
            httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT, follow_redirects=False) as client,
        ):
            for _ in range(_MOST_HOPS):
                place = _allowed(url, allowed)
                request = client.build_request("GET", place, headers={"accept-encoding": "identity"})
                response = await client.send(request, stream=True)
                try:
                    if response.next_request is None:
                        await _take(response, writer)
                        return unquote(place.path).rstrip("/").rpartition("/")[2]
                    url = str(response.next_request.url)
                finally:
                    await response.aclose()
    except (httpx.HTTPError, TimeoutError) as error:
        raise ApiProblem(502, "fetch_failed", f"url: it could not be fetched ({type(error).__name__}).") from None
    raise ApiProblem(502, "fetch_failed", f"url: it leads on more than {_MOST_HOPS} times.")


async def _take(response: httpx.Response, writer: Writer) -> None:
    if response.status_code != 200:
        raise ApiProblem(502, "fetch_failed", f"url: its server answered with status {response.status_code}.")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        # Unpacked in memory before its size is known.
        raise ApiProblem(502, "fetch_failed", "url: its server sends it packed, unasked.")
    async for chunk in response.aiter_raw():
        writer.write(chunk)


def _allowed(url: str, prefixes: Sequence[str]) -> httpx.URL:
    try:
        place = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise ApiProblem(422, "invalid", "url: it is not a URL.") from None
    if any(_is_below(place, prefix) for prefix in prefixes):
        return place
    raise ApiProblem(
        403, "url_not_allowed", "url: this server fetches only what begins with an entry of its setting url_allow."
    )


def _is_below(place: httpx.URL, prefix: str) -> bool:
    """Whether `place` is `prefix` or below it: its scheme, host and port, and whole steps of its path."""
    try:
        base = httpx.URL(prefix)
    except (httpx.InvalidURL, ValueError):
        return False
    if place.scheme not in ("http", "https") or place.userinfo:
        return False
    if (place.scheme, place.host, _port(place)) != (base.scheme, base.host, _port(base)):
        return False
    path = place.raw_path.decode("ascii").partition("?")[0]
    steps = re.split(r"[/\\]", unquote(path))
    if ".." in steps or "." in steps or "\\" in unquote(path):
        return False
    start = base.raw_path.decode("ascii").partition("?")[0]
    return path.startswith(start) and (start.endswith("/") or path[len(start) :][:1] in ("", "/"))


def _port(place: httpx.URL) -> int | None:
    return place.port or {"http": 80, "https": 443}.get(place.scheme)
