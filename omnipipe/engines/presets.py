"""Settings that go together: little memory on any engine, and the API engine set up for the servers that people name.

A pair with a family is one more class: `class MyVLLMConfig(RemoteVLLMConfig): family = QwenText(); model: str = "..."`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from omnipipe.config import operation
from omnipipe.engines.api import APIConfig
from omnipipe.engines.api_flavour import Flavour

# bfloat16 is as small as float16, and does not overflow in models that were trained in it.
LOW_MEMORY: Mapping[str, object] = {"torch_dtype": "bfloat16", "dtype": "bfloat16", "batch_size": 1, "max_num_seqs": 4}
"""What `--preset low-memory` sets where an engine has such a setting."""

LOW_MEMORY_MAX_TOKENS = 2048


class RemoteVLLMConfig(APIConfig):
    """A server started with `vllm serve` (RemoteVLLMInferenceEngine elsewhere)."""

    flavour: Flavour | None = Field("vllm", description="What the server understands beyond OpenAI's interface.")
    base_url: str | None = operation("http://localhost:8000/v1", description="The server, as URL or host:port.")
    max_concurrency: int = operation(256, ge=1, description="Requests at once at most; found by trying.")


class SGLangConfig(APIConfig):
    """A server started with `sglang serve` (SGLangInferenceEngine elsewhere)."""

    flavour: Flavour | None = Field("sglang", description="What the server understands beyond OpenAI's interface.")
    base_url: str | None = operation("http://localhost:6864/v1", description="The server, as URL or host:port.")
    max_concurrency: int = operation(256, ge=1, description="Requests at once at most; found by trying.")


class LlamaCppServerConfig(APIConfig):
    """llama.cpp's own server, or that of llama-cpp-python; it works on few requests at once."""

    flavour: Flavour | None = Field("llamacpp", description="What the server understands beyond OpenAI's interface.")
    base_url: str | None = operation("http://localhost:8080/v1", description="The server, as URL or host:port.")
    max_concurrency: int = operation(4, ge=1, description="Requests at once at most; found by trying.")


class OpenAIConfig(APIConfig):
    """OpenAI itself; the key is in OPENAI_API_KEY."""


class OpenRouterConfig(APIConfig):
    """OpenRouter, which passes requests on to others; the key is in OPENROUTER_API_KEY."""

    flavour: Flavour | None = Field("openrouter", description="What the server understands.")
    base_url: str | None = operation("https://openrouter.ai/api/v1", description="The server, as URL.")


class AzureOpenAIConfig(APIConfig):
    """OpenAI's models on Azure; the key is in AZURE_OPENAI_API_KEY and goes in the header api-key.

    `base_url` is `https://NAME.openai.azure.com/openai/v1`, or the older one of a deployment with its api-version:
    `https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=2024-10-21`.
    """

    flavour: Flavour | None = Field("openai", description="What the server understands beyond OpenAI's interface.")
    base_url: str = operation(description="The resource's URL.")
    api_key_env: str | None = operation("AZURE_OPENAI_API_KEY", description="Name of the variable that has the key.")
    key_header: Literal["authorization", "api-key"] | None = operation("api-key", description="The key's header.")
