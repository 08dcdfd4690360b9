"""The units of a run on Ray: read in a thread as they are planned, handed on, and kept until their receipt is there."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Protocol

from omnipipe.unit import Receipt, Unit

# Seconds of work that one task should hold. A task costs 6 ms in the source's process and as much in the driver, and
# Ray Data looks for finished tasks ten times a second. The queue makes the last tasks of a run shorter.
_TASK_SECONDS = 2.0
_MAX_LOAD = 32

# Units read ahead of the workers at least: documents are indexed while Ray starts and has nothing else to do.
_READ_AHEAD = 400

# Seconds that leaving waits for the thread, which looks only when the next unit is there.
_LEAVE_SECONDS = 2.0


class Sink(Protocol):
    """Where units go."""

    def put(self, unit: bytes) -> None:
        """Hand a unit over, as `Unit.to_bytes` gives it."""

    def set_load(self, load: int) -> None:
        """From now on a task holds at most `load` units."""

    def complete(self) -> None:
        """No unit follows."""


class Supply:
    """Reads `units` in a thread, from entry on, and keeps a bounded number of them in flight, as bytes."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._units = units
        self._pending: dict[str, bytes] = {}
        self._sink: Sink | None = None
        self._num_tasks = 8
        self._unit_seconds: float | None = None
        self._is_read = False
        self._is_left = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="omnipipe-units", daemon=True)

    def __enter__(self) -> Supply:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._is_left = True
            self._changed.notify_all()
        self._thread.join(_LEAVE_SECONDS)

    @property
    def is_done(self) -> bool:
        """Whether every unit has its receipt.

        Raises:
            Exception: What reading the units raised, once all units before it are done.
        """
        with self._changed:
            if self._pending or not self._is_read:
                return False
            if self._error is not None:
                raise self._error
            return True

    def wait_for_work(self) -> None:
        """Return when there is a unit, or none will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._is_read)

    def attach(self, sink: Sink, num_tasks: int) -> None:
        """Hand to `sink` what has no receipt, and from now on what is read, enough for `num_tasks` tasks at a time."""
        with self._changed:
            self._num_tasks = num_tasks
            for unit in self._pending.values():
                sink.put(unit)
            self._sink = sink
            sink.set_load(self._load)
            if self._is_read:
                sink.complete()
            self._changed.notify_all()

    def detach(self) -> None:
        """Hand nothing more to the sink; units without a receipt stay."""
        with self._changed:
            self._sink = None

    def settle(self, receipt: Receipt) -> bool:
        """Note a unit's end; False for one that was known already."""
        with self._changed:
            if self._pending.pop(receipt.unit_id, None) is None:
                return False
            if not receipt.was_done:
                load = self._load
                before = receipt.seconds if self._unit_seconds is None else self._unit_seconds
                self._unit_seconds = 0.9 * before + 0.1 * receipt.seconds
                if self._sink is not None and self._load != load:
                    self._sink.set_load(self._load)
            self._changed.notify_all()
            return True

    @property
    def _load(self) -> int:
        if self._unit_seconds is None:
            return 1
        return max(1, min(_MAX_LOAD, int(_TASK_SECONDS / max(self._unit_seconds, 1e-3))))

    def _has_room(self) -> bool:
        return self._is_left or len(self._pending) < max(_READ_AHEAD, self._num_tasks * self._load)

    def _read(self) -> None:
        units = iter(self._units)
        try:
            for unit in units:
                with self._changed:
                    self._changed.wait_for(self._has_room)
                    if self._is_left:
                        break
                    self._pending[unit.id] = packed = unit.to_bytes()
                    self._changed.notify_all()
                    if self._sink is not None:
                        self._sink.put(packed)
        except BaseException as error:  # noqa: BLE001 - raised again where the units' receipts are awaited
            self._error = error
        finally:
            self._close(units)

    def _close(self, units: object) -> None:
        close = getattr(units, "close", None)
        if close is not None:
            close()
        with self._changed:
            self._is_read = True
            self._changed.notify_all()
            if self._sink is not None:
                self._sink.complete()
