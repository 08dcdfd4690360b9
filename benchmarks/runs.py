"""The command line as users call it, and what a finished run directory says about its speed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(sys.executable).parent / "omnipipe"
CLI: tuple[str, ...] = (
    (str(_SCRIPT),) if _SCRIPT.exists() else (sys.executable, "-c", "from omnipipe.cli.main import main; main()")
)
"""The console script, or the same entry point where the package is not installed."""


def environment(**changes: str) -> dict[str, str]:
    """The environment of a measured process: one thread in each library."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **changes}


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """One call of `omnipipe run` that ended well. Rates are pages per second."""

    pages: int
    seconds: float
    """From the start of the process to its end, Ray's start included."""
    span_seconds: float
    """From the start of the first unit to the last commit."""

    @property
    def whole_rate(self) -> float:
        return self.pages / self.seconds

    @property
    def span_rate(self) -> float:
        return self.pages / self.span_seconds


def run_command(inputs: Path, output: Path, *options: str) -> FinishedRun:
    """`omnipipe run INPUTS -o OUTPUT OPTIONS`, timed.

    Raises:
        SystemExit: The command failed; what it said is shown.
    """
    began = time.time()
    started = time.perf_counter()
    call([*CLI, "run", str(inputs), "-o", str(output), *options])
    seconds = time.perf_counter() - started
    return FinishedRun(count_rows(output), seconds, _span(output, began))


def call(command: Sequence[str]) -> str:
    """The output of `command`; it has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}{done.stdout[-1000:]}"
        )
    return done.stdout


def count_rows(output: Path) -> int:
    """Rows of the run's committed units."""
    import pyarrow.parquet as pq

    return sum(pq.ParquetFile(path).metadata.num_rows for path in unit_files(output))


def unit_files(output: Path) -> list[Path]:
    return sorted((output / "pages").glob("*.parquet"))


def _span(output: Path, began: float) -> float:
    starts = [time for path in (output / "starts").glob("*") if (time := path.stat().st_mtime) >= began]
    commits = [path.stat().st_mtime for path in unit_files(output)]
    # Without records of the starts the first commit stands for the first start: too short by one unit.
    return max(commits) - min(starts or commits)
