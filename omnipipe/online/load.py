"""What a document service has to do and has done, in numbers."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

_WINDOW_SECONDS = 30


class Load(NamedTuple):
    """The service at one moment. Counters run from the start of this process.

    `jobs` are in work or waiting, `queued_pages` are known pages that no worker has, `running_pieces` are with workers
    (`slots` of them can be worked on at once). `reused` jobs were answered from what another job had read.
    `rows_by_status` and `rows_by_route` count rows that this process finished; tokens and stage seconds are their sums.
    `pages_per_second` is of the last half minute. `trouble` says why nothing is read at the moment.
    """

    jobs: int
    queued_pages: int
    running_pieces: int
    slots: int
    spool_bytes: int
    accepted: int
    refused: int
    reused: int
    finished: int
    rows_by_status: dict[str, int]
    rows_by_route: dict[str, int]
    stage_seconds: dict[str, float]
    prompt_tokens: int
    completion_tokens: int
    workers_lost: int
    pages_per_second: float
    trouble: str | None


class Rate:
    """How many a second there were in the last half minute."""

    def __init__(self) -> None:
        self._counts: deque[tuple[int, int]] = deque()
        self._started = time.monotonic()

    def count(self, number: int = 1) -> None:
        """Note `number` more."""
        second = int(time.monotonic())
        if self._counts and self._counts[-1][0] == second:
            self._counts[-1] = (second, self._counts[-1][1] + number)
        else:
            self._counts.append((second, number))
        self._forget(second)

    @property
    def per_second(self) -> float:
        """0 where there was none."""
        now = time.monotonic()
        self._forget(int(now))
        if not self._counts:
            return 0.0
        # From the first of them on: an idle time before says nothing.
        seconds = max(1.0, now - max(self._counts[0][0], self._started))
        return sum(number for _, number in self._counts) / seconds

    def _forget(self, second: int) -> None:
        while self._counts and self._counts[0][0] <= second - _WINDOW_SECONDS:
            self._counts.popleft()
