"""The OCR route against a bare pool of the same engine: python -m benchmarks.ocr_route --pages 48

Scans of the generator's pages (150 dpi, grey, noise, JPEG) or real ones (`--documents`). Each round: omnipipe, then a
two-process pool that calls the same stages (render, turn, OCR) and writes nothing, then omnipipe.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
from pathlib import Path

from benchmarks import record
from benchmarks.bare_pool import stage_rate
from benchmarks.documents import add_document_options, documents
from benchmarks.runs import FinishedRun, run_command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_document_options(parser, pages=48)
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        paths = documents(args, Path(scratch), scans=True)
        output = Path(scratch) / "out"
        ours = [_ours(paths, output)]
        pools = []
        for _ in range(args.rounds):
            pools.append(stage_rate(paths, "ocr", documents_a_task=1).pages_per_second)
            ours.append(_ours(paths, output))
    pairs = list(itertools.pairwise(ours))
    spans = [
        (before.span_rate + after.span_rate) / 2 / pool for (before, after), pool in zip(pairs, pools, strict=True)
    ]
    wholes = [
        (before.whole_rate + after.whole_rate) / 2 / pool for (before, after), pool in zip(pairs, pools, strict=True)
    ]
    print(record.line("first unit to last commit against the same engine", spans))
    print(record.line("whole command against the same engine", wholes))
    print(record.line("bare pool, pages/s", pools, 2))
    record.save(
        "ocr_route",
        {
            "pages": ours[0].pages,
            "documents": len(paths),
            "kind": args.documents.name if args.documents else "generator, scans",
            "ratios": {
                "first_unit_to_last_commit_vs_same_engine": record.spread(spans),
                "whole_command_vs_same_engine": record.spread(wholes),
            },
            "pages_per_second": {
                "omnipipe, first unit to last commit": record.spread([run.span_rate for run in ours]),
                "bare pool, same stages": record.spread(pools),
            },
        },
    )


def _ours(paths: list[Path], output: Path) -> FinishedRun:
    shutil.rmtree(output, ignore_errors=True)
    return run_command(paths[0].parent.parent, output, "-p", "ocr")


if __name__ == "__main__":
    main()
