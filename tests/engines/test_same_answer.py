"""The same requests on every engine that is installed: the tiny reader, float32, greedy. Engines open one by one."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

from omnipipe.engines.base import EngineConfig
from omnipipe.engines.llamacpp import LlamaCppConfig
from omnipipe.engines.mlx import MLXConfig
from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, Request
from tests.engines.contract import opened, read_request, white_request
from tests.engines.gguf import tiny_gguf
from tests.engines.random_weights import deep_qwen3_vl, qwen2_5_vl
from tests.tiny_reader import CHECKPOINT, random_pages

pytestmark = [
    pytest.mark.slow,
    # vLLM imports names that torch is about to rename, and its CPU build misses Triton; neither is ours.
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

_END = 259
"""The token that ends an answer; whether it is one of the answer's tokens is a library's habit."""


def _pytorch(_: Path) -> EngineConfig:
    return PyTorchConfig(model=str(CHECKPOINT), torch_dtype="float32", device="cpu")


def _vllm(_: Path) -> EngineConfig:
    return VLLMConfig(model=str(CHECKPOINT), dtype="float32", kv_cache_memory_bytes=64 << 20, max_num_seqs=16)


def _mlx(_: Path) -> EngineConfig:
    return MLXConfig(model=str(CHECKPOINT), dtype="float32")


def _llamacpp(folder: Path) -> EngineConfig:
    files = tiny_gguf(folder, "f32")
    return LlamaCppConfig(model=str(files.model), mmproj=str(files.mmproj), n_threads=1)


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    # Starts once for Python's own sake and stays; it is no child of an engine.
    resource_tracker.ensure_running()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@lru_cache(maxsize=1)
def _requests() -> list[Request]:
    """Pages that the reader knows, and one that it does not."""
    params = GenerationParams(max_tokens=80)
    prompts = ["Read.", "Please read this page.", ""]
    known = [
        read_request(text, params, prompt=prompts[number % 3]) for number, text in enumerate(random_pages(16, seed=71))
    ]
    return [*known, white_request(320, 96)]


def _answers(config: EngineConfig, requests: Sequence[Request]) -> list[Completion]:
    with opened(config) as engine:
        calls = [engine.submit(request) for request in requests]
        return [call.result(300) for call in calls]


@pytest.fixture(scope="module")
def expected() -> list[Completion]:
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("transformers, whose answers are compared with, is not installed")
    return _answers(_pytorch(Path()), _requests())


def test_pytorch_reads_what_is_there(expected: list[Completion]) -> None:
    assert [completion.text for completion in expected[:-1]] == random_pages(16, seed=71)


@pytest.mark.parametrize(
    ("module", "config"),
    [("vllm", _vllm), ("mlx_vlm", _mlx), ("llama_cpp", _llamacpp)],
    ids=["vllm", "mlx", "llamacpp"],
)
def test_every_engine_says_the_same_token_for_token(
    module: str, config: Callable[[Path], EngineConfig], expected: list[Completion], tmp_path: Path
) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")

    completions = _answers(config(tmp_path), _requests())

    assert [completion.text for completion in completions] == [completion.text for completion in expected]
    assert [_tokens(completion) for completion in completions] == [_tokens(completion) for completion in expected]
    assert [completion.finish_reason for completion in completions] == [
        completion.finish_reason for completion in expected
    ]


@pytest.mark.parametrize("checkpoint", [deep_qwen3_vl, qwen2_5_vl], ids=["deep-qwen3-vl", "qwen2.5-vl"])
def test_other_architectures_say_the_same_alone_and_together(
    checkpoint: Callable[[Path], Path], tmp_path: Path
) -> None:
    """On MLX, whose own batches mix up the deep features of pictures, and against transformers."""
    for module in ("transformers", "mlx_vlm"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    place = str(checkpoint(tmp_path))
    requests = [
        replace(request, params=GenerationParams(max_tokens=24, stop_on_repetition=False)) for request in _requests()
    ]

    by_pytorch, alone, together = (
        [_tokens(completion) for completion in _answers(config, requests[:8])]
        for config in (
            PyTorchConfig(model=place, torch_dtype="float32", device="cpu"),
            MLXConfig(model=place, dtype="float32", batch_size=1),
            MLXConfig(model=place, dtype="float32", batch_size=8),
        )
    )

    assert alone == together == by_pytorch
    assert len({token for tokens in alone for token in tokens}) > 20


def _tokens(completion: Completion) -> list[int]:
    assert completion.token_ids is not None
    tokens = list(completion.token_ids)
    return tokens[:-1] if tokens[-1:] == [_END] else tokens
