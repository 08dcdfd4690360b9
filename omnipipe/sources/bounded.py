"""Reading from a place that may never answer: a share or a store that is gone costs one document, not the run."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from omnipipe.errors import RunStopped
from omnipipe.page import ProblemError

_T = TypeVar("_T")
Heard = Callable[[], None]

# So many documents one after the other, and no byte of any: it is the place that does not answer.
_MAX_IN_A_ROW = 8

_waits: dict[int, tuple[str, float]] = {}
"""What each thread waits for, and since when."""

_silent: list[str] = []
"""The documents that were given up since a byte of any came."""


@contextmanager
def waiting_for(place: str) -> Iterator[None]:
    """While this is open `longest_wait` knows that this thread waits for `place`."""
    thread = threading.get_ident()
    outer = _waits.get(thread)
    _waits[thread] = (place, time.monotonic())
    try:
        yield
    finally:
        if outer is None:
            del _waits[thread]
        else:
            _waits[thread] = outer


def longest_wait() -> tuple[str, float] | None:
    """The place that a thread of this process has waited for longest, and how many seconds."""
    place, since = min(tuple(_waits.values()), key=lambda wait: wait[1], default=("", 0.0))
    return (place, time.monotonic() - since) if place else None


class BoundedCalls:
    """Makes calls in a thread of its own, which is left behind where nothing is heard of one for `seconds`.

    Nothing else helps: a system call on a file system that does not answer cannot be interrupted. One call at a time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, uri: str, work: Callable[[Heard], _T]) -> _T:
        """What `work` returns or raises; it calls what it is given whenever bytes of `uri` have come.

        Raises:
            ProblemError: `unreadable`: nothing was heard for too long.
            RunStopped: So it was with all documents that were tried lately.
        """
        # A forked process has the object and not the thread.
        if self._thread is None or not self._thread.is_alive():
            self._orders = queue.SimpleQueue()
            self._thread = threading.Thread(target=_serve, args=[self._orders], name="omnipipe-bounded", daemon=True)
            self._thread.start()
        heard_at = time.monotonic()

        def heard() -> None:
            nonlocal heard_at
            heard_at = time.monotonic()
            _silent.clear()

        # Not a Future: that takes 130 us a call, ten times as long, and a document of one page needs three.
        done = threading.Lock()
        done.acquire()
        answer: list[_T] = []
        errors: list[BaseException] = []

        def order() -> None:
            try:
                answer.append(work(heard))
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for it
                errors.append(error)
            done.release()

        self._orders.put(order)
        while not done.acquire(timeout=max(0.0, heard_at + self._seconds - time.monotonic())):
            if time.monotonic() >= heard_at + self._seconds:
                self.close()
                raise _given_up(uri, self._seconds)
        if errors:
            raise errors[0]
        return answer[0]

    def close(self) -> None:
        """Let the thread end when it comes back."""
        self._orders.put(None)
        self._thread = None


def _serve(orders: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (order := orders.get()) is not None:
        order()


def _given_up(uri: str, seconds: float) -> ProblemError | RunStopped:
    _silent.append(uri)
    if len(_silent) < _MAX_IN_A_ROW:
        return ProblemError("unreadable", f"{uri} cannot be read: its storage did not answer for {seconds:g} s")
    return RunStopped(
        f"the storage of {len(_silent)} documents in a row, the last of them {uri}, did not answer for "
        f"{seconds:g} s each. Bring it back; the same command goes on from here."
    )
