"""The API engine before the first page, at its end, streaming, and where its key may be seen."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import socket
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from omnipipe.config import result_settings
from omnipipe.engines.api import APIConfig
from omnipipe.errors import ConfigError, EngineDeadError
from omnipipe.model import Completion
from omnipipe.page import ProblemError
from tests.engines.api_calls import (
    SECRET,
    always,
    answer,
    config_for,
    first,
    opened,
    problem,
    request,
)
from tests.engines.fault_server import FaultServer, Reply, failure, fault_server, models

pytest.importorskip("openai", reason="the API engine needs openai: pip install omnipipe[api]")


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


def test_a_stream_ends_with_the_whole_completion() -> None:
    ending = [
        {"model": "m-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
        {"model": "m-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    ]
    end = "".join(f"data: {json.dumps(event)}\n\n" for event in ending) + "data: [DONE]\n\n"

    async def work() -> list[str | Completion]:
        async with opened(config_for(server)) as engine:
            return [piece async for piece in engine.stream_completion(request())]

    with fault_server(always(_events("he", "llo", end=end))) as server:
        *pieces, last = asyncio.run(work())

    assert pieces == ["he", "llo"]
    assert last == Completion(text="hello", finish_reason="length", prompt_tokens=3, completion_tokens=2, model="m-1")
    assert server.asked[-1].body["stream_options"] == {"include_usage": True}


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
