"""What a user waits before anything happens: python -m benchmarks.cold_start --times 20

`omnipipe --help`, `omnipipe extract` on one page with a text layer, `omnipipe run` on the same page with Ray, each
beside a bare Python interpreter that starts and ends. Wall time and CPU time, in seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import record
from benchmarks.generator import document_bytes
from benchmarks.runs import CLI, environment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--runs", type=int, default=2, help="how often to start `omnipipe run`")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        page, out = Path(scratch) / "page.pdf", Path(scratch) / "out"
        page.write_bytes(document_bytes(1, 1, 1))
        commands: dict[str, Sequence[str]] = {
            "bare python": [sys.executable, "-c", "pass"],
            "import omnipipe": [sys.executable, "-c", "import omnipipe"],
            "--help": [*CLI, "--help"],
            "extract": [*CLI, "extract", str(page)],
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in [*commands, "run"]}
        for command in commands.values():
            _timed(command)
        for _ in range(args.times):
            for name, command in commands.items():
                found[name].append(_timed(command))
        for _ in range(args.runs):
            shutil.rmtree(out, ignore_errors=True)
            found["run"].append(_timed([*CLI, "run", str(page), "-o", str(out)]))
    bare = statistics.median(wall for wall, _ in found["bare python"])
    for name, times in found.items():
        walls = [wall for wall, _ in times]
        print(record.line(f"{name}, seconds", walls), f"  {statistics.median(walls) / bare:.1f} x bare python")
    record.save(
        "cold_start",
        {
            "seconds": {name: record.spread([wall for wall, _ in times]) for name, times in found.items()},
            "cpu_seconds": {name: record.spread([cpu for _, cpu in times]) for name, times in found.items()},
            "ratio_to_bare_python": {
                name: round(statistics.median(wall for wall, _ in times) / bare, 1) for name, times in found.items()
            },
        },
    )


def _timed(command: Sequence[str]) -> tuple[float, float]:
    """Wall and CPU seconds of `command`; CPU without processes that it left to others, as Ray's."""
    with tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment())
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said.read()[-3000:]}")
    return wall, used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
