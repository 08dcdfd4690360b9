"""The same pages with one backend after the other: python -m benchmarks.backends scans/ --model MODEL --pages 100

Each is a whole `omnipipe run` in a process of its own: loading, seconds in all and per page, memory of the GPUs as the
driver counts it when the model is loaded. Without inputs it makes pages for the tiny reader, on the CPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import record
from benchmarks.runs import CLI, environment
from benchmarks.vllm_sides import library_versions

_TINY = """\
stages:
  - read: {text_layer: false}
  - render: {dpi: 72, small_side: 0, multiple_of: 1, format: png}
  - extract: {engine: {config: QwenTextVLLMConfig}}
"""
_TINY_SETTINGS = ("--device", "cpu", "--dtype", "float32")
_VLLM_ON_CPU = ("--engine-arg", f"kv_cache_memory_bytes={256 << 20}", "--engine-arg", "max_model_len=2048")


class Measured(NamedTuple):
    """Seconds of loading the model and of all after it; how many pages were read, and what was said of memory."""

    load_seconds: float
    seconds: float
    pages: int
    memory: str

    def __str__(self) -> str:
        each = self.seconds / max(self.pages, 1)
        return f"loaded in {self.load_seconds:.1f} s; {self.pages} pages in {self.seconds:.1f} s, {each:.3f} s a page"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="*", help="documents and folders; default: made pages")
    parser.add_argument("--backends", nargs="+", default=["pytorch", "vllm"])
    parser.add_argument("--model", help="needed with inputs")
    parser.add_argument("--pages", type=int, default=100, help="of each document at most")
    parser.add_argument("--max-tokens", type=int, default=4096)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/backends.json")
    args = parser.parse_args()
    if args.inputs and not args.model:
        parser.error("name the --model that reads the inputs")
    found = {}
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        inputs, settings = (args.inputs, ("--model", args.model)) if args.inputs else _made(args.pages, Path(scratch))
        for backend in args.backends:
            extra = _VLLM_ON_CPU if backend == "vllm" and not args.inputs else ()
            options = (*settings, *extra, "--backend", backend, "--max-tokens", str(args.max_tokens))
            found[backend] = _measure(inputs, Path(scratch) / backend, (*options, "--max-pages", str(args.pages)))
            print(f"{backend}: {found[backend]}")
            print(f"{backend}: {found[backend].memory}")
    if args.save:
        figures = {name: measured._asdict() for name, measured in found.items()}
        record.save("backends", {"model": args.model or "tiny reader", **figures}, versions=library_versions())


def _made(pages: int, scratch: Path) -> tuple[list[str], tuple[str, ...]]:
    from tests.tiny_reader import CHECKPOINT, pdf_of_pages, random_pages

    document, pipeline = scratch / "pages.pdf", scratch / "tiny.yaml"
    document.write_bytes(pdf_of_pages(random_pages(pages, seed=3)))
    pipeline.write_text(_TINY, encoding="utf-8")
    return [str(document)], ("-p", str(pipeline), "--model", str(CHECKPOINT), *_TINY_SETTINGS)


def _measure(inputs: Sequence[str], output: Path, options: Sequence[str]) -> Measured:
    command = [*CLI, "run", *inputs, "-o", str(output), *options]
    if "-p" not in options:
        command += ["-p", "vlm"]
    started = time.perf_counter()
    command += ["--runner", "local", "--progress", "json", "-v"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    loads = [event["engine_start_seconds"] for event in events if event["event"] == "progress"]
    ended = next(event for event in events if event["event"] == "summary")
    said = [line.partition(": ")[2] for line in done.stderr.splitlines() if "was loaded in" in line]
    load = max(loads, default=0.0)
    return Measured(load, seconds - load, ended["statuses"].get("ok", 0), said[-1] if said else "")


if __name__ == "__main__":
    main()
