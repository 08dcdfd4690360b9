"""The API engine against a server that fails on purpose."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import socket
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from omnipipe.config import result_settings
from omnipipe.engines.api import APIConfig
from omnipipe.engines.api_engine import APIEngine
from omnipipe.errors import ConfigError, EngineDeadError
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, ImagePart, Message, Request, TextPart
from omnipipe.page import Pixels, ProblemError
from tests.engines.fault_server import Asked, Behaviour, FaultServer, Reply, chat, failure, fault_server, models

pytest.importorskip("openai", reason="the API engine needs openai: pip install omnipipe[api]")

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


def test_an_answer_has_text_counts_and_cost() -> None:
    with fault_server() as server:
        said = answer(server, input_price=2.0, output_price=10.0)

    assert (said.text, said.finish_reason, said.model) == ("hello", "stop", "m-1")
    assert (said.prompt_tokens, said.completion_tokens) == (10, 5)
    assert said.cost_usd == pytest.approx((10 * 2 + 5 * 10) / 1e6)
    assert said.infer_ms is not None
    assert said.infer_ms > 0


def test_the_key_goes_to_the_server_and_nothing_of_openais_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-openai")
    with fault_server() as server:
        answer(server)

    headers = server.asked[0].headers
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert "org-of-openai" not in headers.values()


def test_a_server_that_needs_no_key_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with fault_server() as server:
        answer(server, api_key=None)

    assert "authorization" not in server.asked[0].headers
    assert SECRET not in str(server.asked[0].headers)


def test_azure_style_servers_get_their_query_and_header() -> None:
    with fault_server(listed=Reply(404, failure("Resource not found"))) as server:
        url = f"http://127.0.0.1:{server.port}/openai/deployments/d-1?api-version=2024-10-21"
        answer(server, base_url=url, key_header="api-key")

    asked = server.asked[0]
    assert asked.path == "/openai/deployments/d-1/chat/completions?api-version=2024-10-21"
    assert asked.headers["api-key"] == SECRET
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    "bad",
    [
        Reply(500, failure("internal")),
        Reply(503, "<html>bad gateway</html>", {"content-type": "text/html"}),
        Reply(429, failure("slow down"), {"retry-after": "2"}),
        Reply(408, ""),
        Reply(drop=True),
        Reply(body=chat("half of it"), cut=40),
        Reply(body='{"choices": [{"mess'),
        Reply(body="<html>welcome</html>", headers={"content-type": "text/html"}),
        Reply(body="[]"),
        Reply(body='{"choices": []}'),
        Reply(body="\u0000\u0001 garbage"),
        Reply(body='{"error": {"message": "upstream", "code": 502}}'),
        Reply(body=chat("half", finish_reason="error")),
    ],
    ids=lambda reply: f"{reply.status} {reply.body[:12]!r}",
)
def test_what_may_pass_is_tried_again_once_and_answered(bad: Reply) -> None:
    with fault_server(first(bad)) as server:
        said = answer(server)

    assert said.text == "hello"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("bad", "code", "words"),
    [
        (Reply(500, failure("internal")), "http_5xx", "500: internal (3 attempts)"),
        (Reply(429, failure("slow down")), "http_4xx", "429: slow down"),
        (Reply(drop=True), "http_5xx", "no answer from the server"),
        (Reply(body=chat("half of it"), cut=40), "http_5xx", "no answer from the server"),
        (Reply(body="no json"), "http_5xx", "makes no sense"),
    ],
)
def test_what_does_not_pass_ends_in_a_problem_after_max_retries(bad: Reply, code: str, words: str) -> None:
    with fault_server(always(bad)) as server, problem(code, words):
        answer(server, max_retries=2)

    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Reply(400, failure("temperature is wrong")), "http_4xx"),
        (Reply(403, failure("flagged by moderation")), "http_4xx"),
        (Reply(404, failure("no such model")), "http_4xx"),
        (Reply(422, json.dumps({"detail": [{"msg": "field required"}]})), "http_4xx"),
        (Reply(400, failure("The input was refused", "context_length_exceeded")), "context_overflow"),
        (Reply(400, failure("This model's maximum context length is 4096 tokens.")), "context_overflow"),
        (Reply(400, failure("The decoder prompt (length 9000) is longer than the maximum")), "context_overflow"),
        (Reply(body=chat("", finish_reason="content_filter")), "http_4xx"),
        (Reply(body=chat("", message={"refusal": "I cannot read this"})), "http_4xx"),
    ],
)
def test_what_will_not_pass_is_asked_once(bad: Reply, code: str) -> None:
    with fault_server(always(bad)) as server, problem(code):
        answer(server)

    assert len(server.asked) == 1


def test_retry_after_is_honoured_and_backoff_grows() -> None:
    clock = FastClock()
    with fault_server(first(Reply(500, ""), Reply(500, ""), Reply(429, "", {"retry-after": "7"}))) as server:
        answer(server, clock=clock)

    assert 0.5 <= clock.waits[0] <= 1
    assert 1 <= clock.waits[1] <= 2
    assert 7 in [round(wait) for wait in clock.waits]


def test_a_wait_that_is_longer_than_an_answer_may_take_is_refused() -> None:
    reply = Reply(429, failure("daily limit"), {"retry-after": "86400"})
    with fault_server(always(reply)) as server, problem("http_4xx", "daily limit", "86400 s"):
        answer(server)

    assert len(server.asked) == 1


def test_a_daily_limit_holds_up_nobody_else() -> None:
    def behave(asked: Asked, _times: int) -> Reply:
        is_over = asked.words == "over"
        return Reply(429, failure("daily"), {"retry-after": "86400"}) if is_over else Reply(body=chat(asked.words))

    with fault_server(behave) as server:
        outcomes = answers(server, request("over"), *(request(f"{number}") for number in range(20)))

    assert isinstance(outcomes[0], ProblemError)
    assert [said.text for said in outcomes[1:] if isinstance(said, Completion)] == [f"{n}" for n in range(20)]


def test_a_server_cannot_send_pages_elsewhere() -> None:
    with fault_server() as elsewhere, fault_server(always(Reply(307, headers={"location": elsewhere.url}))) as server:
        with problem("http_4xx", "307", elsewhere.url):
            answer(server)
        server.listed = Reply(308, headers={"location": f"{elsewhere.url}/models"})
        with pytest.raises(ConfigError, match="Set base_url to where it is"):
            answer(server)

    assert elsewhere.asked == []


def test_a_server_here_is_reached_by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with fault_server() as server:
        assert answer(server).text == "hello"


def test_words_that_are_no_unicode_are_asked_all_the_same() -> None:
    with fault_server() as server:
        said = answers(server, request("bro\ud800ken"))[0]

    assert isinstance(said, Completion)
    assert said.text == "bro?ken"


def test_a_slow_attempt_is_given_up_closed_and_tried_again() -> None:
    with fault_server(first(Reply(body=chat("late"), seconds=20))) as server:
        said = answer(server, request_timeout=0.5)
        is_closed = server.aborted.wait(10)

    assert said.text == "hello"
    assert is_closed
    assert len(server.asked) == 2


def test_an_attempt_that_took_too_long_is_repeated_once() -> None:
    slow = always(Reply(body=chat("late"), seconds=20))
    with fault_server(slow) as server, problem("engine_timeout", "no answer within 0.3 s", "(2 attempts)"):
        answer(server, request_timeout=0.3)

    assert len(server.asked) == 2


def test_a_deadline_covers_all_attempts_and_closes_the_connection() -> None:
    with fault_server(always(Reply(body=chat("late"), seconds=20))) as server:
        outcome = answers(server, request(deadline=0.5))[0]
        is_closed = server.aborted.wait(10)

    assert isinstance(outcome, ProblemError)
    assert outcome.error.code == "engine_timeout"
    assert is_closed
    assert len(server.asked) == 1


def test_a_cancelled_request_closes_its_connection() -> None:
    async def work(server: FaultServer) -> None:
        async with opened(config_for(server)) as engine:
            call = asyncio.create_task(engine.generate(request()))
            while not server.asked:
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(server.aborted.wait, 10)

    with fault_server(always(Reply(body=chat("late"), seconds=20))) as server:
        asyncio.run(work(server))


def test_no_answered_request_is_asked_again_whatever_fails() -> None:
    faults = [
        Reply(429, "", {"retry-after": "1"}),
        Reply(500, ""),
        Reply(drop=True),
        Reply(body=chat("x" * 50), cut=30),
        Reply(body="garbage"),
    ]

    def behave(asked: Asked, times: int) -> Reply:
        number = int(asked.words)
        return faults[number % 5] if times <= number % 3 else Reply(body=chat(asked.words))

    with fault_server(behave) as server:
        outcomes = answers(server, *(request(str(number)) for number in range(100)))

    assert [said.text if isinstance(said, Completion) else said for said in outcomes] == [str(n) for n in range(100)]
    assert set(server.answered.values()) == {1}
    assert len(server.asked) == 100 + sum(number % 3 for number in range(100))


def test_concurrency_falls_under_refusals_and_rises_again() -> None:
    limits: list[int] = []
    is_busy = True

    def behave(asked: Asked, _times: int) -> Reply:
        return Reply(429, failure("busy")) if is_busy else Reply(body=chat(asked.words))

    async def work(server: FaultServer) -> None:
        nonlocal is_busy
        async with opened(config_for(server, max_retries=30, max_concurrency=64)) as engine:
            limits.append(engine.limits.concurrency.limit)
            calls = [asyncio.create_task(engine.generate(request(f"{number}"))) for number in range(300)]
            while engine.limits.concurrency.limit > 2:
                await asyncio.sleep(0.01)
            limits.append(engine.limits.concurrency.limit)
            is_busy = False
            await asyncio.gather(*calls)
            limits.append(engine.limits.concurrency.limit)

    with fault_server(behave) as server:
        asyncio.run(work(server))

    start, lowest, end = limits
    assert start == 16
    assert lowest <= 2
    assert end >= lowest + 5


def test_never_more_requests_at_once_than_allowed() -> None:
    with fault_server(lambda asked, _times: Reply(body=chat(asked.words), seconds=0.02)) as server:
        answers(server, *(request(str(number)) for number in range(40)), max_concurrency=3)

    assert server.most_running == 3


def test_rates_are_kept_on_the_wire() -> None:
    clock = FastClock()
    with fault_server() as server:
        answers(server, *(request(str(number)) for number in range(5)), clock=clock, rate_limit="6/min")

    # Ten seconds apart, at a hundredth of the time.
    sent = sorted(asked.when for asked in server.asked)
    assert sent[-1] - sent[0] >= 0.39


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (Reply(401, failure(f"Incorrect API key: {SECRET}")), "refuses the key"),
        (Reply(403, failure("forbidden")), "refuses the key"),
        (models("big-model", "m-2"), "has no model m-1. It has: m-2"),
        (Reply(500, failure("broken")), "out of order"),
        (Reply(body="<html>hi</html>", headers={"content-type": "text/html"}), "no OpenAI-compatible server"),
        (Reply(drop=True), "no server answers"),
    ],
)
def test_what_is_wrong_with_the_server_is_said_before_any_page(listed: Reply, words: str) -> None:
    with fault_server(listed=listed) as server, pytest.raises(ConfigError, match=words) as caught:
        answer(server)

    assert server.asked == []
    assert SECRET not in str(caught.value)


def test_a_wrong_path_is_said_before_any_page() -> None:
    nothing = Reply(404, "not here")
    with (
        fault_server(listed=nothing, empty=nothing) as server,
        pytest.raises(ConfigError, match=r"has no chat interface.*Check base_url"),
    ):
        answer(server)


def test_a_server_that_is_down_is_said_before_any_page() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    config = APIConfig(model="m-1", base_url=f"127.0.0.1:{port}")

    with pytest.raises(ConfigError, match=f"no server answers at http://127.0.0.1:{port}/v1"):
        asyncio.run(config.build().open())


@pytest.mark.parametrize("listed", [Reply(404, failure("no list")), Reply(405, ""), models(), Reply(429, "")])
def test_a_server_without_a_list_of_models_is_used(listed: Reply) -> None:
    with fault_server(listed=listed) as server:
        assert answer(server).text == "hello"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401, failure("key revoked")),
        Reply(402, failure("no credit")),
        Reply(429, failure("You exceeded your current quota", "insufficient_quota")),
    ],
)
def test_a_key_that_has_run_out_ends_the_engine(reply: Reply) -> None:
    async def work(server: FaultServer) -> None:
        async with opened(config_for(server)) as engine:
            for _ in range(2):
                with pytest.raises(EngineDeadError):
                    await engine.generate(request())

    with fault_server(always(reply)) as server:
        asyncio.run(work(server))

    assert len(server.asked) == 1


def test_a_server_that_goes_away_ends_the_engine() -> None:
    async def work(server: FaultServer) -> None:
        async with opened(config_for(server, max_retries=1)) as engine:
            await engine.health()
            server.close()
            with pytest.raises(EngineDeadError):
                await engine.generate(request())
            with pytest.raises(EngineDeadError):
                await engine.health()

    server = FaultServer(always(Reply(drop=True)), models("m-1"), Reply(400))
    asyncio.run(work(server))


def _events(*pieces: str, end: str = "data: [DONE]\n\n") -> Reply:
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + end
    return Reply(body=body, headers={"content-type": "text/event-stream"})


def _streamed(server: FaultServer) -> list[str]:
    async def work() -> list[str]:
        async with opened(config_for(server)) as engine:
            return [piece async for piece in engine.stream(request())]

    return asyncio.run(work())


def test_a_stream_comes_in_pieces_and_begins_again_only_before_the_first() -> None:
    with fault_server(first(Reply(500, ""), _events(end=""), _events("he", "llo"))) as server:
        pieces = _streamed(server)

    assert pieces == ["he", "llo"]
    assert len(server.asked) == 3


def test_a_stream_that_breaks_off_is_a_problem() -> None:
    with fault_server(always(_events("he", end=""))) as server, problem("http_5xx", "broke off"):
        _streamed(server)

    assert len(server.asked) == 1


def test_a_key_is_in_no_text_of_ours(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    texts: list[str] = []
    with caplog.at_level(logging.DEBUG), fault_server(always(Reply(400, failure(f"key {SECRET} is odd")))) as server:
        for changes in ({}, {"api_key": None, "api_key_env": "MY_KEY"}, {"extra_headers": {"x-token": SECRET}}):
            config = config_for(server, **changes)
            try:
                answer(server, **changes)
            except ProblemError as error:
                texts += ["".join(traceback.format_exception(error)), repr(pickle.loads(pickle.dumps(error)))]
            texts += [repr(config), str(config), config.model_dump_json(), str(result_settings(config))]
            texts += [repr(config.build()), repr(config.with_key())]
    # Their libraries' debug lines too.
    texts += [record.getMessage() + str(record.args) for record in caplog.records]

    assert any("*** is odd" in text for text in texts)
    assert [text for text in texts if SECRET in text] == []


def test_a_key_travels_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    config = APIConfig(model="m-1", base_url="gpu-box:8000", api_key_env="MY_KEY").with_key()
    monkeypatch.delenv("MY_KEY")

    there = pickle.loads(pickle.dumps(config))

    assert there.find_key() == SecretStr(SECRET)


def test_an_unopened_and_a_closed_engine_say_so() -> None:
    async def work(server: FaultServer) -> None:
        engine = config_for(server).build()
        with pytest.raises(EngineDeadError, match="not open"):
            await engine.generate(request())
        await engine.open()
        await engine.close()
        await engine.close()
        with pytest.raises(EngineDeadError, match="closed"):
            await engine.generate(request())

    with fault_server() as server:
        asyncio.run(work(server))
