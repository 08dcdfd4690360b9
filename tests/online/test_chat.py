"""The chat interface with OpenAI's own client, over a real socket: a model that reads, and an engine that is slow."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import httpx
import openai
import pytest

from omnipipe.engines.base import Capabilities
from omnipipe.engines.echo import EchoEngine
from omnipipe.errors import EngineDeadError
from omnipipe.model import Request
from omnipipe.online.engine_service import EngineLoad
from omnipipe.online.settings import ServeSettings
from omnipipe.page import ProblemError
from omnipipe.pipeline import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen import QwenTextPyTorchConfig
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
from tests.online.chat_kit import page, refusal, said
from tests.online.live import Live, live
from tests.tiny_reader import CHECKPOINT, png_of_page

READER = QwenTextPyTorchConfig(model=str(CHECKPOINT), torch_dtype="float32", device="cpu", request_timeout=60.0)
SLOW = QwenTextEchoConfig(model="slow", seconds=60.0, slots=2, request_timeout=90.0)
ECHO = QwenTextEchoConfig(model="echo")
BRIEF = QwenTextEchoConfig(model="brief", seconds=60.0, request_timeout=0.2)

GUIDE = Path(__file__).parents[2] / "docs" / "chat.md"


class StutterConfig(QwenTextEchoConfig):
    """Streams two words, and fails as `model` says."""

    capabilities: ClassVar[Capabilities] = Capabilities(cpu=True, continuous_batching=True, streaming=True)

    def build(self) -> EchoEngine:
        return StutterEngine(self)


class StutterEngine(EchoEngine):
    async def stream(self, request: Request) -> AsyncIterator[str]:
        yield "two "
        yield "words"
        if self.config.model == "dies":
            raise EngineDeadError("at /srv/secret/place")
        raise ProblemError("engine_timeout", "no answer within 3 s.")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    pytest.importorskip("transformers", reason="the pytorch extra is not installed")
    engines = (READER, SLOW, ECHO, BRIEF, StutterConfig(model="dies"), StutterConfig(model="late"))
    stages = [stage for engine in engines for stage in (Render(), Extract(engine=engine))]
    pipeline = Pipeline("chat", (Read(text_layer=False), *stages))
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("data"), max_chats=6, max_chat_bytes=1 << 20)
    with live(pipeline, settings) as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=120.0) as made:
        yield made


def load_of(server: Live, name: str) -> EngineLoad:
    engines = server.online.engines
    model = next(model for model in engines.models if model.name == name)
    return asyncio.run_coroutine_threadsafe(engines.load(model), server.loop).result(10)


def await_running(server: Live, name: str, running: int) -> None:
    end = time.monotonic() + 20
    while load_of(server, name).running != running:
        assert time.monotonic() < end, load_of(server, name)
        time.sleep(0.02)


def test_a_picture_goes_in_and_its_words_come_out(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="checkpoint", messages=page("Hello\nworld 42"))

    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("Hello\nworld 42", "stop")
    assert answer.usage is not None
    assert answer.usage.completion_tokens in (14, 15)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert (answer.model, answer.object, answer.id[:9]) == ("checkpoint", "chat.completion", "chatcmpl-")


def test_the_documented_example_reads_a_page(
    server: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.png").write_bytes(png_of_page("As documented"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)

    names: dict[str, Any] = {}
    exec(example.replace("http://127.0.0.1:8000", server.url), names)
    names["client"].close()

    assert capsys.readouterr().out == "As documented\n"


def test_an_answer_streams_token_by_token(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="checkpoint", messages=page("Count to 11"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)

    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == "Count to 11"
    assert len([piece for piece in pieces if piece]) > 3
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens in (11, 12)
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_of_an_engine_that_cannot_stream_comes_in_one_piece(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="echo", messages=said("all at once"), stream=True))

    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "all at once", None]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_is_events_that_end_with_done(server: Live) -> None:
    body = {"model": "echo", "messages": said("hello"), "stream": True}

    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, trust_env=False)

    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(json.loads(event.removeprefix("data: "))["object"] == "chat.completion.chunk" for event in events[:-2])


def test_what_limits_an_answer_is_told(client: openai.OpenAI) -> None:
    cut = client.chat.completions.create(model="checkpoint", messages=page("Too long"), max_tokens=2)
    stopped = client.chat.completions.create(model="checkpoint", messages=page("one\ntwo"), stop=["\nt"])

    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("To", "length")
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("one", "stop")


def test_the_cut_of_a_streamed_answer_is_told_as_well(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(model="checkpoint", messages=page("Too long"), max_tokens=2, stream=True)
    )

    assert chunks[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize(("model", "code"), [("dies", "engine_dead"), ("late", "engine_timeout")])
def test_a_stream_that_breaks_off_says_why_and_is_not_done(
    client: openai.OpenAI, server: Live, model: str, code: str
) -> None:
    body = {"model": model, "messages": said("x"), "stream": True}
    pieces: list[str | None] = []
    chunks = client.chat.completions.create(model=model, messages=said("x"), stream=True)

    with pytest.raises(openai.APIError) as caught:
        pieces.extend(chunk.choices[0].delta.content for chunk in chunks)
    whole = httpx.post(f"{server.url}/v1/chat/completions", json=body, trust_env=False).text

    assert pieces == ["", "two ", "words"]
    assert caught.value.code == code
    assert "[DONE]" not in whole
    assert "/srv" not in whole


def test_models_are_listed_without_paths_of_the_server(client: openai.OpenAI, server: Live) -> None:
    listed = client.models.list().data

    assert [model.id for model in listed] == ["checkpoint", "slow", "echo", "brief", "dies", "late"]
    assert {model.owned_by for model in listed} == {"omnipipe"}
    one = client.models.retrieve("checkpoint")
    assert one.model_extra is not None
    assert (one.id, one.model_extra["engine"], one.model_extra["family"]) == ("checkpoint", "pytorch", "qwen")
    assert str(CHECKPOINT.parent) not in httpx.get(f"{server.url}/v1/models", trust_env=False).text


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="There is no model 'gpt'"):
        client.models.retrieve("gpt")

    assert refusal(client, model="gpt")[:2] == (404, "model_not_found")


def test_a_server_without_an_allow_list_fetches_nothing(client: openai.OpenAI) -> None:
    part = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/page.png"}}

    status, code, message = refusal(client, messages=[{"role": "user", "content": [part]}])

    assert (status, code) == (400, "url_not_allowed")
    assert "this server fetches no URLs" in message


def test_a_prompt_over_the_context_is_the_clients_fault(client: openai.OpenAI) -> None:
    status, code, _ = refusal(client, model="checkpoint", messages=said("x" * 9000))

    assert (status, code) == (400, "context_length_exceeded")


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_takes_too_long_is_a_timeout(client: openai.OpenAI, server: Live, stream: bool) -> None:
    status, code, message = refusal(client, model="brief", stream=stream)

    assert (status, code) == (504, "engine_timeout")
    assert "0.2 s" in message
    assert load_of(server, "brief").running == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_frees_its_place_in_the_engine(server: Live, client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.5).chat.completions.create(model="slow", messages=said("x"), stream=stream)

    await_running(server, "slow", 0)


def test_a_client_that_goes_in_the_middle_of_a_stream_stops_the_model(client: openai.OpenAI, server: Live) -> None:
    endless = {"min_tokens": 3000, "stop_on_repetition": False}
    stream = client.chat.completions.create(
        model="checkpoint", messages=page("Long"), stream=True, max_tokens=3000, extra_body=endless
    )
    pieces = iter(stream)
    for _ in range(4):
        next(pieces)
    assert load_of(server, "checkpoint").running == 1

    stream.close()

    await_running(server, "checkpoint", 0)


def test_more_requests_than_there_may_be_are_sent_away_with_a_time_to_come_back(server: Live) -> None:
    def wait_for_answer(_: int) -> int:
        with httpx.Client(trust_env=False, timeout=60.0) as http:
            body = {"model": "slow", "messages": said("x"), "stream": True}
            try:
                http.post(f"{server.url}/v1/chat/completions", json=body, timeout=2.0)
            except httpx.ReadTimeout:
                return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(wait_for_answer, number) for number in range(6)]
        end = time.monotonic() + 20
        while (load := load_of(server, "slow")).running + sum(load.waiting.values()) < 6:
            assert time.monotonic() < end
            time.sleep(0.02)
        body = {"model": "echo", "messages": said("one more")}
        refused = httpx.post(f"{server.url}/v1/chat/completions", json=body, trust_env=False)
        assert [call.result() for call in calls] == [0] * 6

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["code"] == "busy"
    await_running(server, "slow", 0)


def test_a_body_that_is_too_large_is_refused(client: openai.OpenAI) -> None:
    assert refusal(client, messages=said("x" * (1 << 20)))[:2] == (413, "too_large")


def test_a_key_is_needed_and_its_quota_counts_pictures_as_pages(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"sha256:{hashlib.sha256(b'secret').hexdigest()} somebody pages_per_minute=2\n")
    settings = ServeSettings(data_dir=tmp_path / "data", api_keys=keys)
    pipeline = Pipeline("chat", (Read(text_layer=False), Render(), Extract(engine=ECHO)))

    with (
        live(pipeline, settings) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="secret", max_retries=0) as client,
    ):
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="wrong").models.list()
        wrong = refusal(client.with_options(api_key="wrong"))[0]
        client.chat.completions.create(model="echo", messages=[*page("one"), *page("two"), *page("three")])
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="echo", messages=page("four"))

    assert wrong == 401
    assert int(caught.value.response.headers["retry-after"]) >= 1


def test_a_pipeline_without_models_lists_none(tmp_path: Path) -> None:
    pipeline = Pipeline("text", (Read(),))

    with (
        live(pipeline, ServeSettings(data_dir=tmp_path)) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
    ):
        listed = client.models.list().data
        told = refusal(client)

    assert listed == []
    assert told[:2] == (404, "model_not_found")
    assert "asks no model" in told[2]
