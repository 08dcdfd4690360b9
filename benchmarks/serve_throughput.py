"""Pages per second through HTTP against the same pipeline in batch: python -m benchmarks.serve_throughput --scans 200

Two kinds of work: one-page scans with `-p ocr`, and text documents of many pages with `-p text_layer`. For each kind
one server, warm, and then batch, online, batch, ... in turn; a round's ratio is the online rate over the mean of the
batch rates before and after it. Batch counts from the first unit to the last commit (its workers load models within
that time; `after the first commit` leaves it out), online from the first request to the last answer. The load comes
from one process with `--connections` connections; its CPU time is reported, as the server competes with it.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import record
from benchmarks.clients import Answers, in_own_process, send_all
from benchmarks.generator import generate
from benchmarks.runs import run_command, unit_files
from benchmarks.served import Served, add_server_options, served


@dataclass(slots=True)
class Side:
    """The figures of one kind of work, a value a run or round."""

    pages: int
    documents: int
    batch: list[float] = field(default_factory=list)
    batch_after_first: list[float] = field(default_factory=list)
    online: list[float] = field(default_factory=list)
    load_cpu_share: list[float] = field(default_factory=list)
    server_cpu_ms: list[float] = field(default_factory=list)
    answer_kib: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Online against the batch runs before and after it."""
        return _ratios(self.online, self.batch)

    @property
    def ratios_after_first(self) -> list[float]:
        """The same against batch after its first commit."""
        return _ratios(self.online, self.batch_after_first)

    def to_plain(self) -> dict[str, object]:
        """JSON-able values."""
        return {
            "pages": self.pages,
            "documents": self.documents,
            "ratios": {
                "online_vs_batch": record.spread(self.ratios),
                "online_vs_batch_after_the_first_commit": record.spread(self.ratios_after_first),
            },
            "pages_per_second": {
                "batch, first unit to last commit": record.spread(self.batch, 1),
                "batch, after the first commit": record.spread(self.batch_after_first, 1),
                "online, first request to last answer": record.spread(self.online, 1),
            },
            "load_generator_cpu_share_of_one_core": record.spread(self.load_cpu_share),
            "server_cpu_ms_per_page": record.spread(self.server_cpu_ms, 2),
            "answer_kib_per_page": record.spread(self.answer_kib, 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=24, help="one-page scans for -p ocr; 0 leaves them out")
    parser.add_argument("--text-documents", type=int, default=20, help="for -p text_layer; 0 leaves them out")
    parser.add_argument("--text-pages", type=int, default=50, help="pages of each text document")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-option", action="append", default=[], metavar="WORD", help="for omnipipe run")
    add_server_options(parser)
    args = parser.parse_args()
    figures: dict[str, object] = {"runner": args.runner, "connections": args.connections}
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        if args.scans:
            paths = generate(Path(scratch) / "scans", args.scans, pages_per_document=1, seed=args.seed, scans=True)
            figures["scans"] = _compare(paths, args.scans, "ocr", args).to_plain()
        if args.text_documents:
            pages = args.text_documents * args.text_pages
            paths = generate(Path(scratch) / "texts", pages, pages_per_document=args.text_pages, seed=args.seed)
            figures["texts"] = _compare(paths, pages, "text_layer", args).to_plain()
    record.save("serve_throughput", figures)


def _compare(paths: Sequence[Path], pages: int, pipeline: str, args: argparse.Namespace) -> Side:
    inputs = paths[0].parent.parent
    side = Side(pages, len(paths))
    output = inputs.parent / f"{pipeline}-out"
    with served(inputs.parent / f"{pipeline}-server", args, pipeline) as server:
        # Every worker has read something, and every connection's code has run, before a clock starts.
        _online(server, paths[: 2 * args.connections], "warm", args.connections)
        _batch(inputs, output, pipeline, args.batch_option, side)
        for number in range(args.rounds):
            before = server.cpu_seconds()
            answers, cpu = _online(server, paths, f"round {number}", args.connections)
            side.online.append(answers.pages / answers.seconds)
            side.load_cpu_share.append(cpu / answers.seconds)
            side.server_cpu_ms.append((server.cpu_seconds() - before) * 1_000 / answers.pages)
            side.answer_kib.append(answers.answer_bytes / 1_024 / answers.pages)
            _batch(inputs, output, pipeline, args.batch_option, side)
    print(record.line(f"{pipeline}: online against batch", side.ratios))
    print(record.line(f"{pipeline}: online against batch after its first commit", side.ratios_after_first))
    print(record.line(f"{pipeline}: batch, pages/s", side.batch, 1))
    print(record.line(f"{pipeline}: online, pages/s", side.online, 1))
    print(record.line(f"{pipeline}: the load generator's CPU, share of a core", side.load_cpu_share))
    print(record.line(f"{pipeline}: server's CPU, ms a page", side.server_cpu_ms, 2))
    return side


def _online(server: Served, paths: Sequence[Path], mark: str, connections: int) -> tuple[Answers, float]:
    answers, cpu = in_own_process(send_all, server.url, paths, mark, connections)
    if answers.wrong or set(answers.statuses) - {200, 503}:
        raise SystemExit(f"{answers.wrong} documents were not answered right: {dict(answers.statuses)}")
    return answers, cpu


def _batch(inputs: Path, output: Path, pipeline: str, options: Sequence[str], side: Side) -> None:
    shutil.rmtree(output, ignore_errors=True)
    run = run_command(inputs, output, "-p", pipeline, *options)
    side.batch.append(run.span_rate)
    commits = sorted((path.stat().st_mtime, pq.ParquetFile(path).metadata.num_rows) for path in unit_files(output))
    seconds = commits[-1][0] - commits[0][0]
    later = sum(rows for _, rows in commits[1:])
    side.batch_after_first.append(later / seconds if seconds else run.span_rate)


def _ratios(online: Sequence[float], batch: Sequence[float]) -> list[float]:
    pairs = itertools.pairwise(batch)
    return [rate / ((before + after) / 2) for rate, (before, after) in zip(online, pairs, strict=True)]


if __name__ == "__main__":
    main()
