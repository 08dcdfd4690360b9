"""What the layout model costs the text route: python -m benchmarks.layout_auto --documents FOLDER --rounds 3

The same worker, in this process, over pages with a text layer: without the model, with `--layout auto`, without it, ...
Pages that need OCR are left out of both. `--always N` also asks the model for each of N pages.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import record
from benchmarks.documents import add_document_options, documents
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.sources.expand import expand
from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.index import index_source
from omnipipe.stages.layout import DOUBT, Layout, Mode
from omnipipe.stages.read import Read
from omnipipe.unit import Member, Unit
from omnipipe.worker import Worker


@dataclass(frozen=True, slots=True)
class Pass:
    """One way over the pages: how many were text, how many of them in doubt, and its seconds of wall and CPU."""

    pages: int
    in_doubt: int
    seconds: float
    cpu_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_document_options(parser, pages=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--always", type=int, default=20, help="pages for which the model is asked in any case")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        units = _text_units(documents(args, Path(scratch)))
        without = [_read(units, "never")]
        auto = []
        for _ in range(args.rounds):
            auto.append(_read(units, "auto"))
            without.append(_read(units, "never"))
        always = _read(_first(units, args.always), "always")
    sides = [(one, (before, after)) for one, (before, after) in zip(auto, itertools.pairwise(without), strict=True)]
    wall = [(before.seconds + after.seconds) / 2 / one.seconds for one, (before, after) in sides]
    cpu = [(before.cpu_seconds + after.cpu_seconds) / 2 / one.cpu_seconds for one, (before, after) in sides]
    print(record.line("pages/s with auto against without", wall))
    print(record.line("the same by CPU time", cpu))
    print(f"pages: {auto[0].pages}, in doubt: {auto[0].in_doubt}")
    print(f"always: {always.cpu_seconds / max(1, always.pages):.3f} s of CPU time a page")
    record.save(
        "layout_auto",
        {
            "pages": auto[0].pages,
            "pages_in_doubt": auto[0].in_doubt,
            "documents": len(units),
            "kind": args.documents.name if args.documents else "generator",
            "ratios": {"pages_per_second_auto_vs_without": record.spread(wall), "by_cpu_time": record.spread(cpu)},
            "cpu_seconds_a_page": {
                "without": record.spread([one.cpu_seconds / one.pages for one in without], 5),
                "auto": record.spread([one.cpu_seconds / one.pages for one in auto], 5),
                "always": round(always.cpu_seconds / max(1, always.pages), 4),
            },
        },
    )


def _text_units(paths: Sequence[Path]) -> list[Unit]:
    """A unit for each document: the pages that are read from their text layer."""
    units: list[Unit] = []
    with Worker(Pipeline("probe", (Read(),))) as worker:
        fetcher = Fetcher()
        for path in paths:
            document = index_source(next(iter(expand([str(path)]))), worker.reader, fetcher)
            if document.problem is not None or not document.page_count:
                continue
            pages = worker.run(Unit(id=path.name, members=(Member(document.ref(), 0, document.page_count),)))
            members = tuple(Member(document.ref(), page.index, page.index + 1) for page in pages if _is_text(page))
            if members:
                units.append(Unit(id=str(len(units)), members=members))
        fetcher.close()
    return units


def _is_text(page: Page) -> bool:
    return page.route == "text_layer"


def _first(units: Sequence[Unit], num_pages: int) -> list[Unit]:
    members = [member for unit in units for member in unit.members[:2]]
    return [Unit(id="first", members=tuple(members[:num_pages]))]


def _read(units: Sequence[Unit], mode: Mode) -> Pass:
    with Worker(Pipeline("layout", (Read(), Layout(mode=mode)))) as worker:
        # The reader's start and the model's are no page's cost.
        worker.run(units[0])
        started, cpu = time.perf_counter(), _cpu_seconds()
        pages = [page for unit in units for page in worker.run(unit)]
        seconds, used = time.perf_counter() - started, _cpu_seconds() - cpu
    return Pass(len(pages), sum(DOUBT in page.flags for page in pages), seconds, used)


def _cpu_seconds() -> float:
    """Of this process and its reader."""
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return float(sum(entry.user + entry.system for entry in times))


if __name__ == "__main__":
    main()
