"""How the tests of the API engine ask a fault server, and what they expect of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from omnipipe.engines.api import APIConfig
from omnipipe.engines.api_engine import APIEngine
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, ImagePart, Message, Request, TextPart
from omnipipe.page import Pixels, ProblemError
from tests.engines.fault_server import Asked, Behaviour, FaultServer, Reply, chat

SECRET = "sk-very-secret-0123456789"


class FastClock:
    """Waits a hundredth of what it is asked to, and remembers it."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> float:
        return time.monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(seconds / 100)


def config_for(server: FaultServer, **changes: object) -> APIConfig:
    return APIConfig.model_validate({"model": "m-1", "base_url": server.url, "api_key": SECRET, **changes})


def request(words: str = "hello", *, deadline: float | None = None, **params: object) -> Request:
    parts = (ImagePart(Pixels(bytes(12), "raw", "RGB", 2, 2)), TextPart(words))
    return Request(
        id=words,
        messages=(Message("user", parts),),
        params=GenerationParams.model_validate(params),
        deadline=deadline,
    )


@asynccontextmanager
async def opened(config: APIConfig, clock: FastClock | None = None) -> AsyncIterator[APIEngine]:
    engine = APIEngine(config, clock=clock or FastClock())
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()


def answers(
    server: FaultServer, *asked: Request, clock: FastClock | None = None, **changes: object
) -> list[Completion | BaseException]:
    """What each request gets, all sent at once."""

    async def work() -> list[Completion | BaseException]:
        async with opened(config_for(server, **changes), clock) as engine:
            return await asyncio.gather(*(engine.generate(one) for one in asked), return_exceptions=True)

    return asyncio.run(work())


def answer(server: FaultServer, *, clock: FastClock | None = None, **changes: object) -> Completion:
    outcome = answers(server, request(), clock=clock, **changes)[0]
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def first(*replies: Reply) -> Behaviour:
    """These replies to the first requests for the same words, then the words."""

    def behave(asked: Asked, times: int) -> Reply:
        return replies[times - 1] if times <= len(replies) else Reply(body=chat(asked.words))

    return behave


def always(reply: Reply) -> Behaviour:
    return lambda _asked, _times: reply


@contextmanager
def problem(code: str, *words: str) -> Iterator[None]:
    """Expects a `ProblemError` of this code whose message has these words."""
    with pytest.raises(ProblemError) as caught:
        yield
    assert caught.value.error.code == code
    for word in words:
        assert word in caught.value.error.message
