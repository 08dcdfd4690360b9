"""Real vLLM on the CPU with the tiny reader: one engine for most of it, because each takes 15 seconds to start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

import psutil
import pytest

from omnipipe.engines.base import Engine
from omnipipe.engines.thread import EngineThread
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.engines.vllm_check import installed_build
from omnipipe.errors import ConfigError, EngineDeadError
from omnipipe.generation import GenerationParams
from omnipipe.model import ImagePart, Message, Request, TextPart
from omnipipe.page import ProblemError
from tests.engines.contract import READ, EngineContract, answer, opened, pixels_of_png, read_request
from tests.tiny_reader import CHECKPOINT, png_of_page, random_pages

pytestmark = [
    pytest.mark.skipif(installed_build() != "cpu", reason="vLLM's CPU build is not installed"),
    pytest.mark.slow,
    # vLLM imports names that torch is about to rename, and its CPU build misses Triton; neither is ours.
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

_SECONDS = 120.0
_SCHEMA = {
    "type": "object",
    "properties": {
        "t": {"type": "string", "maxLength": 5},
        "n": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["t", "n"],
    "additionalProperties": False,
}


def config(**settings: object) -> VLLMConfig:
    ours = {
        "model": str(CHECKPOINT),
        "dtype": "float32",
        "kv_cache_memory_bytes": 64 << 20,
        "max_num_seqs": 16,
        # vLLM's 128 on the CPU is longer than most prompts here, so that no block of them would ever be full.
        "engine_args": {"block_size": 32},
    }
    return VLLMConfig.model_validate({**ours, **settings})


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    # Starts once for Python's own sake and stays; it is no child of an engine.
    resource_tracker.ensure_running()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def shared_engine() -> Iterator[EngineThread]:
    with opened(config()) as thread:
        yield thread


class TestContract(EngineContract):
    @pytest.fixture(scope="module")
    def engine(self, shared_engine: EngineThread) -> EngineThread:
        return shared_engine


def test_a_json_schema_binds_the_answer_without_blanks(shared_engine: EngineThread) -> None:
    request = bound(response_schema=_SCHEMA)

    said = answer(shared_engine, request).text

    parsed = json.loads(said)
    assert isinstance(parsed["n"], int)
    assert len(parsed["t"]) <= 5
    assert " " not in said.replace(parsed["t"], "")


def test_a_regular_expression_binds_the_answer(shared_engine: EngineThread) -> None:
    said = answer(shared_engine, bound(response_regex=r"[0-9]{4}-[0-9]{2}")).text

    assert len(said) == 7
    assert said[4] == "-"


def test_a_schema_that_is_none_fails_alone(shared_engine: EngineThread) -> None:
    with pytest.raises(ProblemError) as caught:
        answer(shared_engine, bound(response_regex="[0-9"))

    assert caught.value.error.code == "stage_error"
    assert answer(shared_engine, read_request("Still here")).text == "Still here"


def test_a_loop_is_ended_with_its_name(shared_engine: EngineThread) -> None:
    looping = bound(response_regex="(ab){200}", params=GenerationParams(max_tokens=500))
    told_not_to = bound(response_regex="(ab){200}", params=GenerationParams(max_tokens=500, stop_on_repetition=False))

    ended, let = answer(shared_engine, looping), answer(shared_engine, told_not_to)

    assert ended.finish_reason == "repetition"
    assert let.finish_reason == "stop"
    assert let.text == "ab" * 200
    assert ended.text.startswith("abab")
    assert len(ended.text) < 100


def test_two_pictures_where_one_is_allowed_fail_alone(shared_engine: EngineThread) -> None:
    part = ImagePart(pixels_of_png(png_of_page("One")))
    request = Request(id="two", messages=(Message("user", (part, part, TextPart("Read."))),), params=READ)

    with pytest.raises(ProblemError) as caught:
        answer(shared_engine, request)

    assert caught.value.error.code == "context_overflow"
    assert answer(shared_engine, read_request("One")).text == "One"


def test_an_equal_beginning_is_computed_once(shared_engine: EngineThread) -> None:
    first, second = (answer(shared_engine, with_system("You read a page.", text)) for text in ("Page one", "Page two"))

    assert (first.text, second.text) == ("Page one", "Page two")
    assert (first.cached_tokens, second.cached_tokens) == (0, 32)


def test_raw_pixels_are_read_as_files_are(shared_engine: EngineThread) -> None:
    import io

    from PIL import Image

    from omnipipe.page import Pixels

    with Image.open(io.BytesIO(png_of_page("Grey\nrows"))) as image:
        grey = image.convert("L")
    pixels = Pixels(grey.tobytes(), "raw", "L", grey.width, grey.height)
    request = Request(id="raw", messages=(Message("user", (ImagePart(pixels), TextPart("Read."))),), params=READ)

    assert answer(shared_engine, request).text == "Grey\nrows"


def test_giving_up_aborts_inside_the_engine(shared_engine: EngineThread) -> None:
    long = GenerationParams(max_tokens=3000, min_tokens=3000, stop_on_repetition=False)

    async def give_up(engine: Engine) -> list[int]:
        tasks = [asyncio.create_task(engine.generate(read_request(f"Long {i}", long))) for i in range(8)]
        stream = engine.stream(read_request("Stream", long))
        await anext(stream)
        while engine.num_unfinished < 9:  # type: ignore[attr-defined]
            await asyncio.sleep(0.02)
        before = engine.num_unfinished  # type: ignore[attr-defined]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await stream.aclose()  # type: ignore[attr-defined]
        with pytest.raises(ProblemError):
            await engine.generate(read_request("Late", long, deadline=0.3))
        return [before, engine.num_unfinished]  # type: ignore[attr-defined]

    assert shared_engine.run(give_up).result(_SECONDS) == [9, 0]


def test_an_adapter_that_is_not_declared_is_refused(shared_engine: EngineThread) -> None:
    with pytest.raises(ConfigError, match=r"adapter=notes is not in lora. Declared adapters: none"):
        answer(shared_engine, read_request("Any", adapter="notes"))


def test_the_environment_of_later_children_stays_as_it_was(shared_engine: EngineThread) -> None:
    assert answer(shared_engine, read_request("Open")).text == "Open"
    assert "LD_PRELOAD" not in os.environ


def test_an_engine_that_is_killed_says_so_to_all_and_can_be_closed() -> None:
    long = GenerationParams(max_tokens=3000, min_tokens=3000, stop_on_repetition=False)
    with opened(config()) as thread:
        running = [thread.submit(read_request(f"Long {i}", long)) for i in range(4)]
        time.sleep(1)

        for child in engine_processes():
            child.kill()

        for call in running:
            with pytest.raises(EngineDeadError):
                call.result(_SECONDS)
        with pytest.raises(EngineDeadError):
            answer(thread, read_request("Later"))
        with pytest.raises(EngineDeadError):
            thread.health()


def test_closing_ends_what_is_running_with_an_error() -> None:
    long = GenerationParams(max_tokens=3000, min_tokens=3000, stop_on_repetition=False)
    with opened(config()) as thread:
        running = thread.submit(read_request("Long", long))
        time.sleep(1)
        closing = thread.run(lambda engine: engine.close())

        with pytest.raises(EngineDeadError):
            running.result(_SECONDS)
        closing.result(_SECONDS)
        with pytest.raises(EngineDeadError):
            answer(thread, read_request("Later"))


def test_the_engine_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    owner = owner_of_an_engine(tmp_path)
    children = psutil.Process(owner.pid).children(recursive=True)
    assert children

    owner.send_signal(signal.SIGKILL)
    owner.wait()

    _, left = psutil.wait_procs(children, timeout=10)
    assert left == []


def test_two_tensor_parallel_workers_read_as_one_does() -> None:
    texts = random_pages(8, seed=5)
    with opened(config(tensor_parallel_size=2)) as thread:
        calls = [thread.submit(read_request(text)) for text in texts]

        assert [call.result(_SECONDS).text for call in calls] == texts
        assert len([child for child in engine_processes() if "Worker" in child.name()]) in (0, 2)
        assert len(engine_processes()) >= 3


def test_an_adapter_answers_beside_the_model(tmp_path: Path) -> None:
    make_adapter(tmp_path / "strong")
    with opened(config(lora={"strong": str(tmp_path / "strong")}, max_lora_rank=8)) as thread:
        plain, adapted = (
            thread.submit(read_request("Adapter", adapter=adapter)).result(_SECONDS) for adapter in (None, "strong")
        )
        again = answer(thread, read_request("Adapter"))

    assert plain.text == again.text == "Adapter"
    assert adapted.text != "Adapter"


def test_a_checkpoint_of_another_architecture_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["NoSuchModel"], "model_type": "no_such"}))

    with pytest.raises(ConfigError, match="vLLM refuses"), opened(config(model=str(tmp_path))):
        pass


def bound(
    *,
    response_schema: dict[str, object] | None = None,
    response_regex: str | None = None,
    params: GenerationParams = READ,
) -> Request:
    """Asks for the words of a page in a form."""
    parts = (ImagePart(pixels_of_png(png_of_page("Form"))), TextPart("Read."))
    return Request(
        id="form",
        messages=(Message("user", parts),),
        params=params,
        response_schema=response_schema,
        response_regex=response_regex,
    )


def with_system(words: str, text: str) -> Request:
    """Asks for the words of a page after a system message."""
    parts = (ImagePart(pixels_of_png(png_of_page(text))), TextPart("Read."))
    messages = (Message("system", (TextPart(words),)), Message("user", parts))
    return Request(id=text, messages=messages, params=READ)


def engine_processes() -> list[psutil.Process]:
    """The processes that vLLM started from this one."""
    tracker = resource_tracker._resource_tracker._pid  # type: ignore[attr-defined]
    found = []
    for child in psutil.Process().children(recursive=True):
        if child.pid != tracker and "-S" not in child.cmdline():
            found.append(child)
    return found


def owner_of_an_engine(folder: Path) -> subprocess.Popen[bytes]:
    """A process with an open engine that waits for ever."""
    ready = folder / "ready"
    code = f"""
        import asyncio, pathlib
        from tests.engines.test_vllm import config

        async def main():
            engine = config().build()
            await engine.open()
            pathlib.Path({str(ready)!r}).touch()
            await asyncio.sleep(600)

        if __name__ == "__main__":
            asyncio.run(main())
    """
    script = folder / "owner.py"
    script.write_text(textwrap.dedent(code))
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    owner = subprocess.Popen([sys.executable, str(script)], env=environment, cwd=root)
    ends = time.monotonic() + _SECONDS
    while not ready.exists():
        assert owner.poll() is None, "the owner ended before its engine was open"
        assert time.monotonic() < ends
        time.sleep(0.2)
    return owner


def make_adapter(folder: Path) -> None:
    """A LoRA adapter of the reader with large random weights, made in a process of its own."""
    code = f"""
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForImageTextToText

        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_pretrained({str(CHECKPOINT)!r}, dtype=torch.float32)
        targets = r".*language_model.*\\.(q_proj|v_proj)"
        adapted = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=targets))
        for name, weights in adapted.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(weights, std=0.5)
        adapted.save_pretrained({str(folder)!r})
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True)
