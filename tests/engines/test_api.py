"""The API engine against a server that fails on purpose: what is tried again, and what is not."""

from __future__ import annotations

import asyncio
import json

import pytest

from omnipipe.errors import ConfigError
from omnipipe.model import Completion
from omnipipe.page import ProblemError
from tests.engines.api_calls import (
    SECRET,
    FastClock,
    always,
    answer,
    answers,
    config_for,
    first,
    opened,
    problem,
    request,
)
from tests.engines.fault_server import Asked, FaultServer, Reply, chat, failure, fault_server

pytest.importorskip("openai", reason="the API engine needs openai: pip install omnipipe[api]")


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

    # Ten seconds apart, at a hundredth of the time: 0.4 s, less what the first connection took to be made. Without the
    # limit they all come within milliseconds.
    sent = sorted(asked.when for asked in server.asked)
    assert sent[-1] - sent[0] >= 0.25
