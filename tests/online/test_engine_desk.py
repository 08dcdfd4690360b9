"""Many askers, one engine: who is let in, in which order, and what is left when they go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from omnipipe.engines.echo import EchoConfig
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, Message, Request, TextPart
from omnipipe.online.engine_desk import EngineDesk
from omnipipe.online.engine_service import BATCH, LIVE
from omnipipe.page import ProblemError


def ask(text: str, *, priority: int = LIVE, deadline: float | None = None) -> Request:
    """Asks for `text` itself."""
    return Request(
        id=text,
        messages=(Message("user", (TextPart(text),)),),
        params=GenerationParams(),
        priority=priority,
        deadline=deadline,
    )


@asynccontextmanager
async def opened(config: EchoConfig, *, live_places: int | None = None) -> AsyncIterator[EngineDesk]:
    desk = EngineDesk(config.build(), live_places=live_places)
    await desk.open()
    try:
        yield desk
    finally:
        await desk.close()


def test_live_requests_go_before_batch_requests_and_each_in_order_of_arrival() -> None:
    async def order() -> list[str]:
        ended: list[str] = []

        async def one(request: Request) -> None:
            await desk.generate(request)
            ended.append(request.id)

        async with opened(EchoConfig(slots=1, seconds=0.02)) as desk:
            given = [ask("first")] + [ask(f"batch {n}", priority=BATCH) for n in range(3)]
            given += [ask(f"live {n}") for n in range(3)] + [ask("urgent", priority=5)]
            async with asyncio.TaskGroup() as group:
                for request in given:
                    group.create_task(one(request))
        return ended

    # Two are let into this engine from the start: one that it works on and one that it prepares.
    assert asyncio.run(order()) == [
        *("first", "batch 0", "urgent", "live 0", "live 1", "live 2", "batch 1", "batch 2"),
    ]


def test_batch_requests_leave_places_for_live_ones() -> None:
    async def loads() -> tuple[int, int, str]:
        async with opened(EchoConfig(slots=8, seconds=30)) as desk:
            batch = [asyncio.create_task(desk.generate(ask(str(n), priority=BATCH))) for n in range(20)]
            await asyncio.sleep(0)
            inside, waiting = desk.load.running, desk.load.waiting[BATCH]
            live = asyncio.create_task(desk.generate(ask("live")))
            await asyncio.sleep(0.05)
            state = f"{desk.load.running - inside} more, {len(desk.load.waiting)} priorities wait"
            for task in [*batch, live]:
                task.cancel()
            await asyncio.wait([*batch, live])
            assert desk.load.running == 0
            assert desk.load.waiting == {}
            return inside, waiting, state

    assert asyncio.run(loads()) == (7, 13, "1 more, 1 priorities wait")


def test_a_cancelled_call_frees_its_place_wherever_it_is() -> None:
    async def answered() -> tuple[Completion, int]:
        async with opened(EchoConfig(slots=1, seconds=0.0)) as desk:
            slow = EchoConfig(slots=1, seconds=60)
            desk = EngineDesk(slow.build())
            await desk.open()
            inside = [asyncio.create_task(desk.generate(ask("inside"))) for _ in range(2)]
            waiting = asyncio.create_task(desk.generate(ask("waits")))
            await asyncio.sleep(0)
            for task in [*inside, waiting]:
                task.cancel()
            await asyncio.wait([*inside, waiting])
            assert (desk.load.running, desk.load.waiting, desk.load.cancelled) == (0, {}, 3)
        async with opened(EchoConfig()) as quick:
            return await quick.generate(ask("next")), quick.load.answered

    completion, answered_count = asyncio.run(answered())
    assert (completion.text, answered_count) == ("next", 1)


def test_a_deadline_counts_the_time_before_the_gate() -> None:
    async def late() -> None:
        async with opened(EchoConfig(slots=1, seconds=60)) as desk:
            inside = [asyncio.create_task(desk.generate(ask("inside"))) for _ in range(2)]
            await asyncio.sleep(0)
            try:
                with pytest.raises(ProblemError, match="not begun within 0.05 s") as caught:
                    await desk.generate(ask("late", deadline=0.05))
                assert caught.value.error.code == "engine_timeout"
                assert desk.load.waiting == {}
            finally:
                for task in inside:
                    task.cancel()

    asyncio.run(late())


def test_a_request_of_an_asker_that_died_ends_by_the_settings_timeout() -> None:
    async def orphan() -> int:
        async with opened(EchoConfig(slots=1, seconds=60, request_timeout=0.05)) as desk:
            left = asyncio.create_task(desk.generate(ask("nobody waits")))
            await asyncio.sleep(0.2)
            assert isinstance(left.exception(), ProblemError)
            return desk.load.running

    assert asyncio.run(orphan()) == 0
