"""Our generation parameters in transformers' words, and that the installed transformers understands them."""

from __future__ import annotations

import warnings

import pytest

from omnipipe.engines.pytorch_params import SUPPORTED, samples_itself, to_generation
from omnipipe.generation import GenerationParams

transformers = pytest.importorskip("transformers", reason="the table is checked against the installed transformers")

ALWAYS = {
    "max_new_tokens": 100,
    "min_new_tokens": None,
    "num_beams": 1,
    "use_cache": True,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "eos_token_id": [7],
    "pad_token_id": 0,
}
SAMPLED: dict[str, object] = {"do_sample": True, "temperature": 0.7, "top_p": 1.0, "top_k": 0, "min_p": None}
TABLE: list[tuple[dict[str, object], dict[str, object]]] = [
    ({}, {"do_sample": False}),
    ({"temperature": 0.0, "top_p": 0.5, "top_k": 9, "min_p": 0.1}, {"do_sample": False}),
    ({"temperature": 0.7}, SAMPLED),
    ({"temperature": 0.7, "top_k": -1}, SAMPLED),
    (
        {"temperature": 0.7, "top_k": 20, "top_p": 0.8, "min_p": 0.05},
        {**SAMPLED, "top_k": 20, "top_p": 0.8, "min_p": 0.05},
    ),
    ({"temperature": 0.7, "seed": 3}, {"do_sample": False}),
    ({"min_new_tokens": 5}, {"do_sample": False, "min_new_tokens": 5}),
    ({"min_tokens": 500, "max_tokens": 600}, {"do_sample": False, "min_new_tokens": 100}),
    ({"repeat_penalty": 1.2}, {"do_sample": False, "repetition_penalty": 1.2}),
    ({"no_repeat_ngram_size": 4}, {"do_sample": False, "no_repeat_ngram_size": 4}),
    ({"stop_token_ids": (3, 7)}, {"do_sample": False, "eos_token_id": [3, 7]}),
    ({"stop": "END", "presence_penalty": 1.0, "frequency_penalty": 1.0, "logprobs": True}, {"do_sample": False}),
]


@pytest.mark.parametrize(("ours", "theirs"), TABLE)
def test_parameters_are_sent_in_full(ours: dict[str, object], theirs: dict[str, object]) -> None:
    sent = to_generation(GenerationParams.model_validate(ours), max_tokens=100, end_ids=[7], pad_id=0)

    assert sent == {**ALWAYS, **theirs}


@pytest.mark.parametrize("ours", [ours for ours, _ in TABLE])
def test_the_installed_transformers_knows_every_name_and_warns_of_none(ours: dict[str, object]) -> None:
    sent = to_generation(GenerationParams.model_validate(ours), max_tokens=100, end_ids=[7], pad_id=0)

    assert sent.keys() <= transformers.GenerationConfig().to_dict().keys()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transformers.GenerationConfig(**sent).validate(strict=True)


def test_only_seeded_sampling_is_done_by_ourselves() -> None:
    assert samples_itself(GenerationParams(temperature=0.5, seed=1))
    assert not samples_itself(GenerationParams(temperature=0.5))
    assert not samples_itself(GenerationParams(seed=1))


def test_every_parameter_is_honoured() -> None:
    assert frozenset(GenerationParams.model_fields) == SUPPORTED
