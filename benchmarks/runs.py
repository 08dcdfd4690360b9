"""The command line as users call it, and what a finished run directory says about its speed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
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
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*CLI, "run", str(inputs), "-o", str(output), *options], stdout=said, stderr=said, env=environment()
        )
        first = _first_start(output, process)
        code = process.wait()
        seconds = time.perf_counter() - started
        if code:
            said.seek(0)
            raise SystemExit(f"omnipipe run ended with {code}:\n{said.read()[-3000:]}")
    last = max(path.stat().st_mtime for path in unit_files(output))
    return FinishedRun(count_rows(output), seconds, last - first)


def _first_start(output: Path, process: subprocess.Popen[bytes]) -> float:
    """When the first unit was started (its record is removed by the commit), as a Unix time."""
    while process.poll() is None:
        for folder in (output / "starts", output / "pages"):
            if folder.is_dir() and any(True for _ in os.scandir(folder)):
                return time.time()
        time.sleep(0.005)
    return min((path.stat().st_mtime for path in unit_files(output)), default=time.time())


def call(command: Sequence[str]) -> str:
    """The output of `command`; it has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode:
        said = f"{done.stderr[-3000:]}{done.stdout[-1000:]}"
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
    return done.stdout


def count_rows(output: Path) -> int:
    """Rows of the run's committed units."""
    import pyarrow.parquet as pq

    return sum(pq.ParquetFile(path).metadata.num_rows for path in unit_files(output))


def unit_files(output: Path) -> list[Path]:
    return sorted((output / "pages").glob("*.parquet"))
