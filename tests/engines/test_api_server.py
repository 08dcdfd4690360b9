"""The API engine against vLLM's real server with the tiny reader; one server for all: it takes long to start."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import pytest

from omnipipe.engines.api import APIConfig
from omnipipe.engines.base import Engine
from omnipipe.engines.presets import RemoteVLLMConfig
from omnipipe.engines.thread import EngineThread
from omnipipe.engines.vllm_check import installed_build
from omnipipe.errors import ConfigError, EngineDeadError
from omnipipe.generation import GenerationParams
from omnipipe.model import ImagePart, Message, Request, TextPart
from omnipipe.page import ProblemError
from tests.engines.contract import READ, EngineContract, answer, opened, pixels_of_png, read_request
from tests.engines.vllm_server import CONTEXT, KEY, MODEL, VLLMServer, vllm_server
from tests.tiny_reader import png_of_page

pytest.importorskip("openai", reason="the API engine needs openai: pip install omnipipe[api]")

pytestmark = [
    pytest.mark.skipif(installed_build() != "cpu", reason="vLLM's CPU build is not installed"),
    pytest.mark.slow,
]

_SECONDS = 120.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VLLMServer]:
    with vllm_server(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="module")
def engine(server: VLLMServer) -> Iterator[EngineThread]:
    # As people write it: a bare host and port.
    with opened(config(server)) as thread:
        yield thread


def config(server: VLLMServer, **settings: object) -> RemoteVLLMConfig:
    ours = {"model": MODEL, "base_url": f"127.0.0.1:{server.port}", "api_key": KEY, "max_tokens": 512}
    return RemoteVLLMConfig.model_validate({**ours, **settings})


def bound(params: GenerationParams = READ, **forms: object) -> Request:
    """Asks for the words of a page in a form."""
    parts = (ImagePart(pixels_of_png(png_of_page("Form"))), TextPart("Read."))
    return Request(id="form", messages=(Message("user", parts),), params=params, **forms)  # type: ignore[arg-type]


class TestContract(EngineContract):
    pass


def test_a_json_schema_binds_the_answer(engine: EngineThread) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["n"],
        "additionalProperties": False,
    }

    said = answer(engine, bound(response_schema=schema))

    assert 0 <= json.loads(said.text)["n"] <= 99


def test_a_regex_binds_the_answer(engine: EngineThread) -> None:
    assert answer(engine, bound(response_regex="[0-9]{3}-[A-C]")).text[3] == "-"


def test_a_loop_is_ended_with_its_name(engine: EngineThread) -> None:
    params = GenerationParams(max_tokens=500)

    ended = answer(engine, bound(params, response_regex="(ab){200}"))
    let = answer(engine, bound(params.with_(stop_on_repetition=False), response_regex="(ab){200}"))

    assert (ended.finish_reason, let.finish_reason) == ("repetition", "stop")
    assert len(ended.text) < len(let.text) == 400


def test_giving_up_leaves_the_server_idle(server: VLLMServer) -> None:
    long = GenerationParams(max_tokens=3000, min_tokens=3000, stop_on_repetition=False)

    async def give_up(engine: Engine) -> int:
        stream = engine.stream(read_request("Stream", long))
        await anext(stream)
        calls = [asyncio.create_task(engine.generate(read_request(f"Long {i}", long))) for i in range(5)]
        while (most := await asyncio.to_thread(server.num_running)) < 6:
            await asyncio.sleep(0.1)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await stream.aclose()  # type: ignore[attr-defined]
        with pytest.raises(ProblemError, match="engine_timeout"):
            await engine.generate(read_request("Late", long, deadline=0.5))
        return most

    # An engine of its own: after the timeouts of other tests, theirs sends fewer requests at a time.
    with opened(config(server)) as engine:
        assert engine.run(give_up).result(_SECONDS) == 6
        end = time.monotonic() + 20
        while server.num_running() and time.monotonic() < end:
            time.sleep(0.2)
        assert server.num_running() == 0


def test_a_server_tells_what_it_is(server: VLLMServer) -> None:
    plain = APIConfig.model_validate({"model": MODEL, "base_url": server.url, "api_key": KEY, "max_tokens": 512})

    with opened(plain) as other:
        # Only vLLM's flavour sends what ends a loop.
        said = answer(other, bound(GenerationParams(max_tokens=500), response_regex="(ab){200}"))

    assert said.finish_reason == "repetition"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"api_key": "sk-wrong"}, "refuses the key.*Check the key in api_key"),
        ({"api_key": None}, "refuses the key.*api_key_env"),
        ({"model": "no-such-model"}, "has no model no-such-model. It has: tiny"),
        ({"lora": {"notes": "not-there"}}, "has no model not-there"),
        ({"max_tokens": CONTEXT}, f"leaves no room for a page in the {CONTEXT} tokens"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_page(server: VLLMServer, settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught, opened(config(server, **settings)):
        pass

    assert "sk-" not in str(caught.value)


def test_a_server_whose_engine_died_ends_ours(server: VLLMServer) -> None:
    """The last test of this file: the server is gone afterwards."""
    long = GenerationParams(max_tokens=3000, min_tokens=3000, stop_on_repetition=False)
    with opened(config(server, max_retries=3, max_backoff=2)) as other:
        running = [other.submit(read_request(f"Long {i}", long)) for i in range(4)]
        while server.num_running() < 4:
            time.sleep(0.1)

        server.kill_engine()

        for call in running:
            with pytest.raises(EngineDeadError, match=r"127\.0\.0\.1"):
                call.result(_SECONDS)
        with pytest.raises(EngineDeadError):
            other.health()
