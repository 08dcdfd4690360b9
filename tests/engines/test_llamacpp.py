"""llama.cpp in this process, on the tiny reader as GGUF files. It has no wheel: without the module all is skipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omnipipe.engines.llamacpp import LlamaCppConfig
from omnipipe.engines.llamacpp_choice import Step, to_steps
from omnipipe.engines.thread import EngineThread
from omnipipe.errors import ConfigError
from omnipipe.generation import GenerationParams
from omnipipe.model import ImagePart, Message, Request, TextPart
from omnipipe.page import ProblemError
from tests.engines.contract import READ, EngineContract, answer, opened, pixels_of_png, read_request, white_request
from tests.engines.gguf import GGUF, tiny_gguf
from tests.tiny_reader import png_of_page, random_pages

llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed (it has no wheel)")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> GGUF:
    return tiny_gguf(tmp_path_factory.mktemp("gguf"), "f32")


@pytest.fixture(scope="module")
def engine(files: GGUF) -> Iterator[EngineThread]:
    with opened(LlamaCppConfig(model=str(files.model), mmproj=str(files.mmproj), n_threads=1)) as thread:
        yield thread


class TestLlamaCpp(EngineContract):
    # A token takes a tenth of a millisecond.
    long_params = GenerationParams(max_tokens=8000, min_tokens=8000, stop_on_repetition=False)


def test_half_precision_reads_as_well(tmp_path: Path) -> None:
    files = tiny_gguf(tmp_path, "f16")
    texts = random_pages(64, seed=51)

    with opened(LlamaCppConfig(model=str(files.model), mmproj=str(files.mmproj), n_threads=1)) as engine:
        calls = [engine.submit(read_request(text)) for text in texts]
        said = [call.result(60).text for call in calls]

    # Measured: 63, and 64 with other pages.
    assert sum(one == text for one, text in zip(said, texts, strict=True)) >= 62


def test_the_picture_stands_where_the_template_puts_it(engine: EngineThread) -> None:
    """The reader's template writes words first; a picture that is sent last is read as well."""
    picture = ImagePart(pixels_of_png(png_of_page("Order\nof parts")))
    asked = [
        Request(id="order", messages=(Message("user", parts),), params=READ)
        for parts in ((picture, TextPart("Read.")), (TextPart("Read."), picture))
    ]

    first, second = (answer(engine, request) for request in asked)

    assert first.text == second.text == "Order\nof parts"
    assert first.prompt_tokens == second.prompt_tokens


def test_an_answer_can_be_bound_to_a_json_schema(engine: EngineThread) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "boolean"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    request = read_request("true", READ)

    completion = answer(engine, replace(request, response_schema=schema))

    assert isinstance(json.loads(completion.text)["a"], bool)
    assert completion.finish_reason == "stop"


def test_sampling_with_a_seed_repeats(engine: EngineThread) -> None:
    """On a picture that the reader cannot know, so that it is unsure."""
    unknown = white_request(512, 512)

    said = [
        answer(engine, replace(unknown, params=READ.with_(temperature=2.0, seed=seed))).token_ids for seed in (7, 7, 8)
    ]

    assert said[0] == said[1]
    assert said[0] != said[2]


_SEEDED = Step("dist", (7,))


@pytest.mark.parametrize(
    ("params", "steps"),
    [
        ({}, [Step("greedy")]),
        ({"temperature": 0.7}, [Step("temp", (0.7,)), _SEEDED]),
        ({"temperature": 1, "top_p": 0.8}, [Step("temp", (1,)), Step("top_p", (0.8, 1)), _SEEDED]),
        ({"temperature": 1, "top_k": 20}, [Step("temp", (1,)), Step("top_k", (20,)), _SEEDED]),
        ({"temperature": 1, "top_k": -1}, [Step("temp", (1,)), _SEEDED]),
        ({"temperature": 1, "min_p": 0.1}, [Step("temp", (1,)), Step("min_p", (0.1, 1)), _SEEDED]),
        ({"repetition_penalty": 1.05}, [Step("penalties", (320, 4096, 1.05, 0, 0)), Step("greedy")]),
        ({"presence_penalty": 0.5}, [Step("penalties", (320, 4096, 1, 0, 0.5)), Step("greedy")]),
        ({"frequency_penalty": -0.5}, [Step("penalties", (320, 4096, 1, -0.5, 0)), Step("greedy")]),
    ],
)
def test_parameters_become_samplers_of_the_installed_version(params: dict[str, float], steps: list[Step]) -> None:
    made = to_steps(GenerationParams.model_validate(params), n_vocab=320, n_ctx=4096, seed=7)

    assert made == steps
    for step in made:
        assert len(getattr(llama_cpp, f"llama_sampler_init_{step.name}").argtypes) == len(step.given)


def test_an_answer_does_not_end_before_min_tokens(engine: EngineThread) -> None:
    completion = answer(engine, read_request("Short", GenerationParams(max_tokens=40, min_tokens=30)))

    assert completion.completion_tokens is not None
    assert completion.completion_tokens > 30


def test_a_penalty_makes_tokens_that_came_rarer(engine: EngineThread) -> None:
    completion = answer(engine, read_request("aaaaaaaa", READ.with_(frequency_penalty=2.0, repetition_penalty=2.0)))

    assert completion.text.count("a") < 8


def test_without_a_projector_words_are_answered_and_pictures_refused(files: GGUF) -> None:
    with opened(LlamaCppConfig(model=str(files.model), n_threads=1)) as engine:
        words = Request(
            id="words", messages=(Message("user", (TextPart("Hi"),)),), params=GenerationParams(max_tokens=3)
        )
        assert answer(engine, words).completion_tokens is not None
        with pytest.raises(ProblemError, match="mmproj"):
            answer(engine, read_request("Picture"))


def test_a_file_that_is_not_there_is_named_before_any_page_is_read(files: GGUF) -> None:
    with pytest.raises(ConfigError, match=r"mmproj=nowhere\.gguf is not a file"):
        LlamaCppConfig(model=str(files.model), mmproj="nowhere.gguf").check()


def test_a_file_that_is_no_model_is_refused_at_opening(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("not a model")

    with (
        pytest.raises(ConfigError, match=r"cannot be loaded by llama\.cpp"),
        opened(LlamaCppConfig(model=str(tmp_path / "text.gguf"))),
    ):
        pass


def test_a_model_is_no_projector(files: GGUF) -> None:
    config = LlamaCppConfig(model=str(files.model), mmproj=str(files.model))

    with pytest.raises(ConfigError, match="is no vision projector"), opened(config):
        pass
