"""Units of later passes, planned while the pass before them runs and leaves pages open."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.packing import UnitSize
from omnipipe.runners.crew import UNIT_PAGES
from omnipipe.runners.strays import Strays
from omnipipe.unit import Receipt, Unit

# A later pass waits for so many pages before it packs them, or for so long after the first of them.
_WAIT_PAGES = 4 * UNIT_PAGES
_WAIT_SECONDS = 5.0

ENGINE_UNITS = UnitSize(max_pages=UNIT_PAGES, max_seconds=3600.0, num_units=1)
"""Units of pages that wait for an engine: small, because several are in work at once."""


class Escalation:
    """See `omnipipe.runners.job.Later`. `lock` is held while the ledger is used: its driver has several threads."""

    def __init__(self, ledger: Ledger, num_passes: int, lock: AbstractContextManager[object]) -> None:
        self._ledger = ledger
        self._lock = lock
        self._boxes = [_Box() for _ in range(num_passes)]

    def note(self, receipt: Receipt) -> None:
        """A unit has ended; what it left open belongs to the next pass."""
        if receipt.num_open:
            self._boxes[receipt.pass_index].put(receipt.unit_id, receipt.num_open)

    def complete(self, pass_index: int) -> None:
        """No unit of `pass_index` is left to end."""
        self._boxes[pass_index].complete()

    def units(self, pass_index: int) -> Iterator[Unit]:
        """Units of `pass_index` as they can be planned, those of earlier runs first."""
        with self._lock:
            waiting = [*self._ledger.pending(pass_index), *self._ledger.escalate(pass_index, size=ENGINE_UNITS)]
        strays = Strays(self._ledger, self._lock)
        yield from strays.of_earlier(waiting)
        box = self._boxes[pass_index - 1]
        while True:
            left_by, is_complete = box.take()
            if left_by:
                with self._lock:
                    units = self._ledger.escalate(pass_index, size=ENGINE_UNITS, left_by=left_by)
                yield from strays.of_new(units)
            if is_complete:
                break
        yield from strays.rest()


class _Box:
    """Units that left pages open, until somebody asks for them."""

    def __init__(self) -> None:
        self._units: list[str] = []
        self._num_pages = 0
        self._first_at: float | None = None
        self._is_complete = False
        self._changed = threading.Condition()

    def put(self, unit_id: str, num_pages: int) -> None:
        with self._changed:
            self._units.append(unit_id)
            self._num_pages += num_pages
            self._first_at = self._first_at or time.monotonic()
            self._changed.notify_all()

    def complete(self) -> None:
        with self._changed:
            self._is_complete = True
            self._changed.notify_all()

    def take(self) -> tuple[list[str], bool]:
        """What is there when it is worth a plan, and whether nothing more will come."""
        with self._changed:
            while not (self._is_complete or self._num_pages >= _WAIT_PAGES or self._is_late()):
                self._changed.wait(_WAIT_SECONDS)
            units, self._units, self._num_pages, self._first_at = self._units, [], 0, None
            return units, self._is_complete

    def _is_late(self) -> bool:
        return self._first_at is not None and time.monotonic() - self._first_at > _WAIT_SECONDS
