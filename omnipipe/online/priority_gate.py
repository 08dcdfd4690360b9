"""Which callers are inside something with few places, and who is next."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter

from omnipipe.online.engine_service import LIVE

_Entry = tuple[int, int, asyncio.Future[None]]


class PriorityGate:
    """Lets `places` callers in at once, the highest priority first, and of one priority the first that came.

    Callers below `LIVE` get `batch_places` of them at most. All on one event loop.
    """

    def __init__(self, places: int, batch_places: int) -> None:
        self.places = places
        self._batch_places = batch_places
        self._running = 0
        self._running_batch = 0
        self._queue: list[_Entry] = []
        self._numbers = itertools.count()

    @property
    def running(self) -> int:
        """Callers inside."""
        return self._running

    @property
    def waiting(self) -> dict[int, int]:
        """Callers before the gate, by priority."""
        return dict(Counter(-rank for rank, _, turn in self._queue if not turn.cancelled()))

    async def enter(self, priority: int) -> None:
        """Return when the caller is inside; it must `leave`. Cancelling the call gives the turn to the next."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (-priority, next(self._numbers), turn)
        heapq.heappush(self._queue, entry)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(entry)
            else:
                # Its turn came in the same moment.
                self.leave(priority)
            raise

    def leave(self, priority: int) -> None:
        """Give back the place of a caller that entered with `priority`."""
        self._running -= 1
        self._running_batch -= priority < LIVE
        self._admit()

    def _admit(self) -> None:
        # Whoever is first in the queue: nobody behind has a right to a place that it may not take.
        while self._queue and self._has_room(-self._queue[0][0]):
            rank, _, turn = heapq.heappop(self._queue)
            if not turn.done():
                self._running += 1
                self._running_batch += -rank < LIVE
                turn.set_result(None)

    def _has_room(self, priority: int) -> bool:
        if self._running >= self.places:
            return False
        return priority >= LIVE or self._running_batch < self._batch_places

    def _forget(self, entry: _Entry) -> None:
        if entry in self._queue:
            self._queue.remove(entry)
            heapq.heapify(self._queue)
