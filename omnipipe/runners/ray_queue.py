"""The queue between a run's driver and its dataset; a module of its own so that its process loads little."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from omnipipe.unit import Unit

# A row without units every so often tells Ray's watch for stalled datasets that waiting for the indexer is no stall.
_KEEP_ALIVE_SECONDS = 30.0

_LINGER_SECONDS = 0.05

# Rows kept for a source task that dies and starts again from the first row. What it lost beyond them is fed again in
# the next round, since its units have no receipt.
_KEPT_ROWS = 64


class UnitQueue:
    """The units between the driver and the dataset's source. Runs as an actor on the driver's node, without a slot."""

    def __init__(self, num_workers: int) -> None:
        self._num_workers = num_workers
        self._waiting: deque[Unit] = deque()
        self._rows: dict[int, tuple[Unit, ...]] = {}
        self._num_rows = 0
        self._load = 1
        self._num_put = 0
        self._num_units: int | None = None
        self._changed = asyncio.Condition()

    async def put(self, unit: Unit) -> None:
        """Add `unit`."""
        async with self._changed:
            self._waiting.append(unit)
            self._num_put += 1
            self._changed.notify_all()

    async def set_load(self, load: int) -> None:
        """From now on a row holds at most `load` units."""
        self._load = load

    async def complete(self, num_units: int) -> None:
        """There are `num_units` units in all. Calls may overtake each other: some may still be on their way."""
        async with self._changed:
            self._num_units = num_units
            self._changed.notify_all()

    async def take(self, row: int) -> tuple[Unit, ...] | None:
        """The units of row number `row`, none of them where there was nothing to do for a while; None at the end."""
        if row < self._num_rows:
            return self._rows.get(row, ())
        await self._wait(lambda: bool(self._waiting) or self._is_complete, _KEEP_ALIVE_SECONDS)
        # Units come one by one as room for them gets free; the dataset would take each as a row of its own.
        await self._wait(lambda: len(self._waiting) >= self._load or self._is_complete, _LINGER_SECONDS)
        if not self._waiting and self._is_complete:
            return None
        units = tuple(self._waiting.popleft() for _ in range(min(self._row_size(), len(self._waiting))))
        self._rows[row] = units
        self._rows.pop(row - _KEPT_ROWS, None)
        self._num_rows = row + 1
        return units

    @property
    def _is_complete(self) -> bool:
        return self._num_put == self._num_units

    def _row_size(self) -> int:
        if not self._is_complete:
            return self._load
        # Towards the end rows get smaller, so that the last tasks end close together.
        return min(self._load, -(-len(self._waiting) // (2 * self._num_workers)))

    async def _wait(self, is_met: Callable[[], bool], seconds: float) -> None:
        if is_met():
            return
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait_for(is_met), seconds)
