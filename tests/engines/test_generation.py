"""One vocabulary of generation parameters: spellings of other tools, and what an engine cannot honour."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from omnipipe.engines.base import Capabilities, Engine, EngineConfig
from omnipipe.engines.registry import find_engine
from omnipipe.errors import ConfigError
from omnipipe.generation import ALIASES, GenerationParams, find_unsupported, known_names, weigh


class _Settings(EngineConfig):
    """The fields that sections of other tools are about; it answers nothing."""

    engine: ClassVar[str] = "none"
    label: ClassVar[str] = "None"
    capabilities: ClassVar[Capabilities] = Capabilities()

    model: str = "m"

    def build(self) -> Engine:
        raise NotImplementedError


class Batched(_Settings):
    """As an engine with batches of its own."""

    label: ClassVar[str] = "PyTorch"
    torch_dtype: str = "auto"
    device_map: str | None = None
    quantization: str | None = None
    batch_size: int = Field(8, ge=1)
    batch_strategy: str = "static"


class Continuous(_Settings):
    """As an engine that batches by itself."""

    label: ClassVar[str] = "vLLM"
    dtype: str = "auto"
    max_num_seqs: int = 256
    tensor_parallel_size: int = 1


PLAIN = {
    "max_tokens": st.integers(1, 10**6),
    "min_tokens": st.integers(0, 10**6),
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0.01, 1),
    "top_k": st.integers(0, 1000),
    "min_p": st.floats(0, 1),
    "repetition_penalty": st.floats(0.1, 2),
    "seed": st.integers(0, 2**31),
    "stop": st.lists(st.text(min_size=1), max_size=3).map(tuple),
}
SPELLINGS = {ours: sorted({ours, *(theirs for theirs, named in ALIASES.items() if named == ours)}) for ours in PLAIN}


@st.composite
def spelled(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Some parameters under our names, and the same under spellings drawn at random."""
    plain = draw(st.fixed_dictionaries({}, optional=PLAIN))
    return plain, {draw(st.sampled_from(SPELLINGS[name])): value for name, value in plain.items()}


@given(spelled())
def test_every_spelling_means_the_same(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    plain, theirs = both

    assert GenerationParams.model_validate(theirs) == GenerationParams(**plain)


@given(spelled(), st.sampled_from(["flat", "generation", "decoder"]))
def test_a_config_takes_parameters_flat_and_in_either_section(
    both: tuple[dict[str, Any], dict[str, Any]], place: str
) -> None:
    plain, theirs = both

    config = Continuous.model_validate(theirs if place == "flat" else {place: theirs})

    assert config.generation == GenerationParams(**plain)


@given(spelled())
def test_parameters_survive_a_round_trip(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    params = GenerationParams.model_validate(both[1])

    assert GenerationParams.model_validate(params.model_dump(mode="json")) == params
    assert params.with_() == params


@given(spelled(), st.sets(st.sampled_from(sorted(GenerationParams.model_fields))))
def test_exactly_what_is_changed_and_lacking_is_named(
    both: tuple[dict[str, Any], dict[str, Any]], supports: set[str]
) -> None:
    params = GenerationParams.model_validate(both[1])

    named = {entry.name for entry in find_unsupported(params, supports, "X")}

    assert named == params.changed() - supports - {"max_tokens", "temperature"}


@pytest.mark.parametrize("top_k", [0, -1])
def test_top_k_of_0_and_of_minus_1_are_off(top_k: int) -> None:
    assert GenerationParams(top_k=top_k).top_k == 0


@pytest.mark.parametrize(
    ("asked", "temperature"),
    [
        ({"do_sample": False}, 0.0),
        ({"do_sample": False, "temperature": 0.7}, 0.0),
        ({"do_sample": True}, 1.0),
        ({"do_sample": True, "temperature": 0.7}, 0.7),
    ],
)
def test_do_sample_decides_about_the_temperature(asked: dict[str, Any], temperature: float) -> None:
    assert GenerationParams.model_validate(asked).temperature == temperature


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 9, "max_new_tokens": 8}, "max_tokens is given twice, also as max_new_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_k": -2}, "top_k"),
        ({"top_p": 0}, "top_p"),
        ({"do_sample": "false"}, "do_sample=false is neither true nor false"),
        ({"beam_width": 4}, "beam_width"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        GenerationParams.model_validate(asked)


def test_the_promised_sentence_names_the_replacement() -> None:
    params = GenerationParams(no_repeat_ngram_size=3)

    plain = find_unsupported(params, {"top_p"}, "vLLM")
    ending = find_unsupported(params, {"top_p"}, "vLLM", stops_repetition=True)

    promised = "decoder.no_repeat_ngram_size not supported by vLLM. Use repetition_penalty instead."
    assert plain == [("no_repeat_ngram_size", promised)]
    assert ending[0].message == f"{promised} Answers that loop are ended in any case (stop_on_repetition)."


def test_every_parameter_that_may_be_lacking_has_a_way_out() -> None:
    names = set(GenerationParams.model_fields) - {"max_tokens", "temperature", "stop_on_repetition"}
    other = {"seed": 1, "stop": "x", "stop_token_ids": [1], "logprobs": True, "top_k": 5, "min_tokens": 1}
    params = GenerationParams.model_validate(
        {name: other.get(name, 0.5) for name in names} | {"no_repeat_ngram_size": 2}
    )

    found = find_unsupported(params, set(), "X")

    assert {entry.name for entry in found} == names
    assert all(entry.message.count(".") >= 2 for entry in found)


def test_warnings_are_shown_ignored_or_errors() -> None:
    found = find_unsupported(GenerationParams(min_p=0.1, seed=1), set(), "X")

    assert weigh(found) == tuple(entry.message for entry in found)
    assert weigh(found, ignore=True) == ()
    assert weigh([], strict=True) == ()
    with pytest.raises(ConfigError, match=r"decoder\.min_p not supported by X.*decoder\.seed not supported by X"):
        weigh(found, strict=True)


@pytest.mark.parametrize(
    ("config", "asked", "wanted"),
    [
        (Batched, {"model_name": "x"}, {"model": "x"}),
        (Batched, {"fp_precision": "float16"}, {"torch_dtype": "float16"}),
        (Batched, {"dtype": "float16"}, {"torch_dtype": "float16"}),
        (Continuous, {"torch_dtype": "float16"}, {"dtype": "float16"}),
        (Batched, {"quantization": {"load_in_4bit": True}}, {"quantization": "4bit"}),
        (Batched, {"quantization": {"load_in_8bit": True, "load_in_4bit": False}}, {"quantization": "8bit"}),
        (Batched, {"quantization": "8bit"}, {"quantization": "8bit"}),
        (
            Batched,
            {"batching": {"batch_size": 4, "strategy": "dynamic"}},
            {"batch_size": 4, "batch_strategy": "dynamic"},
        ),
        (Batched, {"sharding": {"strategy": "tensor_parallel", "num_gpus": 2}}, {"device_map": "auto"}),
        (Continuous, {"batching": {"batch_size": 4, "strategy": "continuous"}}, {"max_num_seqs": 4}),
        (Continuous, {"sharding": {"strategy": "tensor_parallel", "num_gpus": 2}}, {"tensor_parallel_size": 2}),
        (Continuous, {"sharding": {"strategy": "none"}}, {"tensor_parallel_size": 1}),
    ],
)
def test_nested_settings_of_other_tools_are_ours(
    config: type[EngineConfig], asked: dict[str, Any], wanted: dict[str, Any]
) -> None:
    made = config.model_validate(asked)

    assert {name: getattr(made, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("config", "asked", "words"),
    [
        (Continuous, {"decoder": {"temprature": 1}}, r"decoder\.temprature"),
        (Continuous, {"decoder": {"temperature": 1}, "temperature": 1}, "temperature is given twice"),
        (Continuous, {"decoder": {"max_new_tokens": 1}, "generation": {"max_tokens": 2}}, "max_tokens is given twice"),
        (Continuous, {"quantization": {"load_in_4bit": True}}, r"quantization\.load_in_4bit not supported by vLLM"),
        (Continuous, {"quantization": {"bits": 4}}, r"quantization\.bits"),
        (Batched, {"quantization": {"load_in_4bit": True, "load_in_8bit": True}}, "exclude each other"),
        (Batched, {"batching": {"batch_size": 4}, "batch_size": 5}, r"as batching\.batch_size and batch_size"),
        (Continuous, {"batching": {"strategy": "dynamic"}}, r"batching\.strategy=dynamic not supported by vLLM"),
        (Continuous, {"batching": {"depth": 4}}, r"batching\.depth"),
        (Continuous, {"sharding": {"strategy": "fsdp"}}, "Use tensor_parallel or none"),
        (Continuous, {"sharding": {"strategy": "tensor_parallel"}}, r"sharding\.num_gpus is missing"),
        (_Settings, {"sharding": {"num_gpus": 2}}, "sharding not supported by None"),
        (_Settings, {"model_name": "a", "model": "b"}, "model is given twice, as model_name and model"),
    ],
)
def test_nested_settings_that_mean_nothing_are_refused_by_their_path(
    config: type[EngineConfig], asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        config.model_validate(asked)


def test_the_names_that_are_understood_are_ours_and_the_aliases() -> None:
    assert set(ALIASES.values()) <= set(GenerationParams.model_fields) <= known_names()


@pytest.mark.parametrize(
    ("name", "asked", "wanted"),
    [
        ("pytorch", {"model_name": "m", "fp_precision": "float16"}, {"model": "m", "torch_dtype": "float16"}),
        ("pytorch", {"quantization": {"load_in_8bit": True}}, {"quantization": "8bit"}),
        (
            "pytorch",
            {"batching": {"batch_size": 4, "strategy": "static"}},
            {"batch_size": 4, "batch_strategy": "static"},
        ),
        ("pytorch", {"sharding": {"strategy": "tensor_parallel", "num_gpus": 2}}, {"device_map": "auto"}),
        ("vllm", {"fp_precision": "bfloat16"}, {"dtype": "bfloat16"}),
        ("vllm", {"quantization": {"load_in_4bit": True}}, {"quantization": "4bit"}),
        ("vllm", {"batching": {"batch_size": 4}}, {"max_num_seqs": 4}),
        ("vllm", {"sharding": {"strategy": "tensor_parallel", "num_gpus": 2}}, {"tensor_parallel_size": 2}),
        ("mlx", {"quantization": {"load_in_4bit": True}}, {"quantization": "4bit"}),
        ("api", {"api_url": "http://s:8000", "max_retries": 3}, {"base_url": "http://s:8000", "max_retries": 3}),
        ("api", {"batching": {"batch_size": 9, "strategy": "continuous"}}, {"max_concurrency": 9}),
        ("llamacpp", {"model_kwargs": {"n_gpu_layers": 0, "n_ctx": 2048}}, {"n_gpu_layers": 0, "n_ctx": 2048}),
    ],
)
def test_the_real_engines_take_other_tools_settings(name: str, asked: dict[str, Any], wanted: dict[str, Any]) -> None:
    config = find_engine(name).model_validate({"model": "m", **asked} if "model_name" not in asked else asked)

    assert {field: getattr(config, field) for field in wanted} == wanted


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("vllm", {"quantization": {"load_in_8bit": True}}, "use 4-bit or pre-quantized GPTQ/AWQ models"),
        ("api", {"quantization": {"load_in_4bit": True}}, r"quantization\.load_in_4bit not supported by API"),
        ("vllm", {"batching": {"strategy": "static"}}, r"batching\.strategy=static not supported by vLLM"),
        ("llamacpp", {"sharding": {"num_gpus": 2}}, r"sharding not supported by llama\.cpp"),
        ("llamacpp", {"model_kwargs": {"n_gpus": 2}}, r"model_kwargs\.n_gpus"),
    ],
)
def test_what_a_real_engine_cannot_do_is_refused_by_name(name: str, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        find_engine(name).model_validate({"model": "m", **asked})


@pytest.mark.parametrize("name", ["vllm", "llamacpp", "remote-vllm"])
def test_the_promised_warning_names_the_engine(name: str) -> None:
    config = find_engine(name).model_validate({"model": "m", "no_repeat_ngram_size": 3})

    found = find_unsupported(config.generation, config.supports, config.label)

    expected = f"decoder.no_repeat_ngram_size not supported by {config.label}. Use repetition_penalty instead."
    assert [entry.message for entry in found] == [expected]


def test_pytorch_honours_what_vllm_lacks() -> None:
    config = find_engine("pytorch").model_validate({"model": "m", "decoder": {"no_repeat_ngram_size": 3, "min_p": 0.1}})

    assert find_unsupported(config.generation, config.supports, config.label) == []
