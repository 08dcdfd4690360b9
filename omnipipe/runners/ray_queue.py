"""The queue between a run's driver and its dataset's source, a process on the same machine; loads nothing of Ray."""

from __future__ import annotations

import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from typing import NamedTuple

# A row without units every so often tells Ray's watch for stalled datasets that waiting for the indexer is no stall.
_KEEP_ALIVE_SECONDS = 30.0

_LINGER_SECONDS = 0.05

# Rows kept for a source task that dies and starts again from the first row. What it lost beyond them is fed again in
# the next round, since its units have no receipt.
_KEPT_ROWS = 64

_CLOSE_SECONDS = 5.0

_NO_UNITS = pickle.dumps(())
_END = b""


class UnitQueue:
    """Units in, rows out: a row is the pickled tuple of the units of one task, each as `Unit.to_bytes` gives it.

    May be used from several threads.
    """

    def __init__(self, num_workers: int) -> None:
        self._num_workers = num_workers
        self._waiting: deque[bytes] = deque()
        self._rows: dict[int, bytes] = {}
        self._num_rows = 0
        self._load = 1
        self._is_complete = False
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, unit: bytes) -> None:
        """Add a unit."""
        with self._changed:
            self._waiting.append(unit)
            self._changed.notify_all()

    def set_load(self, load: int) -> None:
        """From now on a row holds at most `load` units."""
        with self._changed:
            self._load = load

    def complete(self) -> None:
        """No unit will follow."""
        with self._changed:
            self._is_complete = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the rows, whatever still waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def take(self, row: int) -> bytes | None:
        """Row number `row`, without units where there was nothing to do for a while; None after the last."""
        with self._changed:
            if row >= self._num_rows:
                self._wait(lambda: bool(self._waiting) or self._is_complete, _KEEP_ALIVE_SECONDS)
                # Units come one by one as room for them gets free; the dataset would take each as a row of its own.
                self._wait(lambda: len(self._waiting) >= self._load or self._is_complete, _LINGER_SECONDS)
            if self._is_closed:
                return None
            # A source that was thought dead may have taken the row in the meantime.
            if row < self._num_rows:
                return self._rows.get(row, _NO_UNITS)
            if not self._waiting and self._is_complete:
                return None
            units = tuple(self._waiting.popleft() for _ in range(min(self._row_size(), len(self._waiting))))
            self._rows[row] = pickle.dumps(units, protocol=5)
            self._rows.pop(row - _KEPT_ROWS, None)
            self._num_rows = row + 1
            return self._rows[row]

    def _row_size(self) -> int:
        if not self._is_complete:
            return self._load
        # Towards the end rows get smaller, so that the last tasks end close together.
        return min(self._load, -(-len(self._waiting) // (2 * self._num_workers)))

    def _wait(self, is_met: Callable[[], bool], seconds: float) -> None:
        self._changed.wait_for(lambda: self._is_closed or is_met(), seconds)


class Address(NamedTuple):
    """Where a `QueueServer` on this machine is, and the key that it wants."""

    name: str
    key: bytes


class QueueServer:
    """Gives the rows of a queue to other processes of this machine, to as many at once as ask."""

    def __init__(self, queue: UnitQueue) -> None:
        self._queue = queue
        self._is_closed = False
        key = os.urandom(32)
        # A socket in a folder of this user's own, or a named pipe on Windows.
        self._listener = Listener(authkey=key)
        self.address = Address(str(self._listener.address), key)
        self._thread = threading.Thread(target=self._accept, name="omnipipe-queue", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the rows for all who ask."""
        self._queue.close()
        self._is_closed = True
        # Nothing else wakes a thread that waits for somebody to connect. Without the key: it may be done by now, with a
        # source that came in between, and nobody would answer.
        with suppress(OSError):
            Client(self.address.name).close()
        self._thread.join(_CLOSE_SECONDS)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except (OSError, EOFError, AuthenticationError):
                connection = None
            if self._is_closed:
                if connection is not None:
                    connection.close()
                return
            if connection is not None:
                threading.Thread(target=self._answer, args=(connection,), name="omnipipe-rows", daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with connection, suppress(OSError, EOFError):
            while True:
                row = int.from_bytes(connection.recv_bytes(), "big")
                connection.send_bytes(self._queue.take(row) or _END)


def rows_of(address: Address) -> Iterator[bytes]:
    """All rows of the queue at `address`, from the first one; they end where its process does."""
    with suppress(OSError, EOFError), Client(address.name, authkey=address.key) as connection:
        row = 0
        while True:
            connection.send_bytes(row.to_bytes(8, "big"))
            units = connection.recv_bytes()
            if units == _END:
                return
            yield units
            row += 1
