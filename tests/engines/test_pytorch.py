"""The PyTorch engine, on the tiny reader."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from omnipipe.engines.pytorch import PyTorchConfig, is_out_of_memory
from omnipipe.engines.repetition import MIN_COUNT
from omnipipe.engines.thread import EngineThread
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, Message, Request, TextPart
from omnipipe.page import ProblemError
from tests.engines.alone import run_alone
from tests.engines.contract import READ, EngineContract, opened, read_request, white_request
from tests.tiny_reader import CHECKPOINT, random_pages

pytest.importorskip("transformers", reason="the PyTorch engine needs transformers")


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineThread]:
    with opened(reader()) as thread:
        yield thread


def reader(**settings: object) -> PyTorchConfig:
    """The tiny reader on the CPU in float32, with `settings`."""
    return PyTorchConfig.model_validate({"model": str(CHECKPOINT), "dtype": "float32", "device": "cpu", **settings})


class TestContract(EngineContract):
    """What every engine promises."""


@pytest.fixture(scope="module")
def single() -> Iterator[EngineThread]:
    """The same engine with batches of one."""
    with opened(reader(batch_size=1)) as thread:
        yield thread


@pytest.fixture(scope="module")
def scrambled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader's checkpoint with large random weights: answers without end, whose margins are small."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("scrambled")
    shutil.copytree(CHECKPOINT, folder, dirs_exist_ok=True)
    random = torch.Generator().manual_seed(5)
    weights = load_file(folder / "model.safetensors")
    for name, weight in weights.items():
        if weight.ndim > 1:
            noise = torch.randn(weight.shape, generator=random) * 1.5 * weight.shape[-1] ** -0.5
            weights[name] = noise.to(weight.dtype)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def mixed_requests(params: GenerationParams) -> list[Request]:
    """24 requests of several picture sizes and prompt lengths, every sixth with two pictures."""
    prompts = ["Read.", "Please read all of this page now.", "?"]
    requests = []
    for number, text in enumerate(random_pages(24, seed=6)):
        request = read_request(text, params, prompt=prompts[number % 3])
        if number % 6 == 5:
            first = white_request(128, 64).messages[0].parts[0]
            request = replace(request, messages=(Message("user", (first, *request.messages[0].parts)),))
        requests.append(request)
    return requests


def answers(engine: EngineThread, requests: Sequence[Request]) -> list[Completion]:
    calls = [engine.submit(request) for request in requests]
    return [call.result(120) for call in calls]


def test_batched_answers_equal_single_ones(engine: EngineThread, single: EngineThread) -> None:
    requests = mixed_requests(READ)

    together, alone = answers(engine, requests), answers(single, requests)

    assert [each.token_ids for each in together] == [each.token_ids for each in alone]


def test_batched_answers_of_a_model_without_margins_equal_single_ones(scrambled: Path) -> None:
    requests = mixed_requests(GenerationParams(max_tokens=48, stop_on_repetition=False))

    with opened(reader(model=str(scrambled))) as engine:
        together = answers(engine, requests)
    with opened(reader(model=str(scrambled), batch_size=1)) as engine:
        alone = answers(engine, requests)

    assert [each.token_ids for each in together] == [each.token_ids for each in alone]
    assert len({each.token_ids for each in alone}) > 12


def test_rows_of_a_batch_have_lengths_of_their_own(engine: EngineThread) -> None:
    limits = [1, 2, 3, 5, 8, 80]

    said = answers(engine, [read_request("Long enough", GenerationParams(max_tokens=limit)) for limit in limits])

    assert [each.completion_tokens for each in said] == [1, 2, 3, 5, 8, 12]
    assert [each.finish_reason for each in said] == ["length"] * 5 + ["stop"]
    assert [each.text for each in said] == ["L", "Lo", "Lon", "Long ", "Long eno", "Long enough"]


def test_an_answer_that_loops_ends_early(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(CHECKPOINT, tmp_path / "parrot")
    weights = load_file(tmp_path / "parrot" / "model.safetensors")
    for name in weights:
        if "language_model" in name and name.endswith(("o_proj.weight", "down_proj.weight")):
            # Nothing but the last token is seen, and it is the likeliest to come again.
            weights[name] *= 0
    save_file(weights, tmp_path / "parrot" / "model.safetensors", metadata={"format": "pt"})
    params = GenerationParams(max_tokens=200)

    with opened(reader(model=str(tmp_path / "parrot"))) as engine:
        looping = answers(engine, [read_request(text, params) for text in random_pages(3, seed=3)])
        allowed = answers(engine, [read_request("Again", params.with_(stop_on_repetition=False))])

    assert [(each.finish_reason, each.completion_tokens) for each in looping] == [("repetition", MIN_COUNT)] * 3
    assert [(each.finish_reason, each.completion_tokens) for each in allowed] == [("length", 200)]


def test_a_seeded_answer_does_not_depend_on_its_neighbours(engine: EngineThread, single: EngineThread) -> None:
    params = READ.with_(temperature=2.0, seed=11, min_tokens=30, max_tokens=30)
    requests = [read_request(text, params) for text in random_pages(8, seed=7)]
    other = [read_request(text, params.with_(seed=12)) for text in random_pages(8, seed=7)]

    together, alone, others = answers(engine, requests), answers(single, requests), answers(engine, other)

    assert [each.token_ids for each in together] == [each.token_ids for each in alone]
    assert [each.token_ids for each in together] != [each.token_ids for each in others]


@pytest.mark.parametrize("penalty", ["presence_penalty", "frequency_penalty"])
def test_a_penalty_makes_what_was_said_rarer(engine: EngineThread, penalty: str) -> None:
    params = GenerationParams(max_tokens=30, min_tokens=30, stop_on_repetition=False)
    plain, rarer = answers(
        engine, [read_request("aaaaaaaa", params), read_request("aaaaaaaa", params.with_(**{penalty: 2.0}))]
    )

    assert plain.token_ids is not None
    assert rarer.token_ids is not None
    assert len(set(rarer.token_ids)) > len(set(plain.token_ids))


def test_words_alone_and_a_system_turn_are_answered(engine: EngineThread) -> None:
    words = Message("user", (TextPart("Hello"),))
    page = read_request("With a system")
    with_system = replace(page, messages=(Message("system", (TextPart("You read."),)), *page.messages))

    said = answers(engine, [Request(id="words", messages=(words,), params=GenerationParams(max_tokens=4)), with_system])

    assert said[0].completion_tokens is not None
    assert said[1].text == "With a system"


def test_what_a_checkpoint_recommends_does_not_leak_in(tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINT, tmp_path / "wild")
    wild = {"do_sample": True, "temperature": 5.0, "max_length": 12, "repetition_penalty": 1.9, "eos_token_id": 259}
    (tmp_path / "wild" / "generation_config.json").write_text(json.dumps(wild))
    texts = random_pages(8, seed=8)

    with opened(reader(model=str(tmp_path / "wild"))) as engine:
        said = answers(engine, [read_request(text) for text in texts])

    assert [each.text for each in said] == texts


def test_a_shorter_context_is_kept() -> None:
    with opened(reader(max_model_len=60)) as engine:
        cut = answers(engine, [read_request("Short one")])[0]
        with pytest.raises(ProblemError, match=r"context_overflow: the prompt has .* and the model takes 60"):
            answers(engine, [read_request("Short one", prompt="x" * 60)])

    assert cut.finish_reason in ("stop", "length")
    assert cut.prompt_tokens is not None
    assert cut.completion_tokens is not None
    assert cut.prompt_tokens + cut.completion_tokens <= 60


def test_what_the_engine_cannot_do_is_said(engine: EngineThread) -> None:
    request = read_request("Form")

    with pytest.raises(ProblemError, match=r"cannot bind an answer's form. Use the vLLM, MLX or API backend"):
        answers(engine, [replace(request, response_regex="[a-z]+")])
    with pytest.raises(ProblemError, match=r"adapter 'law' is unknown. Adapters under lora: none"):
        answers(engine, [replace(request, adapter="law")])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "auto"])
def test_other_number_formats_read_as_well(dtype: str) -> None:
    texts = random_pages(8, seed=9)

    with opened(reader(dtype=dtype, attn_implementation="eager", batch_strategy="static")) as engine:
        said = answers(engine, [read_request(text) for text in texts])

    assert [each.text for each in said] == texts


@pytest.mark.filterwarnings("ignore:MatMul8bitLt:UserWarning")  # bitsandbytes says that it works in float16
@pytest.mark.parametrize("quantization", ["4bit", "8bit"])
def test_a_quantised_model_reads_as_well(quantization: str) -> None:
    pytest.importorskip("bitsandbytes", reason="quantisation needs bitsandbytes")
    texts = random_pages(8, seed=1)

    with opened(reader(quantization=quantization)) as engine:
        said = answers(engine, [read_request(text) for text in texts])

    assert [each.text for each in said] == texts


def test_an_adapter_changes_the_answers_of_its_requests_alone(tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="LoRA needs peft")
    folder = make_adapter(tmp_path / "adapter")
    texts = random_pages(6, seed=10)

    with opened(reader(lora={"odd": str(folder)})) as engine:
        said = answers(engine, [read_request(text, adapter=name) for text in texts for name in (None, "odd")])

    assert [each.text for each in said[::2]] == texts
    assert all(each.text != text for each, text in zip(said[1::2], texts, strict=True))


def make_adapter(folder: Path) -> Path:
    """A LoRA adapter with large random weights for the reader's attention."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(3)
    base = AutoModelForImageTextToText.from_pretrained(CHECKPOINT, dtype=torch.float32)
    targets = r".*language_model.*\.(q_proj|v_proj)"
    tuned = get_peft_model(base, LoraConfig(r=4, target_modules=targets, init_lora_weights=False))
    for name, weight in tuned.named_parameters():
        if "lora_" in name:
            weight.data.normal_(std=0.5)
    tuned.save_pretrained(str(folder))
    return folder


# One arena, trimmed: what other threads and tests freed and the allocator keeps would hide 30 MB.
_CLOSED = """
import ctypes
import gc
import psutil
import torch
from tests.engines.contract import opened, read_request
from tests.engines.test_pytorch import answers, reader
from tests.tiny_reader import random_pages

sizes, weights = [], []
for _ in range(6):
    with opened(reader()) as engine:
        answers(engine, [read_request(text) for text in random_pages(8, seed=12)])
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    sizes.append(psutil.Process().memory_info().rss)
    # Not isinstance: asking some of the other objects for their class makes them warn.
    tensors = [thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, torch.nn.Parameter)]
    weights.append(sum(tensor.numel() * tensor.element_size() for tensor in tensors))
print(weights[-1] - weights[0], sizes[-1] - sizes[2])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone can be asked for one arena, trimmed")
def test_memory_is_free_after_close() -> None:
    finished = run_alone(_CLOSED, MALLOC_ARENA_MAX="1")

    # The model has 3.5 MB of weights; transformers keeps two numbers a load.
    assert finished.returncode == 0, finished.stderr[-2000:]
    tensor_bytes, resident = map(int, finished.stdout.split())
    assert tensor_bytes < 10_000
    assert resident < 3_000_000


def test_too_little_memory_is_known_by_torchs_own_error() -> None:
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)

    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(RuntimeError("could not create a primitive"))
    assert not is_out_of_memory(RuntimeError("could not create a primitive descriptor for a matmul primitive"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


_LITTLE_MEMORY = """
import asyncio
import resource
import psutil
from omnipipe.engines.pytorch import PyTorchConfig
from tests.engines.contract import READ, opened, read_request
from tests.tiny_reader import CHECKPOINT

# Eager attention takes the square of a prompt's length.
config = PyTorchConfig(
    model=str(CHECKPOINT), torch_dtype="float32", device="cpu", attn_implementation="eager", batch_size=8
)
many = [read_request(f"Page {number}", READ, prompt="x" * 1400) for number in range(8)]
large = [read_request("Page 0", READ, prompt="x" * 3000)]
small = [read_request("After")]

# All at once: when the first batch begins, no other thread takes memory, and the limit meets the batch alone.
def ask(requests):
    async def gather(engine):
        return await asyncio.gather(*map(engine.generate, requests), return_exceptions=True)
    return engine.run(gather).result()

def leave(megabytes):
    resource.setrlimit(resource.RLIMIT_AS, (taken + (megabytes << 20), resource.RLIM_INFINITY))

async def limit(engine):
    return engine._queue.limit

with opened(config) as engine:
    expected = ask(many)
    taken = psutil.Process().memory_info().vms
    leave(250)
    found = ask(many)
    print([one.token_ids for one in found] == [one.token_ids for one in expected], engine.run(limit).result())
    leave(50)
    print(ask(large)[0])
    leave(250)
    after = ask(small)[0]
    print(getattr(after, "text", repr(after)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only")
def test_batches_shrink_until_they_fit_into_little_memory() -> None:
    finished = run_alone(_LITTLE_MEMORY)

    assert finished.returncode == 0, finished.stdout + finished.stderr
    fitted, alone, after = finished.stdout.splitlines()
    assert fitted in {"True 1", "True 2", "True 4"}
    assert alone.startswith("oom: out of memory with this request alone. Use a smaller model or quantization=4bit, ")
    assert after == "After"
