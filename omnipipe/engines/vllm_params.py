"""Our generation parameters in vLLM's words."""

from __future__ import annotations

from collections.abc import Mapping

from omnipipe.engines.repetition import MAX_PATTERN_TOKENS, MIN_COUNT
from omnipipe.generation import GenerationParams

SUPPORTED = frozenset(GenerationParams.model_fields) - {"no_repeat_ngram_size"}
"""The fields of `GenerationParams` that vLLM honours."""

_REPETITION: Mapping[str, int] = {
    "max_pattern_size": MAX_PATTERN_TOKENS,
    "min_pattern_size": 1,
    "min_count": MIN_COUNT,
}


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
        "repetition_detection": _REPETITION if params.stop_on_repetition else None,
    }
