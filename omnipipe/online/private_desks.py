"""Chains that know a job's passwords: for that job only, and for a few seconds after each of its pieces."""

from __future__ import annotations

import threading
from typing import NamedTuple

from omnipipe.online.piece_reading import Desk

_IDLE_SECONDS = 3.0
_MOST = 4


class _Idle(NamedTuple):
    job_id: str
    desk: Desk
    ending: threading.Timer


class PrivateDesks:
    """Idle desks by the id of the only job that may use them; each is closed when its job does not come back soon."""

    def __init__(self, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._idle: list[_Idle] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def take(self, job_id: str) -> Desk | None:
        """A desk of that job, which is the caller's from now on."""
        with self._lock:
            found = next((idle for idle in self._idle if idle.job_id == job_id), None)
            return None if found is None else self._out(found)

    def keep(self, job_id: str, desk: Desk) -> None:
        """Keep `desk` for the job's next piece, for a while; the oldest of too many goes."""
        ending = threading.Timer(self._idle_seconds, self._end, (desk,))
        ending.daemon = True
        with self._lock:
            if self._is_closed:
                late = [desk]
            else:
                self._idle.append(_Idle(job_id, desk, ending))
                ending.start()
                late = [self._out(self._idle[0])] if len(self._idle) > _MOST else []
        for other in late:
            other.close()

    def close(self) -> None:
        """Close all that are idle, and from now on whatever is given back."""
        with self._lock:
            self._is_closed = True
            idle = [self._out(found) for found in list(self._idle)]
        for desk in idle:
            desk.close()

    def _out(self, found: _Idle) -> Desk:
        self._idle.remove(found)
        found.ending.cancel()
        return found.desk

    def _end(self, desk: Desk) -> None:
        ending = threading.current_thread()
        with self._lock:
            found = next((idle for idle in self._idle if idle.ending is ending), None)
            if found is None:
                return
            self._idle.remove(found)
        desk.close()
