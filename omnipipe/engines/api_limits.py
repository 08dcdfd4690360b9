"""How many requests may be on their way to a server, and how fast they may follow each other."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol


class Clock(Protocol):
    """Time as the limits see it: seconds since any moment."""

    def now(self) -> float:
        """Seconds; never go back."""

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later."""


class RealClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Rate:
    """Units a second at most, evenly spread: no burst, so no window of any length sees more than its share.

    What is taken is owed: the next one waits until it is paid back. `per_second` None is no limit.
    """

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._free_at = float("-inf")

    def seconds_to_wait(self, now: float) -> float:
        """Until the next unit may be taken; 0 is now."""
        return max(0.0, self._free_at - now)

    def take(self, units: float, now: float) -> None:
        """Take `units` now; a negative number gives some back."""
        if self._per_second is not None:
            self._free_at = max(self._free_at, now) + units / self._per_second

    def pause(self, seconds: float, now: float) -> None:
        """Nothing for `seconds` from now."""
        self._free_at = max(self._free_at, now + seconds)


class Concurrency:
    """How many requests a server can stand, found by trying: between `low` and `high`.

    It begins at 16 (or `high`) and doubles with every round of answers until the first overload; from then on it grows
    by one a round. An overload (429, 5xx, a time-out) halves it, once for all requests that were on their way then.
    """

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high
        self._limit = float(max(low, min(high, 16)))
        self._is_probing = True
        self._num_decreases = 0

    @property
    def limit(self) -> int:
        """Requests at once, at this moment."""
        return int(self._limit)

    @property
    def generation(self) -> int:
        """Overloads so far: a request remembers it when it leaves."""
        return self._num_decreases

    def succeeded(self, num_running: int) -> None:
        """An answer came while `num_running` requests were on their way, this one included."""
        # Growth that nobody uses proves nothing about the server.
        if num_running >= self.limit:
            step = 1.0 if self._is_probing else 1.0 / self._limit
            self._limit = min(float(self._high), self._limit + step)

    def overloaded(self, generation: int) -> None:
        """The server could not stand a request that left at `generation`."""
        if generation != self._num_decreases:
            return
        self._num_decreases += 1
        self._is_probing = False
        self._limit = max(float(self._low), self._limit / 2)


class Ticket:
    """One request's leave to go: report how it ended with `succeeded` or `overloaded`, and its tokens."""

    def __init__(self, owner: Limits, num_tokens: int) -> None:
        self._owner = owner
        self._num_tokens = num_tokens
        self._generation = owner.concurrency.generation

    def succeeded(self, num_tokens: int | None = None) -> None:
        """It was answered, with `num_tokens` of prompt and answer together."""
        self._owner.concurrency.succeeded(self._owner.num_running)
        if num_tokens is not None:
            self._owner.correct_tokens(self._num_tokens, num_tokens)

    def overloaded(self, pause: float | None = None) -> None:
        """The server had too much to do; `pause` are the seconds that it asked everybody to wait."""
        self._owner.concurrency.overloaded(self._generation)
        if pause:
            self._owner.pause(pause)


class Limits:
    """Requests at once, requests a second and tokens a second, for all requests of one engine on one event loop."""

    def __init__(
        self,
        concurrency: Concurrency,
        *,
        requests_per_second: float | None = None,
        tokens_per_second: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.concurrency = concurrency
        self.clock: Clock = clock or RealClock()
        self.num_running = 0
        self._requests = Rate(requests_per_second)
        self._tokens = Rate(tokens_per_second)
        self._door = asyncio.Lock()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._mean_tokens: float | None = None

    @asynccontextmanager
    async def ticket(self, *, num_tokens: int, priority: int = 0) -> AsyncIterator[Ticket]:
        """Wait for leave to send a request of about `num_tokens`; higher priorities go first, then who came first."""
        await self._enter(priority)
        try:
            estimate = num_tokens if self._mean_tokens is None else round(self._mean_tokens)
            async with self._door:
                while (seconds := self._seconds_to_wait()) > 0:
                    await self.clock.sleep(seconds)
                self._requests.take(1, self.clock.now())
                self._tokens.take(estimate, self.clock.now())
            yield Ticket(self, estimate)
        finally:
            self._leave()

    def correct_tokens(self, estimate: int, actual: int) -> None:
        """Replace an estimate by what the server counted; later estimates follow it."""
        self._tokens.take(actual - estimate, self.clock.now())
        self._mean_tokens = actual if self._mean_tokens is None else 0.9 * self._mean_tokens + 0.1 * actual

    def pause(self, seconds: float) -> None:
        """No request leaves for `seconds`."""
        self._requests.pause(seconds, self.clock.now())

    def _seconds_to_wait(self) -> float:
        now = self.clock.now()
        return max(self._requests.seconds_to_wait(now), self._tokens.seconds_to_wait(now))

    async def _enter(self, priority: int) -> None:
        if self.num_running < self.concurrency.limit and not self._waiting:
            self.num_running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            # The turn may have come in the same moment: it goes on to the next.
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self.num_running -= 1
        while self._waiting and self.num_running < self.concurrency.limit:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self.num_running += 1
                turn.set_result(None)
