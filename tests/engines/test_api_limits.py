"""Rates and concurrency of the API engine, in a time that the test turns."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnipipe.engines.api_errors import retry_after
from omnipipe.engines.api_limits import Concurrency, Limits


class TurnedClock:
    """Time that passes only when everybody sleeps: the next sleeper is woken at once."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, self._count, woken))
        await woken

    async def turn(self, until: float) -> None:
        """Let time pass to `until`, waking who sleeps on the way."""
        while True:
            for _ in range(50):
                await asyncio.sleep(0)
            if not self._sleepers or self._sleepers[0][0] > until:
                break
            self._now, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
        self._now = until


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def leaving(limits: Limits, clock: TurnedClock, num_requests: int, tokens: int = 0) -> list[float]:
    """When each of `num_requests` leaves within an hour, in seconds."""
    left: list[float] = []

    async def one() -> None:
        async with limits.ticket(num_tokens=tokens) as ticket:
            left.append(clock.now())
            ticket.succeeded(tokens or None)

    async def everybody() -> None:
        calls = [asyncio.create_task(one()) for _ in range(num_requests)]
        await clock.turn(3600)
        await asyncio.gather(*calls)

    run(everybody())
    return left


def test_requests_follow_each_other_at_the_rate() -> None:
    clock = TurnedClock()
    limits = Limits(Concurrency(1, 64), requests_per_second=2, clock=clock)

    assert leaving(limits, clock, 5) == pytest.approx([0, 0.5, 1.0, 1.5, 2.0])


@given(st.floats(0.1, 50), st.integers(2, 60))
def test_no_minute_sees_more_requests_than_it_may(per_second: float, num_requests: int) -> None:
    clock = TurnedClock()
    limits = Limits(Concurrency(1, 64), requests_per_second=per_second, clock=clock)

    left = leaving(limits, clock, num_requests)

    most = max(sum(start <= other < start + 60 for other in left) for start in left)
    assert most <= per_second * 60 + 1 + 1e-6


def test_tokens_are_waited_for_and_estimates_corrected() -> None:
    clock = TurnedClock()
    limits = Limits(Concurrency(1, 64), tokens_per_second=100, clock=clock)
    left: list[float] = []

    async def everybody() -> None:
        for _ in range(3):
            async with limits.ticket(num_tokens=5000) as ticket:
                left.append(clock.now())
                ticket.succeeded(200)

    async def timed() -> None:
        work = asyncio.create_task(everybody())
        await clock.turn(100)
        await work

    run(timed())

    # 5000 were guessed and 200 used: the second waits for 200, not for 5000.
    assert left == pytest.approx([0, 2, 4])


def test_a_pause_that_the_server_asked_for_holds_everybody() -> None:
    clock = TurnedClock()
    limits = Limits(Concurrency(1, 64), clock=clock)
    left: list[float] = []

    async def refused_then_two() -> None:
        async with limits.ticket(num_tokens=1) as ticket:
            ticket.overloaded(30)
        for _ in range(2):
            async with limits.ticket(num_tokens=1):
                left.append(clock.now())

    async def timed() -> None:
        work = asyncio.create_task(refused_then_two())
        await clock.turn(100)
        await work

    run(timed())

    assert left == [30, 30]


def test_concurrency_doubles_until_the_first_overload_then_halves_and_creeps_up() -> None:
    concurrency = Concurrency(1, 100)
    begun = concurrency.limit
    for _ in range(16):
        concurrency.succeeded(concurrency.limit)
    doubled = concurrency.limit
    concurrency.overloaded(concurrency.generation)
    halved = concurrency.limit
    for _ in range(halved + 1):
        concurrency.succeeded(concurrency.limit)

    assert (begun, doubled, halved, concurrency.limit) == (16, 32, 16, 17)


def test_a_burst_of_refusals_halves_once() -> None:
    concurrency = Concurrency(1, 64)
    generation = concurrency.generation

    for _ in range(10):
        concurrency.overloaded(generation)

    assert concurrency.limit == 8


@given(st.lists(st.booleans(), max_size=300), st.integers(1, 20), st.integers(0, 80))
def test_concurrency_stays_within_its_bounds(outcomes: list[bool], low: int, more: int) -> None:
    concurrency = Concurrency(low, low + more)

    for is_good in outcomes:
        if is_good:
            concurrency.succeeded(concurrency.limit)
        else:
            concurrency.overloaded(concurrency.generation)
        assert low <= concurrency.limit <= low + more


def test_unused_room_does_not_grow() -> None:
    concurrency = Concurrency(1, 64)

    for _ in range(100):
        concurrency.succeeded(num_running=2)

    assert concurrency.limit == 16


def test_higher_priorities_go_first() -> None:
    limits = Limits(Concurrency(1, 1))
    order: list[str] = []

    async def one(name: str, priority: int) -> None:
        async with limits.ticket(num_tokens=1, priority=priority):
            order.append(name)
            await asyncio.sleep(0)

    async def everybody() -> None:
        await asyncio.gather(one("first", 0), one("low", -1), one("second", 0), one("high", 5))

    run(everybody())

    assert order == ["first", "high", "second", "low"]


def test_a_cancelled_wait_leaves_its_place_to_others() -> None:
    limits = Limits(Concurrency(1, 1))

    async def scene() -> None:
        async with limits.ticket(num_tokens=1):
            waiting = [asyncio.create_task(_hold(limits)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            await asyncio.sleep(0)
        # The second got the turn in this moment, and is cancelled before it can use it.
        waiting[1].cancel()
        await asyncio.wait_for(waiting[2], 5)
        assert limits.num_running == 0

    run(scene())


async def _hold(limits: Limits) -> None:
    async with limits.ticket(num_tokens=1):
        pass


NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"Retry-After": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30),
        ({"Retry-After": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds
