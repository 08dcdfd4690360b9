"""Our generation parameters in vLLM's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from omnipipe.generation import GenerationParams

SUPPORTED = frozenset(GenerationParams.model_fields) - {"no_repeat_ngram_size"}
"""The fields of `GenerationParams` that vLLM honours."""


class Repetition(NamedTuple):
    """An answer loops when its last tokens are one pattern of `min_size` to `max_size` tokens `times` over."""

    max_size: int
    min_size: int
    times: int


# A table of forty empty cells or a line of dots is no loop: fewer repeats would end it.
REPETITION = Repetition(max_size=64, min_size=1, times=32)


def to_sampling(params: GenerationParams) -> dict[str, object]:
    """The keyword arguments of vLLM's `SamplingParams`; all are named, because its own defaults are others.

    `repetition_detection` is a mapping of its constructor's arguments, or None.
    """
    return {
        "max_tokens": params.max_tokens,
        "min_tokens": min(params.min_tokens, params.max_tokens),
        "temperature": params.temperature,
        "top_p": params.top_p,
        "top_k": params.top_k,
        "min_p": params.min_p,
        "repetition_penalty": params.repetition_penalty,
        "presence_penalty": params.presence_penalty,
        "frequency_penalty": params.frequency_penalty,
        "seed": params.seed,
        "stop": list(params.stop),
        "stop_token_ids": list(params.stop_token_ids),
        # 0 reports the chosen token alone.
        "logprobs": 0 if params.logprobs else None,
        "repetition_detection": _repetition() if params.stop_on_repetition else None,
    }


def _repetition() -> Mapping[str, int]:
    return {
        "max_pattern_size": REPETITION.max_size,
        "min_pattern_size": REPETITION.min_size,
        "min_count": REPETITION.times,
    }
