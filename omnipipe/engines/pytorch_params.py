"""Our generation parameters in transformers' words."""

from __future__ import annotations

from collections.abc import Sequence

from omnipipe.generation import GenerationParams

SUPPORTED = frozenset(GenerationParams.model_fields)
"""The fields of `GenerationParams` that the engine honours: all, some by processors of its own."""


def to_generation(
    params: GenerationParams, *, max_tokens: int, end_ids: Sequence[int], pad_id: int
) -> dict[str, object]:
    """The keyword arguments of transformers' `GenerationConfig` for a batch of at most `max_tokens` tokens a row.

    Stop texts, loops, each row's own length, presence and frequency penalties and the mean log probability are the
    engine's own (`pytorch_rows`): transformers has none of them, or only for a whole batch.
    """
    return {
        "max_new_tokens": max_tokens,
        "min_new_tokens": min(params.min_tokens, max_tokens) or None,
        "num_beams": 1,
        "use_cache": True,
        "repetition_penalty": params.repetition_penalty,
        "no_repeat_ngram_size": params.no_repeat_ngram_size,
        "eos_token_id": sorted({*end_ids, *params.stop_token_ids}),
        "pad_token_id": pad_id,
        **_sampling(params),
    }


def samples_itself(params: GenerationParams) -> bool:
    """Whether the engine draws the tokens: transformers draws a whole batch from one random sequence.

    With a seed an answer must not depend on its neighbours.
    """
    return not params.is_greedy and params.seed is not None


def _sampling(params: GenerationParams) -> dict[str, object]:
    if params.is_greedy or samples_itself(params):
        # transformers warns of sampling parameters beside do_sample=False.
        return {"do_sample": False}
    return {
        "do_sample": True,
        "temperature": params.temperature,
        "top_p": params.top_p,
        # Left out it would be 50.
        "top_k": params.top_k,
        "min_p": params.min_p or None,
    }
