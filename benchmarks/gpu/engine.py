"""Our vLLM engine on a GPU against vLLM's own offline batch call: python -m benchmarks.gpu.engine --shape 2b

A checkpoint of the real shape with random weights, made on the spot; no network. Ours, theirs, ours, each in a process
of its own, the same requests: drawn pages of `--page` pixels, answers of exactly `--tokens` tokens. `--actor` asks ours
through a Ray actor that owns the GPUs. `--shape tiny --device cpu` tries all of it where no GPU is.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path

from benchmarks import record
from benchmarks.gpu.checkpoint import SHAPES, make_checkpoint
from benchmarks.gpu.meter import gpu_names
from benchmarks.vllm_sides import Measured, Side, Work, library_versions, measure

_ON_GPU: dict[str, object] = {"dtype": "bfloat16", "max_model_len": 8192, "gpu_memory_utilization": 0.9}
_ON_CPU: dict[str, object] = {"dtype": "float32", "max_model_len": 2048, "kv_cache_memory_bytes": 256 << 20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="2b")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--page", default="1024x1440", help="width and height of a page's picture in pixels")
    parser.add_argument("--tokens", type=int, default=512, help="tokens of each answer")
    parser.add_argument("--tensor-parallel-size", type=int, default=1)
    parser.add_argument("--max-num-seqs", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--actor", action="store_true", help="ask ours through a Ray actor")
    parser.add_argument("--checkpoints", type=Path, help="folder that keeps the made checkpoints")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        model = make_checkpoint(args.shape, args.checkpoints or Path(scratch), device=args.device)
        ours, theirs = _rounds(args, _work(args, model))
    _report(args, ours, theirs)


def _work(args: argparse.Namespace, model: Path) -> Work:
    settings = {
        **(_ON_CPU if args.device == "cpu" else _ON_GPU),
        "model": str(model),
        "device": args.device,
        "max_num_seqs": args.max_num_seqs,
        "tensor_parallel_size": args.tensor_parallel_size,
    }
    return Work(
        settings=settings,
        pages=args.page,
        requests=args.requests,
        in_flight=2 * args.max_num_seqs,
        num_tokens=args.tokens,
    )


def _rounds(args: argparse.Namespace, work: Work) -> tuple[list[Measured], list[Measured]]:
    side: Side = "actor" if args.actor else "ours"
    ours, theirs = [measure(side, work)], []
    for _ in range(args.rounds):
        theirs.append(measure("theirs", work))
        ours.append(measure(side, work))
    return ours, theirs


def _report(args: argparse.Namespace, ours: list[Measured], theirs: list[Measured]) -> None:
    ratios = [
        (before.pages_per_second + after.pages_per_second) / 2 / batch.pages_per_second
        for (before, after), batch in zip(itertools.pairwise(ours), theirs, strict=True)
    ]
    name = "omnipipe's engine in an actor" if args.actor else "omnipipe's engine"
    print(record.line(f"{name} against LLM.generate", ratios))
    sides = {name: ours, "LLM.generate": theirs}
    for label, side in sides.items():
        print(record.line(f"{label}, pages/s", [each.pages_per_second for each in side], 2))
        print(record.line(f"{label}, tokens/s", [each.tokens_per_second for each in side], 0))
        print(record.line(f"{label}, start, s", [each.start_seconds for each in side], 1))
        if busy := [each.gpu_utilisation for each in side if each.gpu_utilisation is not None]:
            print(record.line(f"{label}, GPU utilisation", busy, 2))
    figures = {
        "shape": args.shape,
        "device": args.device,
        "gpus": gpu_names(),
        "requests": args.requests,
        "page": args.page,
        "tokens_an_answer": args.tokens,
        "prompt_tokens_a_page": round(theirs[0].prompt_tokens / theirs[0].requests),
        "max_num_seqs": args.max_num_seqs,
        "tensor_parallel_size": args.tensor_parallel_size,
        "ratios": {"first_request_to_last_answer_vs_offline_batch_call": record.spread(ratios)},
        "pages_per_second": {k: record.spread([each.pages_per_second for each in v]) for k, v in sides.items()},
        "tokens_per_second": {k: record.spread([each.tokens_per_second for each in v]) for k, v in sides.items()},
        "start_seconds": {k: record.spread([each.start_seconds for each in v]) for k, v in sides.items()},
        "gpu_utilisation": {k: [each.gpu_utilisation for each in v] for k, v in sides.items()},
        "gpu_memory_gib": {k: [each.gpu_memory_gib for each in v] for k, v in sides.items()},
        "front_cpu_ms_a_page": {
            k: record.spread([each.cpu_seconds * 1000 / each.requests for each in v]) for k, v in sides.items()
        },
    }
    actor = "_actor" if args.actor else ""
    record.save(f"gpu_engine_{args.shape}_{args.device}{actor}", figures, versions=library_versions())


if __name__ == "__main__":
    main()
