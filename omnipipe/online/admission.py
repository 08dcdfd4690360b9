"""Whether another document is taken."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from omnipipe.online.busy import BusyError
from omnipipe.online.dispatch import Dispatcher
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.settings import ServeSettings

_LEAST_SECONDS = 1.0
_MOST_SECONDS = 60.0
_UNKNOWN_SECONDS = 5.0
_UPLOAD_SECONDS = 2.0
_TROUBLE_SECONDS = 10.0


class Admission:
    """The bounds of one replica. A `BusyError` says when there is room again, by the rate of the last half minute."""

    def __init__(self, settings: ServeSettings, work: Dispatcher, store: JobStore) -> None:
        self._settings = settings
        self._work = work
        self._store = store
        self._coming = 0
        self._uploads = 0
        self._is_closed = False
        self.accepted = 0
        self.refused = 0
        self.reused = 0

    def close(self) -> None:
        """Take nothing more."""
        self._is_closed = True

    def check(self) -> None:
        """Return if there is room.

        Raises:
            BusyError: There is none.
        """
        busy = self._why_not()
        if busy is not None:
            self.refused += 1
            raise busy

    @contextmanager
    def upload(self) -> Iterator[None]:
        """A place for bytes that come in, of which nobody knows yet whether they become a job.

        Raises:
            BusyError: There is none, or a job would not be taken.
        """
        self.check()
        if self._uploads >= self._settings.max_jobs:
            self.refused += 1
            raise BusyError(f"{self._uploads} uploads are coming in already.", _UPLOAD_SECONDS)
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for one more job, counted while it is made.

        Raises:
            BusyError: There is none.
        """
        self.check()
        self._coming += 1
        try:
            yield
            self.accepted += 1
        finally:
            self._coming -= 1

    def _why_not(self) -> BusyError | None:
        work, settings = self._work, self._settings
        if self._is_closed:
            return BusyError("the server is being stopped.", _UNKNOWN_SECONDS)
        if work.is_stuck:
            return BusyError("documents cannot be read at the moment.", _TROUBLE_SECONDS)
        jobs = work.num_jobs + self._coming
        if jobs >= settings.max_jobs:
            seconds = _seconds(jobs - settings.max_jobs + 1, work.jobs_done.per_second)
            return BusyError(f"{jobs} documents are in work or waiting, and no more are taken.", seconds)
        pages = work.queued_pages
        if pages >= settings.max_queued_pages:
            seconds = _seconds(pages - settings.max_queued_pages + 1, work.pages_done.per_second)
            return BusyError(f"{pages} pages are waiting, and no more are taken.", seconds)
        used = self._store.uploads.bytes_used
        if used >= settings.max_spool_bytes:
            return BusyError("the uploads of all jobs take all the room that they may.", _MOST_SECONDS)
        return None


def _seconds(number: int, per_second: float) -> float:
    if per_second <= 0:
        return _UNKNOWN_SECONDS
    return float(math.ceil(min(_MOST_SECONDS, max(_LEAST_SECONDS, number / per_second))))
