"""The API engine without a server: requests in each server's words, addresses, keys, presets and prices."""

from __future__ import annotations

import base64
import io
from typing import Any, get_args

import pytest
from PIL import Image
from pydantic import SecretStr, ValidationError

from omnipipe.config import result_settings
from omnipipe.engines.api import APIConfig
from omnipipe.engines.api_address import parse_address
from omnipipe.engines.api_flavour import SUPPORTED, Flavour
from omnipipe.engines.api_params import to_body, to_data_uri, to_sampling
from omnipipe.engines.base import EngineConfig
from omnipipe.engines.presets import (
    AzureOpenAIConfig,
    LlamaCppServerConfig,
    OpenAIConfig,
    OpenRouterConfig,
    RemoteVLLMConfig,
    SGLangConfig,
)
from omnipipe.engines.price import Price, find_openai_price
from omnipipe.errors import ConfigError
from omnipipe.generation import GenerationParams, find_unsupported
from omnipipe.model import ImagePart, Message, Request, TextPart
from omnipipe.page import Pixels

FULL = GenerationParams(
    max_tokens=7,
    min_tokens=2,
    temperature=0.5,
    top_p=0.9,
    top_k=5,
    min_p=0.1,
    repetition_penalty=1.1,
    presence_penalty=0.2,
    frequency_penalty=0.3,
    seed=4,
    stop=("END",),
    stop_token_ids=(9,),
    logprobs=True,
)

# Ours, and each server's: openai (3.52's chat.completions.create), openrouter, vllm (0.32's ChatCompletionRequest),
# sglang (0.5.9's), llamacpp (llama-cpp-python 0.3.36's server).
NAMES: dict[str, tuple[str | None, ...]] = {
    "max_tokens": ("max_completion_tokens", "max_tokens", "max_tokens", "max_tokens", "max_tokens"),
    "min_tokens": (None, None, "min_tokens", "min_tokens", None),
    "temperature": ("temperature",) * 5,
    "top_p": ("top_p",) * 5,
    "top_k": (None, "top_k", "top_k", "top_k", "top_k"),
    "min_p": (None, "min_p", "min_p", "min_p", "min_p"),
    "repetition_penalty": (None, "repetition_penalty", "repetition_penalty", "repetition_penalty", "repeat_penalty"),
    "presence_penalty": ("presence_penalty",) * 5,
    "frequency_penalty": ("frequency_penalty",) * 5,
    "no_repeat_ngram_size": (None,) * 5,
    "seed": ("seed",) * 5,
    "stop": ("stop",) * 5,
    "stop_token_ids": (None, None, "stop_token_ids", "stop_token_ids", None),
    "logprobs": ("logprobs",) * 5,
    "stop_on_repetition": (None, None, "repetition_detection", None, None),
}
FLAVOURS: tuple[Flavour, ...] = get_args(Flavour)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_parameter_has_the_servers_name(flavour: Flavour) -> None:
    column = FLAVOURS.index(flavour)

    body = {name: value for name, value in to_sampling(FULL, flavour).items() if value is not None}

    assert NAMES.keys() == GenerationParams.model_fields.keys()
    assert body.keys() == {names[column] for names in NAMES.values() if names[column]}
    for ours, names in NAMES.items():
        if (theirs := names[column]) and ours != "stop_on_repetition":
            value = getattr(FULL, ours)
            assert body[theirs] == (list(value) if isinstance(value, tuple) else value)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_what_is_sent_is_what_is_said_to_be_supported(flavour: Flavour) -> None:
    column = FLAVOURS.index(flavour)

    assert SUPPORTED[flavour] == {ours for ours, names in NAMES.items() if names[column]}


def test_vllms_own_server_has_these_fields() -> None:
    protocol = pytest.importorskip(
        "vllm.entrypoints.openai.chat_completion.protocol",
        reason="vLLM is not installed, or keeps its fields elsewhere",
    )

    fields = protocol.ChatCompletionRequest.model_fields.keys()

    assert to_sampling(FULL, "vllm").keys() <= fields
    assert {"structured_outputs", "skip_special_tokens", "response_format"} <= fields


@pytest.mark.parametrize(("flavour", "off"), [("vllm", 0), ("sglang", -1), ("llamacpp", 0), ("openrouter", 0)])
def test_greedy_is_sent_without_anything_that_samples(flavour: Flavour, off: int) -> None:
    body = to_sampling(FULL.with_(temperature=0), flavour)

    assert (body["temperature"], body["top_p"], body["top_k"], body["min_p"]) == (0, 1, off, 0)


def asked(**changes: Any) -> Request:
    parts = (ImagePart(Pixels(b"file", "jpeg", "L", 2, 2)), TextPart("Read."))
    messages = (Message("system", (TextPart("Well."),)), Message("user", parts))
    return Request(id="1", messages=messages, params=GenerationParams(), **changes)


def test_a_request_keeps_the_order_of_its_parts() -> None:
    body = to_body(asked(), APIConfig(model="m"), "openai")

    uri = "data:image/jpeg;base64," + base64.b64encode(b"file").decode()
    assert body["model"] == "m"
    assert body["messages"] == [
        {"role": "system", "content": "Well."},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": uri}}, {"type": "text", "text": "Read."}],
        },
    ]


def test_raw_pixels_become_a_png() -> None:
    pixels = Pixels(bytes(range(12)), "raw", "RGB", 2, 2)

    kind, _, data = to_data_uri(pixels).partition(",")

    assert kind == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).tobytes() == pixels.data


SCHEMA = {"type": "object"}


@pytest.mark.parametrize(
    ("flavour", "forms", "sent"),
    [
        ("openai", {"response_schema": SCHEMA}, {"json_schema": {"name": "answer", "schema": SCHEMA}}),
        ("vllm", {"response_schema": SCHEMA}, {"json_schema": {"name": "answer", "schema": SCHEMA}}),
        ("llamacpp", {"response_schema": SCHEMA}, {"schema": SCHEMA, "type": "json_object"}),
    ],
)
def test_a_schema_is_sent_as_the_server_wants_it(flavour: Flavour, forms: dict[str, Any], sent: dict[str, Any]) -> None:
    sent_format = to_body(asked(**forms), APIConfig(model="m"), flavour)["response_format"]

    assert sent_format == {"type": "json_schema", **sent}


def test_a_regex_is_sent_where_it_is_understood() -> None:
    request = asked(response_regex="a+")

    assert to_body(request, APIConfig(model="m"), "vllm")["structured_outputs"] == {"regex": "a+"}
    assert to_body(request, APIConfig(model="m"), "sglang")["regex"] == "a+"
    with pytest.raises(ConfigError, match="cannot bind an answer to a regex"):
        to_body(request, APIConfig(model="m"), "openai")


def test_extra_fields_win_and_null_takes_ours_out() -> None:
    config = APIConfig(model="m", extra_body={"temperature": None, "top_p": 0.5, "service_tier": "flex"})

    body = to_body(asked(), config, "openai")

    assert "temperature" not in body
    assert (body["top_p"], body["service_tier"]) == (0.5, "flex")


def test_an_adapter_is_a_model_of_the_server() -> None:
    config = APIConfig(model="m", lora={"notes": "m-notes"})

    assert to_body(asked(adapter="notes"), config, "vllm")["model"] == "m-notes"
    with pytest.raises(ConfigError, match=r"adapter=other is not in lora. Declared adapters: notes"):
        to_body(asked(adapter="other"), config, "vllm")


@pytest.mark.parametrize(
    ("written", "url", "is_here"),
    [
        (None, "https://api.openai.com/v1", False),
        ("gpu-box:8000", "http://gpu-box:8000/v1", False),
        ("10.0.0.7", "http://10.0.0.7/v1", False),
        ("localhost:8000", "http://localhost:8000/v1", True),
        ("127.0.0.1:8000/", "http://127.0.0.1:8000/v1", True),
        ("http://[::1]:8000", "http://[::1]:8000/v1", True),
        ("http://GPU-box:8000/v1/", "http://gpu-box:8000/v1", False),
        ("api.example.com", "https://api.example.com/v1", False),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1", False),
        ("http://h:1/v1/chat/completions", "http://h:1/v1", False),
        ("http://localhost.example.com/v1", "http://localhost.example.com/v1", False),
    ],
)
def test_addresses_are_read_as_people_write_them(written: str | None, url: str, is_here: bool) -> None:
    address = parse_address(written)

    assert (address.url, address.is_here) == (url, is_here)


def test_azure_keeps_its_path_and_query() -> None:
    address = parse_address("https://n.openai.azure.com/openai/deployments/d?api-version=2024-10-21")

    assert address.url == "https://n.openai.azure.com/openai/deployments/d"
    assert (address.query, address.service) == ((("api-version", "2024-10-21"),), "azure")


@pytest.mark.parametrize("bad", ["ftp://host", "http://", "http://user:sk-secret@host/v1", "http://h:port/v1", "a b"])
def test_an_address_that_is_none_is_one_sentence_without_passwords(bad: str) -> None:
    with pytest.raises(ValidationError, match="base_url") as caught:
        APIConfig(model="m", base_url=bad)

    reasons = [problem["msg"] for problem in caught.value.errors()]
    assert "sk-secret" not in str(reasons)


@pytest.mark.parametrize(
    ("base_url", "variable", "is_sent"),
    [
        (None, "OPENAI_API_KEY", True),
        ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", True),
        ("https://openrouter.ai/api/v1", "OPENAI_API_KEY", False),
        ("https://n.openai.azure.com/openai/v1", "AZURE_OPENAI_API_KEY", True),
        ("https://api.openai.com.evil.example/v1", "OPENAI_API_KEY", False),
        ("gpu-box:8000", "OPENAI_API_KEY", False),
    ],
)
def test_a_key_goes_to_whom_it_belongs(
    monkeypatch: pytest.MonkeyPatch, base_url: str | None, variable: str, is_sent: bool
) -> None:
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "sk-1")

    key = APIConfig(model="m", base_url=base_url).find_key()

    assert (key == SecretStr("sk-1")) is is_sent


def test_a_missing_key_is_named_before_any_page(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai", reason="check() looks for openai first")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("MY_KEY", raising=False)

    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set"):
        APIConfig(model="m").check()
    with pytest.raises(ConfigError, match="MY_KEY is not set"):
        APIConfig(model="m", base_url="gpu-box:8000", api_key_env="MY_KEY").check()


def test_offline_refuses_all_but_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai", reason="check() looks for openai too")
    monkeypatch.setenv("OMNIPIPE_OFFLINE", "1")

    APIConfig(model="m", base_url="localhost:8000").check()
    with pytest.raises(ConfigError, match="--offline: RemoteVLLMConfig sends pages to gpu-box"):
        RemoteVLLMConfig(model="m", base_url="gpu-box:8000").check()


def test_where_pages_go_is_said_unless_they_stay() -> None:
    assert APIConfig(model="m").privacy_note == "API backend: pages leave this machine and go to api.openai.com."
    assert APIConfig(model="m", base_url="localhost:1").privacy_note is None


def test_settings_of_operation_do_not_change_the_hash() -> None:
    plain = result_settings(APIConfig(model="m"))
    other = APIConfig(model="m", base_url="gpu-box:8000", api_key=SecretStr("k"), requests_per_minute=3, max_retries=9)

    assert result_settings(other) == plain
    assert result_settings(APIConfig(model="m", extra_body={"a": 1})) != plain
    assert result_settings(APIConfig(model="m", flavour="vllm")) != plain


@pytest.mark.parametrize(("limit", "per_second"), [("10/s", 10), ("600/min", 10), ("0.5 / second", 0.5), ("6/m", 0.1)])
def test_rates_are_read_as_people_write_them(limit: str, per_second: float) -> None:
    assert APIConfig(model="m", rate_limit=limit).max_requests_per_second == pytest.approx(per_second)


def test_a_bare_rate_counts_minutes_and_says_so() -> None:
    with pytest.warns(DeprecationWarning, match="Write requests_per_minute"):
        config = APIConfig(model="m", rate_limit=60)

    assert config.max_requests_per_second == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate_limit": "fast"}, "rate_limit='fast' is no rate"),
        ({"rate_limit": "0/s"}, "is no rate"),
        ({"rate_limit": "1/s", "requests_per_minute": 2}, "both limit requests"),
        ({"min_concurrency": 9, "max_concurrency": 3}, "min_concurrency=9 is over max_concurrency=3"),
        ({"timeout": 3, "request_timeout": 4}, "request_timeout is given twice"),
        ({"input_price": 1.0}, "belong together"),
        ({"api_key": "**********"}, "masked"),
        ({"base_uri": "x"}, "base_uri"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        APIConfig.model_validate({"model": "m", **settings})


def test_other_tools_names_are_understood() -> None:
    config = RemoteVLLMConfig.model_validate(
        {"model_name": "m", "timeout": 60, "remote_params": {"api_url": "http://your-server:8000", "max_retries": 3}}
    )

    assert (config.model, config.request_timeout, config.max_retries) == ("m", 60, 3)
    assert config.address.url == "http://your-server:8000/v1"


def test_engines_at_work_together_share_the_limits() -> None:
    config = APIConfig(model="m", rate_limit="600/min", tokens_per_minute=900, max_concurrency=64)

    share = config.shared_by(3)

    assert share.max_requests_per_second == pytest.approx(10 / 3)
    assert (share.tokens_per_minute, share.max_concurrency) == (300, 21)
    assert result_settings(share) == result_settings(config)


@pytest.mark.parametrize(
    ("preset", "flavour", "host"),
    [
        (RemoteVLLMConfig(model="m"), "vllm", "localhost"),
        (SGLangConfig(model="m"), "sglang", "localhost"),
        (LlamaCppServerConfig(model="m"), "llamacpp", "localhost"),
        (OpenAIConfig(model="m"), "openai", "api.openai.com"),
        (OpenRouterConfig(model="m"), "openrouter", "openrouter.ai"),
        (AzureOpenAIConfig(model="m", base_url="https://n.openai.azure.com/openai/v1"), "openai", "n.openai.azure.com"),
    ],
)
def test_presets_know_their_server(preset: APIConfig, flavour: Flavour, host: str) -> None:
    assert (preset.known_flavour, preset.address.host) == (flavour, host)
    assert preset.supports == SUPPORTED[flavour]


def test_what_a_config_supports_follows_its_flavour() -> None:
    def supported(config: EngineConfig | type[EngineConfig]) -> bool:
        return "repetition_penalty" in config.supports

    assert not supported(APIConfig)
    assert not supported(APIConfig(model="m"))
    assert supported(RemoteVLLMConfig)
    assert supported(APIConfig(model="m", flavour="vllm"))
    assert supported(APIConfig(model="m", base_url="gpu-box:8000"))
    lacking = find_unsupported(GenerationParams(min_p=0.1), APIConfig(model="m").supports, "API")
    assert [entry.message for entry in lacking] == ["decoder.min_p not supported by API. Use top_p instead."]


def test_sglang_listens_where_its_guide_says() -> None:
    assert SGLangConfig(model="m").address.url == "http://localhost:6864/v1"


def test_prices_are_by_the_token_and_cached_ones_are_cheaper() -> None:
    price = Price(2.0, 8.0, 0.5)

    assert price.cost(1000, 100) == pytest.approx(0.0028)
    assert price.cost(1000, 100, cached_tokens=600) == pytest.approx((400 * 2 + 600 * 0.5 + 100 * 8) / 1e6)


def test_prices_are_known_for_openai_alone() -> None:
    assert find_openai_price("gpt-4o-mini-2024-07-18") == Price(0.15, 0.6, 0.075)
    assert find_openai_price("gpt-4o-mini-else") is None
    assert APIConfig(model="gpt-4o").price is not None
    assert APIConfig(model="gpt-4o", base_url="gpu-box:8000").price is None
    assert APIConfig(model="x", base_url="gpu-box:8000", input_price=1, output_price=2).price == Price(1, 2)
