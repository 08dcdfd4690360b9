"""Speed and memory at three sizes: python -m benchmarks.scale --sizes 1000 10000 100000 --rounds 3

Generated documents of 10 pages. Pages per second after the first 2,000 pages, peak memory (PSS) of the driver and of
any worker with its reader, peak of the object store, and how much memory grows within a run.

PSS halves a page of a library that two processes have in memory. The watching process therefore loads none that the
driver has: what is computed from a finished run is computed in a process of its own. For the same reason the peak of a
worker is taken while all of them work: when a reader is replaced (every 20,000 pages), and when the first worker has
ended, the libraries are counted to those that are left (`worker_peak_any` has these moments as well).
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import record
from benchmarks.generator import generate
from benchmarks.runs import CLI, environment, unit_files
from benchmarks.watch import MIB, Sample, Watch

_WARM_UP = 2_000
# A reader has loaded its libraries by then.
_READER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. Memory in MiB; growth in MiB per 10,000 pages over the second half of the run."""

    pages_per_second: float
    seconds: float
    driver_peak: float
    worker_peak: float
    worker_peak_any: float
    object_store_peak: float
    driver_growth: float
    worker_growth: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 3_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    found: dict[int, list[Measured]] = {size: [] for size in args.sizes}
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        for size in args.sizes:
            generate(Path(scratch) / f"documents-{size}", size, seed=args.seed)
        for _ in range(args.rounds):
            for size in args.sizes:
                measured = _measure(Path(scratch) / f"documents-{size}", Path(scratch) / "out", size)
                print(f"{size:>7} pages: {measured}")
                found[size].append(measured)
    _report(found)


def _report(found: dict[int, list[Measured]]) -> None:
    largest, before = sorted(found)[-1], sorted(found)[max(0, len(found) - 2)]

    def ratio(name: str) -> float:
        over, under = (statistics.median(getattr(run, name) for run in found[size]) for size in (largest, before))
        return round(float(over / under), 3)

    ratios = {name: ratio(name) for name in ("pages_per_second", "driver_peak", "worker_peak")}
    for name, value in ratios.items():
        print(f"{name}: {largest} pages against {before}: {value}")
    names = list(Measured.__dataclass_fields__)
    record.save(
        "scale",
        {
            "ratios": {f"{largest}_vs_{before}": ratios},
            "sizes": {
                str(size): {name: record.spread([getattr(run, name) for run in runs], 1) for name in names}
                for size, runs in found.items()
            },
        },
    )


def _measure(documents: Path, output: Path, pages: int) -> Measured:
    shutil.rmtree(output, ignore_errors=True)
    command = [*CLI, "run", str(documents), "-o", str(output), "-p", "text_layer"]
    started = time.perf_counter()
    began = time.time()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment())
        with Watch(process.pid) as watch:
            code = process.wait()
        seconds = time.perf_counter() - started
        if code:
            said.seek(0)
            raise SystemExit(f"omnipipe run ended with {code}:\n{said.read()[-3000:]}")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as apart:
        return apart.submit(_figures, output, pages, seconds, began, watch.driver_peak, watch.samples).result()


def _figures(
    output: Path, pages: int, seconds: float, began: float, driver_peak: int, samples: Sequence[Sample]
) -> Measured:
    commits = _commits(output)
    return Measured(
        pages_per_second=round(_rate_after(commits, _WARM_UP if pages > 2 * _WARM_UP else 0), 1),
        seconds=round(seconds, 1),
        driver_peak=round(driver_peak / MIB, 1),
        worker_peak=round(max(map(_worker, _with_all_readers(samples)), default=0) / MIB, 1),
        worker_peak_any=round(max(map(_worker, samples), default=0) / MIB, 1),
        object_store_peak=round(max((s.shared for s in samples), default=0) / MIB, 1),
        driver_growth=_growth(samples, [s.driver for s in samples], commits, began),
        worker_growth=_growth(samples, [_worker(s) for s in samples], commits, began),
    )


def _with_all_readers(samples: Sequence[Sample]) -> list[Sample]:
    most = max((sample.num_readers for sample in samples), default=0)
    return [s for s in samples if s.num_readers == most and s.reader_seconds > _READER_SECONDS]


def _worker(sample: Sample) -> int:
    return max(sample.workers.values(), default=0)


def _commits(output: Path) -> list[tuple[float, int]]:
    """(Unix time, pages so far) at each commit."""
    import numpy as np
    import pyarrow.parquet as pq

    files = sorted((path.stat().st_mtime, pq.ParquetFile(path).metadata.num_rows) for path in unit_files(output))
    totals = np.cumsum([rows for _, rows in files])
    return [(at, int(total)) for (at, _), total in zip(files, totals, strict=True)]


def _rate_after(commits: Sequence[tuple[float, int]], warm_up: int) -> float:
    first = next(entry for entry in commits if entry[1] >= warm_up)
    last = commits[-1]
    return (last[1] - first[1]) / max(last[0] - first[0], 1e-9)


def _growth(
    samples: Sequence[Sample], values: Sequence[int], commits: Sequence[tuple[float, int]], began: float
) -> float:
    """MiB per 10,000 pages, by least squares over the samples of the second half of the run's pages."""
    import numpy as np

    times, totals = [at - began for at, _ in commits], [total for _, total in commits]
    pages = np.interp([sample.seconds for sample in samples], times, totals)
    late = [i for i, sample in enumerate(samples) if totals[-1] / 2 < pages[i] and sample.seconds < times[-1]]
    if len(late) < 5:
        return 0.0
    slope = np.polyfit(pages[late] / 10_000, np.array([values[i] for i in late]) / MIB, 1)[0]
    return round(float(slope), 2)


if __name__ == "__main__":
    main()
