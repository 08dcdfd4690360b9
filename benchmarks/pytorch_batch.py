"""The PyTorch engine with batches against one request at a time: python -m benchmarks.pytorch_batch --requests 240

The tiny reader on the CPU in float32, one thread. Each round: batches, single requests, batches; requests are asked all
at once in both. Rates are by the CPU time of this process, which other programs on the machine hardly change; the
ratio by wall time is written beside it.
"""

from __future__ import annotations

import argparse
import os
import time
from importlib.metadata import version
from typing import NamedTuple

# Before torch is loaded: its threads spin while they wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks import record
from omnipipe.engines.pytorch import PyTorchConfig
from omnipipe.engines.thread import EngineThread
from omnipipe.model import Request
from tests.engines.contract import read_request
from tests.tiny_reader import CHECKPOINT, random_pages


class Rate(NamedTuple):
    """Requests per second, by CPU and by wall time, and what was answered."""

    cpu: float
    wall: float
    said: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    requests = [read_request(text) for text in random_pages(args.requests, seed=1)]
    with _opened(args.batch_size) as batched, _opened(1) as single:
        for engine in (batched, single):
            _rate(engine, requests[:16])
        together, alone = [_rate(batched, requests)], []
        for _ in range(args.rounds):
            alone.append(_rate(single, requests))
            together.append(_rate(batched, requests))
    if any(rate.said != alone[0].said for rate in (*together, *alone)):
        raise SystemExit("answers in batches differ from single ones: nothing to compare")
    by_cpu = _ratios([rate.cpu for rate in together], [rate.cpu for rate in alone])
    by_wall = _ratios([rate.wall for rate in together], [rate.wall for rate in alone])
    print(record.line(f"batches of {args.batch_size} against one at a time, CPU time", by_cpu, 2))
    print(record.line(f"batches of {args.batch_size} against one at a time, wall time", by_wall, 2))
    record.save(
        "pytorch_batch",
        {
            "requests": args.requests,
            "batch_size": args.batch_size,
            "model": "tiny reader, float32, CPU, one thread",
            "ratios": {"by_cpu_time": record.spread(by_cpu), "by_wall_time": record.spread(by_wall)},
            "requests_per_second": {
                "batches": record.spread([rate.wall for rate in together], 1),
                "one at a time": record.spread([rate.wall for rate in alone], 1),
            },
        },
        versions={name: version(name) for name in ("torch", "transformers")},
    )


def _opened(batch_size: int) -> EngineThread:
    config = PyTorchConfig(model=str(CHECKPOINT), torch_dtype="float32", device="cpu", batch_size=batch_size)
    engine = EngineThread(config.build())
    engine.wait()
    return engine


def _rate(engine: EngineThread, requests: list[Request]) -> Rate:
    cpu, wall = time.process_time(), time.perf_counter()
    calls = [engine.submit(request) for request in requests]
    said = [call.result().text for call in calls]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Rate(len(requests) / cpu, len(requests) / wall, said)


def _ratios(together: list[float], alone: list[float]) -> list[float]:
    """Each single round against the mean of the batched ones before and after it."""
    return [(before + after) / 2 / one for before, after, one in zip(together, together[1:], alone, strict=False)]


if __name__ == "__main__":
    main()
