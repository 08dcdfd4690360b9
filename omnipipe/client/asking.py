"""What a client asks of its server, as calls; the same for `Client` and `AsyncClient`."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict, cast

import httpx

from omnipipe.client.call import Call
from omnipipe.client.result import JobState, Result, Row
from omnipipe.client.stream import STREAM_SECONDS
from omnipipe.client.upload import Upload
from omnipipe.errors import ConfigError

KEY_VARIABLE = "OMNIPIPE_API_KEY"

# Small documents are answered in the call that brings them. Longer ones are asked for again, lest a proxy between
# the two, which most of the time gives up after a minute, cuts a call that is well.
_WAIT_SECONDS = 20.0
_PATIENT_SECONDS = 30.0


class Wishes(TypedDict, total=False):
    """What can be asked about a document; None is the same as leaving it out.

    `pages` counts from 1 ("1-4,9"). `deadline` is in seconds from now: pages that are not read by then are given up.
    `file_name` is the name in the rows, by default the file's own. With an `idempotency_key` of your own the same
    upload, made again by another process, gets the same job; every upload has a random one otherwise.
    """

    pages: str | None
    max_pages: int | None
    password: str | Sequence[str] | None
    deadline: float | None
    file_name: str | None
    pipeline: str | None
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a client talks: `timeout` and `retry_seconds` in seconds. The key is in `headers` only."""

    url: httpx.URL
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    retry_seconds: float

    @property
    def place(self) -> str:
        """The server's address without user and password."""
        return str(self.url.copy_with(username=None, password=None))


def settings_of(url: str, api_key: str | None, timeout: float, retry_seconds: float) -> Settings:
    """The settings, with the key of the environment where none is given.

    Raises:
        ConfigError: One of them cannot be.
    """
    # What is before an @ may be a password.
    shown = url.rpartition("@")[2][:80]
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"{shown!r} is no address of a server: {error}. Use http://HOST:8000") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(f"{shown!r} is no address of a server. Use http://HOST:8000")
    if timeout <= 0 or retry_seconds < 0:
        raise ConfigError(
            f"timeout={timeout:g} and retry_seconds={retry_seconds:g}: use seconds above 0, and from 0 on."
        )
    key = os.environ.get(KEY_VARIABLE) if api_key is None else api_key
    if key and not re.fullmatch(r"[\x21-\x7e]+", key):
        # Not quoted: it is a secret, even a mangled one.
        raise ConfigError("The API key has characters other than printable ASCII, or a space. Is there an end of line?")
    return Settings(parsed, {"authorization": f"Bearer {key}"} if key else {}, timeout, retry_seconds)


def upload_call(upload: Upload, wishes: Wishes, settings: Settings, wait: float | None = 0.0) -> Call:
    """Send a document. The answer is the whole result where it is there in `wait` seconds (None: some), else a job.

    Raises:
        TypeError: There is no such wish.
    """
    unknown = set(wishes) - set(Wishes.__annotations__)
    if unknown:
        raise TypeError(f"unknown: {', '.join(sorted(unknown))}. Known: {', '.join(Wishes.__annotations__)}")
    password = wishes.get("password")
    asked = {name: wishes.get(name) for name in ("pages", "max_pages", "deadline", "pipeline")}
    params = {name: str(value) for name, value in asked.items() if value is not None}
    wait = _WAIT_SECONDS if wait is None else min(wait, _WAIT_SECONDS)
    return Call(
        method="POST",
        path="/v1/documents",
        params={**params, "format": "json", **({"wait": f"{wait:g}"} if wait > 0 else {})},
        # A key of its own makes every upload one that can be sent again: the job is made once.
        headers={"idempotency-key": wishes.get("idempotency_key") or secrets.token_hex(16)},
        upload=upload,
        passwords=(password,) if isinstance(password, str) else tuple(password or ()),
        read_seconds=settings.timeout + wait,
    )


def state_call(job_id: str, settings: Settings, wait: float | None = None) -> Call:
    """Ask how far a job is, after `wait` seconds at most. Rows are not asked for where it is not final."""
    if wait is None:
        # From behind the last row: a job that is final would be sent with all its text.
        return Call(method="GET", path=_path(job_id), params={"format": "json", "start": "100000000"})
    wait = max(0.0, min(wait, _PATIENT_SECONDS))
    return Call(
        method="GET",
        path=_path(job_id),
        params={"format": "json", "start": "100000000", "wait": f"{wait:g}"},
        read_seconds=settings.timeout + wait,
    )


def rows_call(job_id: str, start: int, settings: Settings) -> Call:
    """Ask for the rows from `start` on as they come."""
    return Call(
        method="GET",
        path=_path(job_id),
        params={"format": "ndjson", "start": str(start), "wait": f"{STREAM_SECONDS:g}"},
        read_seconds=settings.timeout + STREAM_SECONDS,
    )


def jobs_call(limit: int) -> Call:
    """Ask for the newest jobs."""
    return Call(method="GET", path="/v1/jobs", params={"limit": str(limit)})


def find_jobs(plain: Mapping[str, object]) -> list[JobState]:
    """The jobs in an answer to `jobs_call`."""
    return [JobState.from_plain(job) for job in cast("Sequence[Mapping[str, object]]", plain.get("jobs", ()))]


def remove_call(job_id: str) -> Call:
    """Give a job up and remove it."""
    return Call(method="DELETE", path=_path(job_id))


def find_result(plain: Mapping[str, object]) -> Result | None:
    """The result in an answer to `upload_call`, None where it is a job that goes on."""
    job = JobState.from_plain(plain)
    pages = plain.get("pages")
    if not job.is_final or not isinstance(pages, list):
        return None
    return Result.of(job, cast("Sequence[Row]", pages))


def _path(job_id: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{32}", job_id):
        raise ConfigError(f"{job_id[:80]!r} is no id of a job. It has 32 hex digits.")
    return f"/v1/jobs/{job_id}"
