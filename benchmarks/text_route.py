"""The text route against bare pools over the same library: python -m benchmarks.text_route --pages 10000

Each round: omnipipe, a two-process pool that calls the same stages and writes nothing, a two-process pool that only
takes PDFium's raw text. omnipipe's figure for a round is the mean of the runs before and after the pools.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
from pathlib import Path

from benchmarks import record
from benchmarks.bare_pool import raw_text_rate, stage_rate
from benchmarks.documents import add_document_options, documents
from benchmarks.runs import FinishedRun, run_command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_document_options(parser, pages=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        paths = documents(args, Path(scratch))
        folder = paths[0].parent.parent
        ours = [_ours(folder, Path(scratch) / "out")]
        pools, raws = [], []
        for _ in range(args.rounds):
            pools.append(stage_rate(paths))
            raws.append(raw_text_rate(paths))
            ours.append(_ours(folder, Path(scratch) / "out"))
    pairs = list(itertools.pairwise(ours))
    spans = [(before.span_rate + after.span_rate) / 2 for before, after in pairs]
    wholes = [(before.whole_rate + after.whole_rate) / 2 for before, after in pairs]
    pool_rates = [pool.pages_per_second for pool in pools]
    raw_rates = [raw.pages_per_second for raw in raws]
    ratios = {
        "first_unit_to_last_commit_vs_same_stages": [s / p for s, p in zip(spans, pool_rates, strict=True)],
        "whole_command_vs_same_stages": [w / p for w, p in zip(wholes, pool_rates, strict=True)],
        "first_unit_to_last_commit_vs_raw_text": [s / r for s, r in zip(spans, raw_rates, strict=True)],
        "whole_command_vs_raw_text": [w / r for w, r in zip(wholes, raw_rates, strict=True)],
    }
    for label, values in ratios.items():
        print(record.line(label, values))
    rates = {
        "omnipipe, first unit to last commit": [run.span_rate for run in ours],
        "omnipipe, whole command": [run.whole_rate for run in ours],
        "bare pool, same stages": pool_rates,
        "bare pool, raw text": raw_rates,
    }
    for label, values in rates.items():
        print(record.line(f"{label}, pages/s", values, 0))
    record.save(
        "text_route",
        {
            "pages": ours[0].pages,
            "documents": len(paths),
            "kind": args.documents.name if args.documents else "generator",
            "ratios": {label: record.spread(values) for label, values in ratios.items()},
            "pages_per_second": {label: record.spread(values, 1) for label, values in rates.items()},
        },
    )


def _ours(folder: Path, output: Path) -> FinishedRun:
    shutil.rmtree(output, ignore_errors=True)
    return run_command(folder, output, "-p", "text_layer")


if __name__ == "__main__":
    main()
