"""MLX on the tiny reader, by mlx-vlm's CPU build on Linux and on the device of a Mac."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omnipipe.engines.mlx import MLXConfig
from omnipipe.engines.mlx_choice import TokenChoice
from omnipipe.engines.mlx_load import load_model
from omnipipe.engines.thread import EngineThread
from omnipipe.errors import ConfigError
from omnipipe.generation import GenerationParams
from omnipipe.page import ProblemError
from omnipipe.tasks.text_extraction.qwen import QwenTextMLXConfig
from tests.engines.contract import READ, EngineContract, answer, opened, read_request, white_request
from tests.tiny_reader import CHECKPOINT, random_pages

pytest.importorskip("mlx_vlm", reason="mlx-vlm is not installed")


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineThread]:
    with opened(MLXConfig(model=str(CHECKPOINT), dtype="float32")) as thread:
        yield thread


class TestMLX(EngineContract):
    pass


def test_answers_written_together_are_those_written_alone(engine: EngineThread) -> None:
    texts = random_pages(12, seed=61)

    calls = [engine.submit(read_request(text)) for text in texts]
    together = [call.result(120).token_ids for call in calls]
    alone = [answer(engine, read_request(text)).token_ids for text in texts]

    assert together == alone


def test_each_answer_of_a_batch_has_its_own_parameters(engine: EngineThread) -> None:
    asked = [
        (GenerationParams(max_tokens=3), "Own"),
        (READ.with_(stop=("e",)), "Own p"),
        (READ.with_(stop_token_ids=(65,)), "Own p"),
        (READ.with_(temperature=1.5, top_k=1), "Own pages"),
        (READ.with_(logprobs=True), "Own pages"),
        (READ, "Own pages"),
    ]
    said = "Own pages"

    calls = [engine.submit(read_request(said, params)) for params, _ in asked]
    completions = [call.result(120) for call in calls]

    # 65 is the token of "b", which is no letter of the page.
    texts = [completion.text for completion in completions]
    assert texts == ["Own", "Own pag", *[said] * 4]
    assert [completion.logprob is not None for completion in completions] == [False] * 4 + [True, False]


def test_sampling_with_a_seed_repeats_whatever_is_written_beside_it(engine: EngineThread) -> None:
    """On a picture that the reader cannot know, so that it is unsure."""
    unknown = replace(white_request(512, 512), params=READ.with_(temperature=2.0, seed=7, max_tokens=20))
    others = [read_request(text, READ.with_(temperature=1.0)) for text in random_pages(5, seed=62)]

    alone = answer(engine, unknown)
    calls = [engine.submit(request) for request in [*others, unknown]]
    beside = [call.result(120) for call in calls][-1]
    other = answer(engine, replace(unknown, params=unknown.params.with_(seed=8)))

    assert alone.token_ids == beside.token_ids
    assert alone.token_ids != other.token_ids


def test_an_answer_that_loops_ends_as_repetition(engine: EngineThread) -> None:
    loops = READ.with_(max_tokens=400, min_tokens=400, frequency_penalty=-2.0, presence_penalty=-2.0)

    completion = answer(engine, read_request("aaaaaaaaaaa", loops))

    assert completion.finish_reason == "repetition"
    assert completion.completion_tokens is not None
    assert completion.completion_tokens < 400


def test_an_answer_can_be_bound_to_a_json_schema(engine: EngineThread) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "boolean"}},
        "required": ["a"],
        "additionalProperties": False,
    }

    completion = answer(engine, replace(read_request("true"), response_schema=schema))

    assert isinstance(json.loads(completion.text)["a"], bool)


def test_an_answer_can_be_bound_to_a_regular_expression(engine: EngineThread) -> None:
    completion = answer(engine, replace(read_request("abc"), response_regex="[0-9]{5}"))

    assert completion.text.isdigit()
    assert len(completion.text) == 5


def test_a_form_that_is_none_fails_alone(engine: EngineThread) -> None:
    with pytest.raises(ProblemError, match="response form is not valid"):
        answer(engine, replace(read_request("abc"), response_regex="[0-9"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "num_pages", "num_right"),
    [
        ({"dtype": "float16"}, 32, 32),
        ({"dtype": "bfloat16"}, 32, 31),
        # Quantised products are slow on a CPU; measured: 32 of 32 in both.
        ({"quantization": "8bit"}, 8, 8),
        ({"quantization": "4bit"}, 8, 7),
    ],
)
def test_lower_precision_reads_nearly_as_well(settings: dict[str, str], num_pages: int, num_right: int) -> None:
    texts = random_pages(num_pages, seed=63)

    with opened(MLXConfig.model_validate({"model": str(CHECKPOINT), **settings})) as engine:
        calls = [engine.submit(read_request(text)) for text in texts]
        said = [call.result(300).text for call in calls]

    assert sum(one == text for one, text in zip(said, texts, strict=True)) >= num_right


def test_transformers_stay_as_they_are_beside_it() -> None:
    """mlx-vlm replaces the processors of transformers for the whole process; a second loading needs them again."""
    transformers = pytest.importorskip("transformers")
    before = transformers.AutoProcessor.from_pretrained

    with opened(MLXConfig(model=str(CHECKPOINT))) as engine:
        assert answer(engine, read_request("Again")).text == "Again"
        assert transformers.AutoProcessor.from_pretrained == before


def test_quantising_makes_the_weights_smaller() -> None:
    sizes = [_num_bytes(quantization) for quantization in (None, "8bit", "4bit")]

    assert sizes[0] > 1.2 * sizes[1] > 1.2 * sizes[2]


def test_a_checkpoint_that_is_quantised_otherwise_is_refused(tmp_path: Path) -> None:
    _save_quantized(tmp_path / "quantised")

    with pytest.raises(ConfigError, match="quantised to 4bit already"):
        _load(tmp_path / "quantised", quantization="8bit")
    _load(tmp_path / "quantised", quantization="4bit")


def test_an_architecture_that_mlx_vlm_lacks_is_refused(tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINT, tmp_path / "other")
    config = tmp_path / "other" / "config.json"
    config.write_text(config.read_text().replace('"model_type": "qwen3_vl",', '"model_type": "no_such_model",', 1))

    with pytest.raises(ConfigError, match="cannot be loaded by mlx-vlm"):
        _load(tmp_path / "other")


def test_a_model_that_cannot_be_had_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(ConfigError, match="neither a folder nor a model that can be had"):
        _load(Path("nobody/no-such-model"))


def test_a_folder_without_a_checkpoint_is_refused_before_any_page_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not the folder of a checkpoint"):
        MLXConfig(model=str(tmp_path)).check()


@pytest.mark.parametrize(
    ("model", "quantization", "loaded"),
    [
        ("Qwen/Qwen3-VL-8B-Instruct", None, "Qwen/Qwen3-VL-8B-Instruct"),
        ("Qwen/Qwen3-VL-8B-Instruct-MLX", None, "mlx-community/Qwen3-VL-8B-Instruct-4bit"),
        ("Qwen/Qwen3-VL-8B-Instruct", "4bit", "mlx-community/Qwen3-VL-8B-Instruct-4bit"),
        ("Qwen/Qwen3-VL-8B-Instruct", "8bit", "Qwen/Qwen3-VL-8B-Instruct"),
        ("Qwen/Qwen3-VL-8B-of-mine", "4bit", "Qwen/Qwen3-VL-8B-of-mine"),
    ],
)
def test_a_conversion_that_exists_is_loaded_where_it_is_asked_for(
    model: str, quantization: str | None, loaded: str
) -> None:
    config = QwenTextMLXConfig.model_validate({"model": model, "quantization": quantization})

    assert config.repository == loaded


def test_closing_gives_the_memory_back() -> None:
    import mlx.core as mx

    before = mx.get_active_memory()
    with opened(MLXConfig(model=str(CHECKPOINT), dtype="float32")) as engine:
        answer(engine, read_request("Memory"))
        during = mx.get_active_memory()

    assert during - before > 3_000_000
    assert mx.get_active_memory() - before < 300_000


def test_a_missing_package_is_one_sentence_with_the_command() -> None:
    code = (
        "import sys; sys.modules['mlx_vlm'] = None\n"
        "from omnipipe.engines.mlx import MLXConfig\n"
        "print(MLXConfig.probe().state)\n"
        "try: MLXConfig(model='m').check()\n"
        "except ImportError as error: print(error)\n"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout

    assert said.splitlines() == [
        "missing extra",
        "MLX backend requires mlx-vlm. Install with: pip install omnipipe[mlx]",
    ]


@pytest.mark.parametrize(
    ("params", "prompt", "said", "possible"),
    [
        ({}, (), (), {0}),
        ({"temperature": 1, "top_k": 1}, (), (), {0}),
        ({"temperature": 1, "top_k": 2}, (), (), {0, 1}),
        ({"temperature": 1, "top_p": 0.1}, (), (), {0}),
        ({"temperature": 1, "top_p": 0.8}, (), (), {0, 1}),
        ({"temperature": 1, "min_p": 1.0}, (), (), {0}),
        ({"temperature": 1, "min_p": 0.3}, (), (), {0, 1}),
        ({"temperature": 1}, (), (), {0, 1, 2, 3}),
        ({"repetition_penalty": 2}, (0,), (), {1}),
        ({"repetition_penalty": 2}, (), (0,), {1}),
        ({"presence_penalty": 1.5}, (0,), (), {0}),
        ({"presence_penalty": 1.5}, (), (0,), {1}),
        ({"frequency_penalty": 0.8}, (), (0,), {0}),
        ({"frequency_penalty": 0.8}, (), (0, 0), {1}),
        ({"min_tokens": 2}, (), (1,), {1}),
        ({"min_tokens": 2}, (), (1, 1), {0}),
        ({"no_repeat_ngram_size": 2}, (), (0, 0), {1}),
        ({"no_repeat_ngram_size": 3}, (), (0, 0), {0}),
    ],
)
def test_parameters_mean_what_they_mean_elsewhere(
    params: dict[str, float], prompt: Sequence[int], said: Sequence[int], possible: set[int]
) -> None:
    """Out of tokens 0 to 3 with logits 3, 2, 1 and 0, of which 0 ends an answer."""
    import mlx.core as mx

    chosen = set()
    for seed in range(60 if len(possible) > 1 else 5):
        given = GenerationParams.model_validate({**params, "seed": seed})
        choice = TokenChoice(given, prompt, end_ids=frozenset({0}))
        for length in range(len(said) + 1):
            token = choice(mx.array([[3.0, 2.0, 1.0, 0.0]]), said[:length])
        chosen.add(int(token.item()))

    assert chosen == possible


def _load(model: Path, *, quantization: str | None = None) -> Any:
    return load_model(str(model), quantization=quantization)[0]


def _num_bytes(quantization: str | None) -> int:
    from mlx.utils import tree_flatten

    parameters = _load(CHECKPOINT, quantization=quantization).parameters()
    return sum(int(weights.nbytes) for _, weights in tree_flatten(parameters))


def _save_quantized(folder: Path) -> None:
    from mlx_vlm import convert

    convert(str(CHECKPOINT), mlx_path=str(folder), quantize=True, q_bits=4, trust_remote_code=False)
