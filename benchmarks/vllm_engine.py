"""Our vLLM engine against vLLM's own offline batch call: python -m benchmarks.vllm_engine --requests 300

The tiny reader on the CPU: ours, theirs, ours, each in a process of its own. Same rendered prompts, same engine
arguments, the engine in one process beside the caller on both sides; first request to last answer.
"""

from __future__ import annotations

import argparse
import itertools

from benchmarks import record
from benchmarks.vllm_sides import Measured, Work, library_versions, measure
from tests.tiny_reader import CHECKPOINT

WANTED = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--max-num-seqs", type=int, default=64)
    args = parser.parse_args()
    work = Work(
        settings={
            "model": str(CHECKPOINT),
            "device": "cpu",
            "dtype": "float32",
            "max_num_seqs": args.max_num_seqs,
            "kv_cache_memory_bytes": 256 << 20,
        },
        pages="reader",
        requests=args.requests,
        # What the pipeline keeps in an engine's reach.
        in_flight=2 * args.max_num_seqs,
    )
    ours, theirs = [measure("ours", work)], []
    for _ in range(args.rounds):
        theirs.append(measure("theirs", work))
        ours.append(measure("ours", work))
    ratios = [
        (before.pages_per_second + after.pages_per_second) / 2 / batch.pages_per_second
        for (before, after), batch in zip(itertools.pairwise(ours), theirs, strict=True)
    ]
    print(record.line(f"first request to last answer, ours against LLM.generate (wanted {WANTED})", ratios))
    for name, side in (("ours", ours), ("LLM.generate", theirs)):
        print(record.line(f"{name}, pages/s", [each.pages_per_second for each in side], 1))
        print(record.line(f"{name}, CPU ms a page before the engine", [_front_ms(each) for each in side], 2))
        print(record.line(f"{name}, start, s", [each.start_seconds for each in side], 1))
    print(f"read right: {[each.right for each in ours]} and {[each.right for each in theirs]} of {args.requests}")
    record.save(
        "vllm_engine",
        {
            "requests": args.requests,
            "max_num_seqs": args.max_num_seqs,
            "ratios": {"first_request_to_last_answer_vs_offline_batch_call": record.spread(ratios)},
            "pages_per_second": {
                "omnipipe's engine": record.spread([each.pages_per_second for each in ours]),
                "LLM.generate": record.spread([each.pages_per_second for each in theirs]),
            },
            "front_cpu_ms_a_page": {
                "omnipipe's engine": record.spread([_front_ms(each) for each in ours]),
                "LLM.generate": record.spread([_front_ms(each) for each in theirs]),
            },
            "start_seconds": {
                "omnipipe's engine": record.spread([each.start_seconds for each in ours]),
                "LLM.generate": record.spread([each.start_seconds for each in theirs]),
            },
            "read_right": {
                "omnipipe's engine": [each.right for each in ours],
                "LLM.generate": [each.right for each in theirs],
            },
        },
        versions=library_versions(),
    )


def _front_ms(side: Measured) -> float:
    return side.cpu_seconds * 1000 / side.requests


if __name__ == "__main__":
    main()
