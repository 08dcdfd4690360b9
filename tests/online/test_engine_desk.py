"""Many askers, one engine: who is let in, in which order, and what is left when they go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from omnipipe.engines.base import EngineConfig
from omnipipe.engines.echo import EchoConfig
from omnipipe.errors import EngineDeadError
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, Message, Request, TextPart
from omnipipe.online.engine_desk import EngineDesk
from omnipipe.online.engine_service import BATCH, LIVE, ServedModel, served_models
from omnipipe.online.local_engines import LocalEngineService
from omnipipe.online.reviving_engine import RevivingEngine
from omnipipe.online.service_engine import ServiceEngine, service_host
from omnipipe.page import ProblemError
from omnipipe.pipeline import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
from tests.engines.faulty import FaultyConfig


def ask(text: str, *, priority: int = LIVE, deadline: float | None = None) -> Request:
    """Asks for `text` itself."""
    message = Message("user", (TextPart(text),))
    return Request(id=text, messages=(message,), params=GenerationParams(), priority=priority, deadline=deadline)


@asynccontextmanager
async def opened(config: EchoConfig, *, live_places: int | None = None) -> AsyncIterator[EngineDesk]:
    desk = EngineDesk(config.build(), live_places=live_places)
    await desk.open()
    try:
        yield desk
    finally:
        await desk.close()


async def given_up(*tasks: asyncio.Task[Completion]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def pipeline_of(*configs: EngineConfig) -> Pipeline:
    stages = [stage for config in configs for stage in (Render(), Extract(engine=config))]
    return Pipeline("test", (Read(text_layer=False), *stages))


def test_live_requests_go_before_batch_requests_and_each_in_order_of_arrival() -> None:
    ended: list[str] = []

    async def one(desk: EngineDesk, request: Request) -> None:
        await desk.generate(request)
        ended.append(request.id)

    async def all_at_once() -> None:
        async with opened(EchoConfig(slots=1, seconds=0.02)) as desk, asyncio.TaskGroup() as group:
            given = [ask("first")] + [ask(f"batch {n}", priority=BATCH) for n in range(3)]
            given += [ask(f"live {n}") for n in range(3)] + [ask("urgent", priority=5)]
            for request in given:
                group.create_task(one(desk, request))

    asyncio.run(all_at_once())

    # Two are let into this engine from the start: one that it works on and one that it prepares.
    assert ended == ["first", "batch 0", "urgent", "live 0", "live 1", "live 2", "batch 1", "batch 2"]


def test_batch_requests_leave_places_for_live_ones() -> None:
    async def loads() -> list[tuple[int, dict[int, int]]]:
        async with opened(EchoConfig(slots=8, seconds=30)) as desk:
            batch = [asyncio.create_task(desk.generate(ask(str(n), priority=BATCH))) for n in range(20)]
            await asyncio.sleep(0)
            before = desk.load
            live = asyncio.create_task(desk.generate(ask("live")))
            await asyncio.sleep(0)
            with_live = desk.load
            await given_up(*batch, live)
            return [(load.running, dict(load.waiting)) for load in (before, with_live, desk.load)]

    assert asyncio.run(loads()) == [(7, {BATCH: 13}), (8, {BATCH: 13}), (0, {})]


def test_a_cancelled_call_frees_its_place_inside_and_before_the_gate() -> None:
    async def running_afterwards() -> int:
        async with opened(EchoConfig(slots=1, seconds=60)) as desk:
            inside = [asyncio.create_task(desk.generate(ask("inside"))) for _ in range(2)]
            waiting = asyncio.create_task(desk.generate(ask("waits")))
            streamed = asyncio.create_task(anext(desk.stream_completion(ask("streams"))))
            await asyncio.sleep(0.01)
            assert (desk.load.running, desk.load.waiting) == (2, {LIVE: 2})
            await given_up(*inside, waiting, streamed)  # type: ignore[arg-type]
            assert (desk.load.running, desk.load.waiting, desk.load.cancelled) == (0, {}, 4)
            following = [asyncio.create_task(desk.generate(ask("next"))) for _ in range(3)]
            await asyncio.sleep(0)
            running = desk.load.running
            await given_up(*following)
            return running

    assert asyncio.run(running_afterwards()) == 2


def test_a_deadline_counts_the_time_before_the_gate() -> None:
    async def late() -> ProblemError:
        async with opened(EchoConfig(slots=1, seconds=60)) as desk:
            inside = [asyncio.create_task(desk.generate(ask("inside"))) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(ProblemError) as caught:
                await desk.generate(ask("late", deadline=0.05))
            assert desk.load.waiting == {}
            await given_up(*inside)
            return caught.value

    problem = asyncio.run(late())

    assert problem.error.code == "engine_timeout"
    assert "not begun within 0.05 s" in problem.error.message


def test_waiting_before_the_gate_costs_nothing_of_the_settings_timeout() -> None:
    async def texts() -> list[str]:
        # Ten answers of 50 ms one after the other; none may take more than 400 ms.
        async with opened(EchoConfig(slots=1, seconds=0.05, request_timeout=0.4)) as desk:
            calls = [desk.generate(ask(str(n))) for n in range(10)]
            return [completion.text for completion in await asyncio.gather(*calls)]

    assert asyncio.run(texts()) == [str(n) for n in range(10)]


def test_a_request_whose_asker_died_ends_by_the_settings_timeout() -> None:
    async def running() -> int:
        async with opened(EchoConfig(slots=1, seconds=60, request_timeout=0.05)) as desk:
            left = asyncio.create_task(desk.generate(ask("nobody waits")))
            await asyncio.wait([left])
            assert isinstance(left.exception(), ProblemError)
            return desk.load.running

    assert asyncio.run(running()) == 0


def test_the_load_counts_answers_failures_and_tokens() -> None:
    async def load() -> tuple[int, int, int, int, float]:
        async with opened(EchoConfig(seconds=0.01)) as desk:
            await desk.generate(ask("three words here"))
            async for _ in desk.stream_completion(ask("two words")):
                pass
            with pytest.raises(ProblemError):
                await desk.generate(ask("late", deadline=0.0001))
            counted = desk.load
            return (
                *(counted.answered, counted.failed, counted.prompt_tokens, counted.completion_tokens),
                counted.seconds,
            )

    *counts, seconds = asyncio.run(load())

    assert counts == [2, 1, 5, 5]
    assert seconds >= 0.02


def test_a_stream_of_an_engine_that_cannot_stream_has_one_piece_and_the_completion() -> None:
    async def pieces() -> list[str | Completion]:
        async with opened(EchoConfig()) as desk:
            return [piece async for piece in desk.stream_completion(ask("all of it"))]

    text, completion = asyncio.run(pieces())

    assert text == "all of it"
    assert isinstance(completion, Completion)
    assert (completion.finish_reason, completion.completion_tokens) == ("stop", 3)


def test_an_engine_that_died_is_built_anew_and_its_requests_have_failed() -> None:
    config = FaultyConfig(deadly=(3,), seconds=0.01)

    async def outcomes() -> list[object]:
        desk = EngineDesk(RevivingEngine(config, pause=0.01))
        await desk.open()
        asked = [replace(ask("x"), id=f"page#{n}") for n in (3, 4)]
        died = await asyncio.gather(*map(desk.generate, asked), return_exceptions=True)
        state = desk.load.state
        again = await asyncio.gather(*map(desk.generate, asked[1:]))
        await desk.health()
        states = [state, desk.load.state]
        await desk.close()
        with pytest.raises(EngineDeadError):
            await desk.generate(asked[1])
        return [*map(type, died), again[0].text, *states]

    assert asyncio.run(outcomes()) == [EngineDeadError, EngineDeadError, "read page#4", "dead", "ready"]


def test_a_look_at_its_health_begins_to_build_a_dead_engine_anew() -> None:
    async def healths() -> list[str]:
        engine = RevivingEngine(FaultyConfig(deadly=(3,), load_seconds=0.01))
        await engine.open()
        with pytest.raises(EngineDeadError):
            await engine.generate(replace(ask("x"), id="page#3"))
        seen = []
        while "well" not in seen:
            try:
                await engine.health()
                seen.append("well")
            except EngineDeadError as error:
                seen.append(str(error))
            await asyncio.sleep(0.005)
        await engine.close()
        return seen

    *while_dead, in_the_end = asyncio.run(healths())

    assert set(while_dead) == {"the faulty engine is dead"}
    assert in_the_end == "well"


def test_an_engine_that_dies_again_and_again_is_left_alone_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    async def ask_often() -> None:
        engine = RevivingEngine(FaultyConfig(deadly=(3,)), pause=30.0)
        await engine.open()
        for _ in range(5):
            with pytest.raises(EngineDeadError):
                await engine.generate(replace(ask("x"), id="page#3"))
        await engine.close()

    asyncio.run(ask_often())

    assert [record.getMessage() for record in caplog.records] == [
        "the engine of faulty died: the faulty engine is dead",
        "the engine of faulty is there again",
        "the engine of faulty died: the faulty engine is dead",
    ]


def test_pages_and_chat_ask_the_same_engine_of_this_process() -> None:
    config = QwenTextEchoConfig()
    service = LocalEngineService(pipeline_of(config))
    (model,) = service.models

    async def both() -> tuple[str, str, int]:
        chat = await service.generate(model, ask("chat"))
        page = await asyncio.wrap_future(service.host.engine(config).submit(ask("page")))
        await service.health(model)
        return chat.text, page.text, (await service.load(model)).answered

    try:
        assert asyncio.run(both()) == ("chat", "page", 2)
    finally:
        service.close()


def test_cancelling_a_call_from_another_loop_frees_its_place_in_the_engine() -> None:
    service = LocalEngineService(pipeline_of(QwenTextEchoConfig(seconds=60, slots=1)))
    (model,) = service.models

    async def running_in_the_end() -> int:
        async def first_piece() -> object:
            return await anext(service.stream(model, ask("streamed")))

        calls: list[Awaitable[object]] = [service.generate(model, ask("whole")), first_piece()]
        tasks = [asyncio.ensure_future(call) for call in calls]
        while (await service.load(model)).running < 2:
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        for _ in range(200):
            if (await service.load(model)).running == 0:
                break
            await asyncio.sleep(0.01)
        return (await service.load(model)).running

    try:
        assert asyncio.run(running_in_the_end()) == 0
    finally:
        service.close()


def test_a_worker_asks_an_engine_elsewhere_as_its_own() -> None:
    config = QwenTextEchoConfig()
    service = LocalEngineService(pipeline_of(config))
    host = service_host(service, BATCH)
    thread = host.engine(config)

    async def streamed() -> list[str]:
        engine = ServiceEngine(service, service.models[0])
        await engine.health()
        return [piece async for piece in engine.stream(ask("in pieces"))]

    try:
        assert thread.submit(ask("from afar")).result(10).text == "from afar"
        assert asyncio.run(streamed()) == ["in pieces"]
        assert host.engine(FaultyConfig()).submit(replace(ask("x"), id="p#1")).result(10).text == "read p#1"
    finally:
        host.close()
        service.close()


def test_served_models_have_names_of_their_own_and_no_paths() -> None:
    folder = "/srv/models/reader"
    configs = [QwenTextEchoConfig(model=folder), QwenTextEchoConfig(model=folder, reply="x"), FaultyConfig()]

    models = served_models(pipeline_of(*configs, configs[0]))

    assert [model.name for model in models] == ["reader:echo", "reader:echo-2", "faulty"]
    assert models[2] == ServedModel("faulty", configs[2], "test")
