"""Settings and environment variables that users of other tools know: the names work, and the defaults are these."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from omnipipe.engines.presets import AzureOpenAIConfig, OpenRouterConfig
from omnipipe.tasks.text_extraction.registry import find_config

DEFAULTS = [
    ("PyTorch", {"model": "Qwen/Qwen3-VL-2B-Instruct", "device_map": None, "use_flash_attention": False}),
    ("PyTorch", {"device": "auto", "torch_dtype": "auto", "trust_remote_code": False, "quantization": None}),
    ("VLLM", {"model": "Qwen/Qwen3-VL-8B-Instruct", "tensor_parallel_size": 1, "gpu_memory_utilization": 0.9}),
    ("VLLM", {"max_model_len": 8192, "dtype": "auto", "enforce_eager": False}),
    ("MLX", {"dtype": "auto", "quantization": None, "max_model_len": 8192}),
    ("API", {"base_url": None, "api_key": None, "rate_limit": None}),
]

TAKEN = [
    ("PyTorch", {"device": "cuda", "torch_dtype": "bfloat16", "device_map": "auto", "trust_remote_code": True}),
    ("PyTorch", {"device": "mps", "torch_dtype": "float16", "use_flash_attention": True}),
    ("PyTorch", {"device": "cpu", "torch_dtype": "float32", "model": "Qwen/Qwen3-VL-32B-Instruct"}),
    ("VLLM", {"tensor_parallel_size": 4, "gpu_memory_utilization": 0.95, "enforce_eager": True, "dtype": "auto"}),
    ("MLX", {"quantization": "4bit", "max_model_len": 4096, "dtype": "float16"}),
    ("MLX", {"quantization": "8bit", "model": "mlx-community/Qwen3-VL-8B-Instruct-8bit"}),
    ("API", {"model": "gpt-4-vision", "base_url": "https://api.openai.com/v1", "rate_limit": "10/min"}),
]

REFUSED = [
    ("PyTorch", {"device": "tpu"}, "device"),
    ("PyTorch", {"quantization": "3bit"}, "quantization"),
    ("PyTorch", {"model": "Qwen/Qwen3-VL-7B-Instruct"}, "no size 7B"),
    ("VLLM", {"tensor_parallel_size": 0}, "tensor_parallel_size"),
    ("VLLM", {"gpu_memory_utilization": 1.5}, "gpu_memory_utilization"),
    ("MLX", {"quantization": "2bit"}, "quantization"),
    ("API", {"rate_limit": "10/fortnight"}, "is no rate. Write"),
    ("API", {"base_url": "ftp://server"}, "base_url"),
]


def qwen(backend: str, **settings: Any) -> Any:
    """The pair of Qwen and `backend` with `settings`."""
    return find_config(f"QwenText{backend}Config").model_validate(settings)


@pytest.mark.parametrize(("backend", "defaults"), DEFAULTS)
def test_defaults_are_the_documented_ones(backend: str, defaults: dict[str, Any]) -> None:
    config = qwen(backend)

    assert {name: getattr(config, name) for name in defaults} == defaults


@pytest.mark.parametrize(("backend", "settings"), TAKEN)
def test_promised_settings_are_taken(backend: str, settings: dict[str, Any]) -> None:
    config = qwen(backend, **settings)

    assert {name: getattr(config, name) for name in settings} == settings


@pytest.mark.parametrize(("backend", "settings", "words"), REFUSED)
def test_wrong_settings_are_refused_by_name(backend: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        qwen(backend, **settings)


@pytest.mark.parametrize("backend", ["PyTorch", "VLLM", "MLX", "API"])
@pytest.mark.parametrize("name", ["max_tokens", "max_new_tokens", "max_output_tokens"])
def test_every_backend_takes_the_length_of_an_answer_under_each_name(backend: str, name: str) -> None:
    assert qwen(backend, **{name: 2048}).generation.max_tokens == 2048


def test_a_timeout_is_in_seconds() -> None:
    assert qwen("API", timeout=60).request_timeout == 60


def test_keys_come_from_the_environment_of_their_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "AZURE_OPENAI_API_KEY", "MINE"):
        monkeypatch.setenv(name, f"key of {name}")
    configs = {
        "OPENAI_API_KEY": qwen("API"),
        "OPENROUTER_API_KEY": OpenRouterConfig(model="m"),
        "AZURE_OPENAI_API_KEY": AzureOpenAIConfig(model="m", base_url="https://x.openai.azure.com/openai/v1"),
        "MINE": qwen("API", api_key_env="MINE"),
    }

    found = {name: config.find_key().get_secret_value() for name, config in configs.items()}

    assert found == {name: f"key of {name}" for name in configs}
    assert qwen("API", api_key="given").find_key().get_secret_value() == "given"
    assert qwen("API", base_url="http://gpu-box:8000").find_key() is None


@pytest.mark.parametrize("given", ["http://your-server:8000", "your-server:8000", "http://your-server:8000/v1/"])
def test_a_bare_host_is_an_address(given: str) -> None:
    assert qwen("API", base_url=given).address.url == "http://your-server:8000/v1"


def test_a_rate_without_a_unit_counts_a_minute_and_says_so() -> None:
    with pytest.warns(DeprecationWarning, match=r"rate_limit=10 counts requests a minute\. Write requests_per_minute"):
        bare = qwen("API", rate_limit=10)

    assert bare.max_requests_per_second == pytest.approx(10 / 60)
    assert qwen("API", rate_limit="10/s").max_requests_per_second == 10
    assert qwen("API", requests_per_minute=600).max_requests_per_second == 10
