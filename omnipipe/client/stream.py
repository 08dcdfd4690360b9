"""The rows of a stream as it arrives, and whether all of it did. Nothing here waits or sends."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import cast

import httpx

from omnipipe.client.error import ServerError
from omnipipe.client.result import JobState, Row

# The server ends a stream after so long, finished or not, and is asked for the rest: a connection that nobody can see
# to be dead is noticed by then.
STREAM_SECONDS = 30.0

SHORTEST_WAIT = 0.25
"""Seconds between two questions to a server that does not wait before it answers."""


class RowLines:
    """Takes the bytes of NDJSON answers apart. `num_rows` counts the rows of all of them, `job` is the newest state."""

    def __init__(self, start: int = 0) -> None:
        self.job: JobState | None = None
        self.num_rows = start
        self._rest = b""
        self._has_ended = False
        self._begun = (start, 0.0)

    @property
    def has_news(self) -> bool:
        """Whether this answer brought any row."""
        return self.num_rows > self._begun[0]

    @property
    def is_complete(self) -> bool:
        """Whether the job is final and all its rows were here."""
        return self._has_ended and self.job is not None and self.job.is_final

    def begin(self) -> None:
        """Another answer follows, from row `num_rows` on; half a line of the last one is forgotten."""
        self._rest = b""
        self._has_ended = False
        self._begun = (self.num_rows, time.monotonic())

    def feed(self, data: bytes) -> list[Row]:
        """The rows that `data` completes. What follows the last end of line waits for more.

        Raises:
            httpx.RemoteProtocolError: A line is no JSON object.
            ServerError: The last line says that the stream cannot go on.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        rows = [_parsed(line) for line in lines if line.strip()]
        if rows and "done" in rows[-1]:
            self._end(rows.pop())
        self.num_rows += len(rows)
        return rows

    def check_end(self) -> float:
        """Return if the answer was not cut: the seconds to wait before the next one is asked for.

        Raises:
            httpx.RemoteProtocolError: Its last line is missing.
        """
        if not self._has_ended:
            raise httpx.RemoteProtocolError("the stream ended without its last line")
        was_quick = not self.has_news and time.monotonic() - self._begun[1] < SHORTEST_WAIT
        return SHORTEST_WAIT if was_quick and not self.is_complete else 0.0

    def check_complete(self) -> JobState:
        """The job's final state; only where `is_complete`."""
        assert self.job is not None
        return self.job

    def _end(self, last: Row) -> None:
        if "error" in last:
            said = cast("Mapping[str, object]", last["error"])
            status = 404 if said.get("code") == "not_found" else 503
            raise ServerError(status, str(said.get("code")), str(said.get("message")))
        self.job = JobState.from_plain(cast("Mapping[str, object]", last["job"]))
        self._has_ended = True


def _parsed(line: bytes) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise httpx.RemoteProtocolError("a line of the stream is no JSON") from error
    if not isinstance(row, dict):
        raise httpx.RemoteProtocolError("a line of the stream is no JSON object")
    return row
