"""What servers understand beyond OpenAI's own interface, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Generic, Literal, TypeVar

from omnipipe.engines.base import Capabilities

Flavour = Literal["openai", "openrouter", "vllm", "sglang", "llamacpp"]

_OPENAI = frozenset(
    {"max_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "logprobs"}
)
_WIDE = _OPENAI | {"top_k", "min_p", "repetition_penalty"}
_VLLM = _WIDE | {"min_tokens", "stop_token_ids", "stop_on_repetition"}

SUPPORTED: Mapping[Flavour, frozenset[str]] = {
    "openai": _OPENAI,
    "openrouter": _WIDE,
    "vllm": _VLLM,
    "sglang": _VLLM - {"stop_on_repetition"},
    "llamacpp": _WIDE,
}
"""The generation parameters that a server of each flavour honours."""

_REMOTE = Capabilities(
    continuous_batching=True, streaming=True, vision=True, cpu=True, structured_output=True, logprobs=True
)
_OWN_SERVER = Capabilities(
    continuous_batching=True,
    tensor_parallelism=True,
    lora=True,
    quantization_4bit=True,
    quantization_8bit=True,
    prefix_caching=True,
    streaming=True,
    vision=True,
    cpu=True,
    structured_output=True,
    logprobs=True,
)
_VLLM_SERVER = replace(_OWN_SERVER, repetition_stop=True)

CAPABILITIES: Mapping[Flavour, Capabilities] = {
    "openai": _REMOTE,
    "openrouter": _REMOTE,
    "vllm": _VLLM_SERVER,
    "sglang": _OWN_SERVER,
    "llamacpp": Capabilities(gguf=True, streaming=True, vision=True, cpu=True, structured_output=True),
}
"""What a server of each flavour can do, tensor parallelism and the like by its own start options."""

_OWNERS: Mapping[str, Flavour] = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llamacpp", "llama_cpp": "llamacpp"}


def flavour_of_owner(owned_by: str) -> Flavour:
    """The flavour of a server that lists its models as owned by `owned_by`."""
    return _OWNERS.get(owned_by.lower(), "openai")


T = TypeVar("T")


class ByFlavour(Generic[T]):
    """A class attribute whose value follows the config's flavour; asked of the class, that of its default flavour.

    Where the flavour is known only by asking the server, it is what vLLM's can do.
    """

    def __init__(self, table: Mapping[Flavour, T]) -> None:
        self._table = table

    def __get__(self, config: Any, owner: Any) -> T:
        if config is None:
            field = owner.__pydantic_fields__.get("flavour") if hasattr(owner, "__pydantic_fields__") else None
            return self._table[(field.default if field is not None else None) or "openai"]
        return self._table[config.known_flavour or "vllm"]
