"""What a chat request may say, and what the engine is then asked."""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar

import pytest

from omnipipe.engines.base import Capabilities, EngineConfig
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.model import ImagePart, Request, TextPart
from omnipipe.online.engine_service import BATCH
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.auth import Caller
from omnipipe.online.web.chat_pictures import PictureReader
from omnipipe.online.web.chat_request import RequestMaker, params_of, priority_of
from omnipipe.online.web.chat_room import ChatRoom
from omnipipe.online.web.chat_schema import ChatBody, inlined, parse_chat
from omnipipe.online.web.errors import ApiProblem
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig

NOBODY = Caller("", "")


class NarrowEchoConfig(QwenTextEchoConfig):
    supports: ClassVar[frozenset[str]] = frozenset({"stop"})


class BoundEchoConfig(QwenTextEchoConfig):
    capabilities: ClassVar[Capabilities] = Capabilities(cpu=True, structured_output=True)


def parsed(**fields: Any) -> ChatBody:
    given = {"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}
    return parse_chat(json.dumps(given).encode())


def refusal(**fields: Any) -> str:
    with pytest.raises(ApiProblem) as caught:
        parsed(**fields)
    assert caught.value.status == 400
    return caught.value.message


def made(config: EngineConfig, who: Caller = NOBODY, **fields: Any) -> Request:
    settings = ServeSettings()
    pictures = PictureReader()
    try:
        with ChatRoom(settings).enter() as seat:
            maker = RequestMaker(settings, pictures)
            return asyncio.run(maker.make(parsed(**fields), config, who, adapter=None, seat=seat))
    finally:
        pictures.close()


def test_sampling_reaches_the_engine_over_its_own_settings() -> None:
    config = QwenTextEchoConfig.model_validate({"temperature": 0.5, "top_p": 0.9, "max_tokens": 100})
    asked: dict[str, Any] = {
        "temperature": 0.7,
        "top_k": -1,
        "min_p": 0.1,
        "seed": 7,
        "stop": "END",
        "presence_penalty": 0.5,
        "frequency_penalty": 0.25,
        "repetition_penalty": 1.1,
    }

    params = params_of(parsed(**asked), config)

    assert params.model_dump(include=set(asked)) == {**asked, "top_k": 0, "stop": ("END",)}
    assert (params.top_p, params.max_tokens) == (0.9, 100)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_both_names_bound_the_answer(name: str) -> None:
    assert params_of(parsed(**{name: 5}), QwenTextEchoConfig()).max_tokens == 5


def test_a_parameter_that_the_engine_lacks_is_named() -> None:
    with pytest.raises(ApiProblem, match="top_k is not supported by the Echo backend") as caught:
        params_of(parsed(top_k=5), NarrowEchoConfig())

    assert (caught.value.status, caught.value.code) == (400, "unsupported_parameter")
    assert params_of(parsed(top_k=0, stop=["a"]), NarrowEchoConfig()).stop == ("a",)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": 2}, "n must be 1"),
        ({"logprobs": True}, "logprobs are not offered"),
        ({"top_logprobs": 3}, "logprobs are not offered"),
        ({"tools": [{"type": "function"}]}, "tools is not offered"),
        ({"logit_bias": {"1": 5}}, "logit_bias is not offered"),
        ({"temperature": 3}, "temperature: "),
        ({"temperature": float("nan")}, "temperature: "),
        ({"max_tokens": 0}, "max_tokens: "),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens and max_completion_tokens differ"),
        ({"stop": ["x"] * 17}, "stop: "),
        ({"stop": ""}, "stop: "),
        ({"guided_choice": ["a"]}, "guided_choice: there is no such field"),
        ({"messages": []}, "messages: "),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: "),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content.0: its type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text: "),
        ({"stream_options": {"include_usage": True}}, "stream_options is for streamed answers"),
        ({"response_format": {"type": "json_schema"}}, "response_format: type json_schema has"),
        ({"response_format": {"type": "xml"}}, "response_format.type: "),
        ({"structured_outputs": {}}, "structured_outputs: "),
        ({"structured_outputs": {"json": {"enum": ["x" * (64 << 10)]}}}, "The JSON schema is larger"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(fields: dict[str, Any], message: str) -> None:
    assert refusal(**fields).startswith(message)


def test_deep_and_broken_bodies_are_refused() -> None:
    deep: Any = {}
    for _ in range(40):
        deep = {"properties": deep}

    assert refusal(structured_outputs={"json": deep}).startswith("The JSON schema is")
    for body in (b"", b"[]", b"{", b'{"a":' * 100_000, b"\xff\xfe", b"1" * 5000):
        with pytest.raises(ApiProblem) as caught:
            parse_chat(body)
        assert caught.value.status == 400


def test_messages_quote_nothing_of_what_was_sent() -> None:
    secret = "a secret word"

    told = refusal(temperature=secret, messages=[{"role": secret, "content": secret}])

    assert secret not in told


def test_what_changes_nothing_may_be_sent() -> None:
    body = parsed(user="u", n=1, logprobs=False, tools=[], tool_choice="none", seed=None, store=True, metadata={"a": 1})

    assert body.model_fields_set == {"model", "messages"}


def test_a_conversation_keeps_its_turns_and_parts() -> None:
    picture = "data:image/png;base64," + _PIXEL
    content = [{"type": "text", "text": "before"}, {"type": "image_url", "image_url": {"url": picture}}]
    messages = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": content},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "half a pair: \ud800"},
    ]

    request = made(QwenTextEchoConfig(), messages=messages)

    assert [message.role for message in request.messages] == ["system", "user", "assistant", "user"]
    before, image = request.messages[1].parts
    assert before == TextPart("before")
    assert isinstance(image, ImagePart)
    # On the model's own grid, as pages are, and never lossy.
    assert (image.pixels.width, image.pixels.height, image.pixels.format) == (32, 32, "png")
    assert request.messages[3].parts == (TextPart("half a pair: ?"),)


def test_an_answer_is_bound_to_a_schema_where_the_engine_can() -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    form = {"type": "json_schema", "json_schema": {"name": "bill", "schema": schema}}

    assert made(BoundEchoConfig(), response_format=form).response_schema == schema
    assert made(BoundEchoConfig(), response_format={"type": "json_object"}).response_schema == {"type": "object"}
    assert made(BoundEchoConfig(), structured_outputs={"regex": "[0-9]+"}).response_regex == "[0-9]+"
    assert made(BoundEchoConfig(), response_format={"type": "text"}).response_schema is None
    with pytest.raises(ApiProblem, match="response_format is not supported by the Echo backend"):
        made(QwenTextEchoConfig(), response_format=form)


def test_a_request_ends_by_the_engines_timeout_whoever_waits() -> None:
    assert made(QwenTextEchoConfig(request_timeout=12.0)).deadline == 12.0
    assert made(QwenTextEchoConfig(request_timeout=None)).deadline == ServeSettings().default_deadline


def test_priorities_are_vllms_and_end_at_that_of_the_key() -> None:
    plain, high = Caller("o", "n"), Caller("o", "n", 5)

    assert [priority_of(asked, plain) for asked in (None, 0, 10, -3)] == [0, 0, BATCH, 0]
    assert [priority_of(asked, high) for asked in (None, 0, 10, -3, -9)] == [5, 0, BATCH, 3, 5]


def test_the_schema_of_requests_stands_alone() -> None:
    schema = inlined(ChatBody.model_json_schema())

    assert "$ref" not in json.dumps(schema)
    assert schema["required"] == ["model", "messages"]


def test_vllm_takes_every_parameter_but_those_that_it_lacks() -> None:
    with pytest.raises(ApiProblem, match="no_repeat_ngram_size is not supported by the vLLM backend"):
        params_of(parsed(no_repeat_ngram_size=3), VLLMConfig(model="m"))


_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
