"""How concurrent calls become batches, with an engine whose library is a few lines of Python."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

import pytest

from omnipipe.engines.base import Capabilities, Engine, EngineConfig
from omnipipe.engines.batching import BatchEngine, BatchStrategy, OutOfMemoryError, Prepared
from omnipipe.errors import ConfigError, EngineDeadError
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, Message, Request, TextPart
from omnipipe.page import ProblemError


class ShoutConfig(EngineConfig):
    """Answers in capitals; `room` prompts fit into memory; some words are orders."""

    engine: ClassVar[str] = "shout"
    label: ClassVar[str] = "Shout"
    capabilities: ClassVar[Capabilities] = Capabilities(cpu=True, streaming=True)
    model: str = "shout"
    room: int = 99
    seconds: float = 0.0
    size: int = 8
    budget: int | None = None
    strategy: BatchStrategy = "dynamic"
    ahead: bool = False

    def build(self) -> ShoutEngine:
        return AheadEngine(self) if self.ahead else ShoutEngine(self)


class ShoutEngine(BatchEngine):
    """Keeps what it was asked, batch by batch."""

    config: ShoutConfig

    def __init__(self, config: ShoutConfig) -> None:
        super().__init__(
            config,
            max_batch_size=config.size,
            max_batch_tokens=config.budget,
            wait_ms=20,
            strategy=config.strategy,
        )
        self.batches: list[list[str]] = []
        self.num_unloads = 0
        self.room = config.room

    def _load(self) -> None:
        if self.config.model == "missing":
            raise ConfigError("there is no model called missing")

    def _unload(self) -> None:
        self.num_unloads += 1

    def _prepare(self, request: Request) -> Prepared:
        words = words_of(request)
        if words == "unreadable":
            raise ProblemError("context_overflow", "too long")
        if words == "odd":
            raise ZeroDivisionError("odd")
        return Prepared(request=request, num_tokens=len(words))

    def _answer(self, batch: Sequence[Prepared]) -> Sequence[Completion | ProblemError]:
        asked = [words_of(entry.request) for entry in batch]
        self.batches.append(asked)
        if len(batch) > self.room:
            raise OutOfMemoryError
        if "die" in asked:
            raise EngineDeadError("gone")
        if "poison" in asked:
            raise ValueError("poison")
        if "hold" in asked:
            _wait_until(lambda: not any(entry.is_wanted for entry in batch))
        time.sleep(self.config.seconds)
        for entry, words in zip(batch, asked, strict=True):
            if entry.say is not None:
                for letter in words.upper():
                    entry.say(letter)
        return [Completion(text=words.upper(), finish_reason="stop") for words in asked]


class AheadEngine(ShoutEngine):
    prepares_ahead = True


def words_of(request: Request) -> str:
    part = request.messages[0].parts[0]
    assert isinstance(part, TextPart)
    return part.text


def ask(words: str, *, priority: int = 0, deadline: float | None = None, **params: object) -> Request:
    given = GenerationParams.model_validate(params)
    message = Message("user", (TextPart(words),))
    return Request(id=words, messages=(message,), params=given, priority=priority, deadline=deadline)


def use(engine: ShoutEngine, body: Callable[[ShoutEngine], Awaitable[None]]) -> None:
    async def run() -> None:
        await engine.open()
        try:
            await body(engine)
        finally:
            await engine.close()

    asyncio.run(run())


async def answers(engine: Engine, *requests: Request) -> list[str]:
    results = await asyncio.gather(*map(engine.generate, requests), return_exceptions=True)
    return [result.text if isinstance(result, Completion) else repr(result) for result in results]


def _wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.parametrize("ahead", [False, True])
def test_concurrent_calls_share_batches_and_get_their_own_answers(ahead: bool) -> None:
    async def body(engine: ShoutEngine) -> None:
        asked = [ask(f"page {number}") for number in range(64)]

        said = await answers(engine, *asked)

        assert said == [f"PAGE {number}" for number in range(64)]
        assert len(engine.batches) < 20
        assert max(map(len, engine.batches)) == 8

    use(ShoutConfig(ahead=ahead).build(), body)


def test_a_single_call_does_not_wait_for_others() -> None:
    async def body(engine: ShoutEngine) -> None:
        started = time.perf_counter()
        completion = await engine.generate(ask("alone"))

        assert time.perf_counter() - started < 5
        assert completion.text == "ALONE"
        assert completion.queue_ms is not None
        assert completion.queue_ms >= 15
        assert completion.infer_ms is not None

    use(ShoutConfig().build(), body)


def test_a_batch_keeps_within_the_budget_of_tokens() -> None:
    async def body(engine: ShoutEngine) -> None:
        asked = [ask("x" * length) for length in (3, 40, 4, 38, 2, 5, 90, 4)]

        assert await answers(engine, *asked) == [words_of(request).upper() for request in asked]

        assert all(len(batch) == 1 or max(map(len, batch)) * len(batch) <= 80 for batch in engine.batches)
        assert sorted(map(len, engine.batches)) == [1, 2, 5]

    use(ShoutConfig(budget=80).build(), body)


def test_a_static_batch_keeps_the_order_of_arrival() -> None:
    async def body(engine: ShoutEngine) -> None:
        await answers(engine, *(ask("x" * length) for length in (3, 40, 4, 38)))

        assert [[len(words) for words in batch] for batch in engine.batches] == [[3, 40], [4, 38]]

    use(ShoutConfig(size=2, strategy="static").build(), body)


def test_a_higher_priority_goes_first() -> None:
    async def body(engine: ShoutEngine) -> None:
        held = asyncio.create_task(engine.generate(ask("hold")))
        await asyncio.sleep(0.1)
        later = [ask("low"), ask("high", priority=5), ask("middle", priority=1)]
        waiting = asyncio.gather(*map(engine.generate, later))
        await asyncio.sleep(0.05)
        held.cancel()
        await waiting

        assert engine.batches == [["hold"], ["high"], ["middle"], ["low"]]

    use(ShoutConfig(size=1).build(), body)


def test_only_requests_with_the_same_parameters_share_a_batch() -> None:
    async def body(engine: ShoutEngine) -> None:
        await answers(engine, ask("a"), ask("b", temperature=0.5), ask("c", max_tokens=7), ask("d", temperature=0.5))

        assert sorted(sorted(batch) for batch in engine.batches) == [["a", "c"], ["b", "d"]]

    use(ShoutConfig().build(), body)


def test_a_batch_out_of_memory_is_halved_and_the_limit_stays_lower() -> None:
    async def body(engine: ShoutEngine) -> None:
        asked = [ask(f"page {number}") for number in range(24)]

        assert await answers(engine, *asked) == [f"PAGE {number}" for number in range(24)]

        sizes = [len(batch) for batch in engine.batches]
        assert sizes.count(8) == 1
        assert sum(size for size in sizes if size <= 3) == 24

    use(ShoutConfig(room=3).build(), body)


def test_the_limit_grows_again_after_a_while() -> None:
    async def body(engine: ShoutEngine) -> None:
        engine.room = 4
        await answers(engine, *(ask(f"first {number}") for number in range(8)))
        engine.room = 8
        await answers(engine, *(ask(f"page {number}") for number in range(200)))

        assert len(engine.batches[-1]) == 8

    use(ShoutConfig().build(), body)


def test_a_request_that_does_not_fit_alone_is_named_with_the_next_knob() -> None:
    async def body(engine: ShoutEngine) -> None:
        with pytest.raises(ProblemError, match=r"oom: out of memory with this request alone. Send a smaller image"):
            await engine.generate(ask("huge"))

    use(ShoutConfig(room=0).build(), body)


@pytest.mark.parametrize("ahead", [False, True])
def test_a_request_that_breaks_the_library_fails_alone(ahead: bool) -> None:
    async def body(engine: ShoutEngine) -> None:
        said = await answers(engine, ask("a"), ask("poison"), ask("b"), ask("unreadable"), ask("odd"))

        assert said[0] == "A"
        assert said[2] == "B"
        assert "stage_error: ValueError: poison" in said[1]
        assert "context_overflow: too long" in said[3]
        assert "stage_error: ZeroDivisionError: odd" in said[4]
        await engine.health()

    use(ShoutConfig(ahead=ahead).build(), body)


def test_a_cancelled_call_never_reaches_a_batch() -> None:
    async def body(engine: ShoutEngine) -> None:
        held = asyncio.create_task(engine.generate(ask("hold")))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(engine.generate(ask("never")))
        await asyncio.sleep(0.02)
        waiting.cancel()
        held.cancel()
        await asyncio.wait([held, waiting])

        assert (await engine.generate(ask("next"))).text == "NEXT"
        assert engine.batches == [["hold"], ["next"]]
        assert engine.num_waiting == 0

    use(ShoutConfig(size=1).build(), body)


def test_a_deadline_ends_a_running_call() -> None:
    async def body(engine: ShoutEngine) -> None:
        with pytest.raises(ProblemError, match=r"engine_timeout: no answer within 0\.1 s"):
            await engine.generate(ask("hold", deadline=0.1))

        assert (await engine.generate(ask("next"))).text == "NEXT"

    use(ShoutConfig().build(), body)


def test_a_dead_engine_fails_every_call_from_then_on() -> None:
    async def body(engine: ShoutEngine) -> None:
        said = await answers(engine, ask("die"), *(ask(f"page {number}") for number in range(20)))

        assert all("EngineDeadError" in entry for entry in said[:8])
        with pytest.raises(EngineDeadError, match="gone"):
            await engine.health()
        with pytest.raises(EngineDeadError, match="gone"):
            await engine.generate(ask("late"))

    use(ShoutConfig(strategy="static").build(), body)


def test_closing_ends_waiting_calls_and_frees_once() -> None:
    engine = ShoutConfig(size=1).build()

    async def body(engine: ShoutEngine) -> None:
        calls = [asyncio.create_task(engine.generate(ask(words))) for words in ("hold", "behind")]
        await asyncio.sleep(0.1)

        await engine.close()

        for call in calls:
            with pytest.raises(EngineDeadError, match="was closed"):
                await call
        await engine.close()

    use(engine, body)
    assert engine.num_unloads == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("omnipipe-batches")]


def test_what_loading_raises_comes_out_of_open() -> None:
    async def body() -> None:
        engine = ShoutConfig(model="missing").build()
        with pytest.raises(ConfigError, match="no model called missing"):
            await engine.open()
        with pytest.raises(EngineDeadError):
            await engine.generate(ask("late"))
        await engine.close()

    asyncio.run(body())


def test_a_streamed_answer_comes_in_pieces() -> None:
    async def body(engine: ShoutEngine) -> None:
        pieces = [piece async for piece in engine.stream(ask("hello"))]

        assert pieces == list("HELLO")
        with pytest.raises(ProblemError, match="engine_timeout"):
            [piece async for piece in engine.stream(ask("hold", deadline=0.1))]

    use(ShoutConfig().build(), body)
