"""Engines and drivers killed in the middle of a run: python -m benchmarks.engine_kill --pages 2000 --engine-kills 20

A run of pages that the tiny reader reads, through vLLM on Ray. At random moments its engine's process is killed with -9
(the run lives on), and the whole command (it is started again). Counted at the end: keys lost or doubled, wrong texts,
failed pages, and pages that were answered more than once. `--engine simulated` kills the actor in place of an engine
process.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import psutil

from benchmarks import record
from benchmarks.runs import CLI, environment
from benchmarks.simulated import read_log
from tests.tiny_reader import CHECKPOINT, pdf_of_pages, random_pages

_PAGES_A_DOCUMENT = 50
_ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--engine-kills", type=int, default=2)
    parser.add_argument("--driver-kills", type=int, default=1)
    parser.add_argument("--engine", choices=["vllm", "simulated"], default="vllm")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        kill_run = _KillRun(Path(scratch), args.pages, args.engine, args.seed)
        victims = ["engine"] * args.engine_kills + ["driver"] * args.driver_kills
        chance.shuffle(victims)
        started = time.monotonic()
        kills = kill_run.go(victims, chance)
        figures: dict[str, Any] = {"pages": args.pages, "kills": dict(kills), **kill_run.figures()}
        figures["seconds"] = round(time.monotonic() - started)
    for name, value in figures.items():
        print(f"{name:<28} {value}")
    record.save("engine_kill" if args.engine == "vllm" else "engine_kill_simulated", figures)
    if any(figures[name] for name in ("lost", "doubled", "failed", "answered_again")):
        raise SystemExit(1)
    # The reader itself misreads one page in a hundred or two.
    if figures["wrong_texts"] > args.pages // 100 + 1:
        raise SystemExit(1)


class _KillRun:
    def __init__(self, scratch: Path, pages: int, engine: str, seed: int) -> None:
        self._texts = random_pages(pages, seed)
        self._folder, self._output, self._log = scratch / "in", scratch / "out", scratch / "log"
        self._engine = engine
        self._folder.mkdir()
        for number, start in enumerate(range(0, pages, _PAGES_A_DOCUMENT)):
            texts = self._texts[start : start + _PAGES_A_DOCUMENT]
            (self._folder / f"d{number:05d}.pdf").write_bytes(pdf_of_pages(texts))
        self._pipeline = scratch / "killed.py"
        self._pipeline.write_text(_pipeline(engine, self._log))

    def go(self, victims: list[str], chance: random.Random) -> Counter[str]:
        """Kill each of `victims` after a random number of answers, then let the run end."""
        kills: Counter[str] = Counter()
        step = len(self._texts) / (len(victims) + 1)
        process: subprocess.Popen[bytes] | None = None
        for victim in victims:
            wanted = len(read_log(self._log)) + max(1, int(chance.uniform(0.3, 1.2) * step))
            while len(read_log(self._log)) < min(wanted, len(self._texts) - 1):
                if process is None or process.poll() is not None:
                    process = self._start()
                time.sleep(0.1)
            if process is None or process.poll() is not None:
                break
            kills[victim] += self._kill(process, victim)
        if process is None or process.poll() is not None:
            process = self._start()
        if process.wait():
            raise SystemExit(
                f"omnipipe run ended with {process.returncode}:\n{(self._output.parent / 'said').read_text()[-3000:]}"
            )
        return kills

    def figures(self) -> dict[str, object]:
        """What is wrong with the rows, and what was asked twice."""
        rows = (
            duckdb.connect()
            .execute(
                f"select source_uri, page_index, text, status from '{self._output}/run/pages/*.parquet' order by 1, 2"
            )
            .fetchall()
        )
        keys = Counter((uri, index) for uri, index, _, _ in rows)
        answers = Counter(page for _, _, page in read_log(self._log))
        texts = [text for _, _, text, _ in rows]
        return {
            "lost": len(self._texts) - len(keys),
            "doubled": sum(count > 1 for count in keys.values()),
            "failed": sum(status != "ok" for *_, status in rows),
            "wrong_texts": 0
            if self._engine != "vllm"
            else sum(ours != truth for ours, truth in zip(texts, self._texts, strict=False)),
            "answered_again": sum(count > 1 for count in answers.values()),
        }

    def _start(self) -> subprocess.Popen[bytes]:
        self._output.mkdir(exist_ok=True)
        command = [*CLI, "run", str(self._folder), "-o", str(self._output / "run"), "-p", str(self._pipeline)]
        path = f"{_ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        with (self._output.parent / "said").open("ab") as said:
            return subprocess.Popen(
                command, stdout=said, stderr=said, env=environment(PYTHONPATH=path), start_new_session=True
            )

    def _kill(self, process: subprocess.Popen[bytes], victim: str) -> int:
        family = psutil.Process(process.pid).children(recursive=True)
        if victim == "driver":
            os.killpg(process.pid, signal.SIGKILL)
            for child in family:
                if child.is_running():
                    child.kill()
            process.wait()
            return 1
        name = "EngineCore" if self._engine == "vllm" else "MapWorker"
        engines = [child for child in family if name in " ".join(_words(child))]
        for child in engines[:1]:
            child.kill()
        return len(engines[:1])


def _words(process: psutil.Process) -> list[str]:
    try:
        return [process.name(), *process.cmdline()]
    except psutil.Error:
        return []


def _pipeline(engine: str, log: Path) -> str:
    config = (
        f"LoggedVLLMConfig(model={str(CHECKPOINT)!r}, prompt='Read.', dtype='float32', max_model_len=1024, "
        f"max_tokens=96, max_num_seqs=16, log={str(log)!r})"
        if engine == "vllm"
        else f"SimulatedConfig(seconds=0.3, slots=16, log={str(log)!r})"
    )
    return f"""
from benchmarks.simulated import LoggedVLLMConfig, SimulatedConfig
from omnipipe import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render

render = Render(dpi=72, small_side=0, format="png", multiple_of=32)
pipeline = Pipeline("killed", (Read(text_layer=False), render, Extract(engine={config})))
"""


if __name__ == "__main__":
    main()
