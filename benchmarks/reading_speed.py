"""How fast readers read the same documents: side by side in one run, document by document in turn, several times."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.reading_documents import Job
from benchmarks.runs import environment

_WORKER = Path(__file__).parent / "reading_worker.py"


@dataclass(slots=True)
class Speed:
    """A reader's pages per second of CPU time, one figure for each pass; names of documents that it could not read."""

    rates: list[float] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)


def measure_speed(readers: Mapping[str, str], jobs: Sequence[Job], *, passes: int, minutes: float) -> dict[str, Speed]:
    """The speed of each of `readers` (their names in the worker, and the Python that has them).

    A document goes through all readers before the next one, so that what else happens on the machine happens to all. A
    reader that has taken more than `minutes` is left out of the passes that follow; one that died has no figure.
    """
    pages = sum(job.num_pages for job in jobs)
    found = {name: Speed() for name in readers}
    asked = {name: _Asked(name, python, jobs[0].path) for name, python in readers.items()}
    try:
        for _ in range(passes):
            seconds = dict.fromkeys(asked, 0.0)
            for job in jobs:
                for name, reader in list(asked.items()):
                    spent = reader.ask(job.path)
                    if spent is None:
                        print(f"{name} ended at {job.path.name}", file=sys.stderr)
                        del asked[name]
                    else:
                        seconds[name] += spent
                        found[name].failed |= reader.failed
            for name, reader in list(asked.items()):
                found[name].rates.append(pages / max(seconds[name], 1e-9))
                if reader.taken > 60 * minutes:
                    asked.pop(name).close()
    finally:
        for reader in asked.values():
            reader.close()
    return found


class _Asked:
    """A reader in a process of its own, warm, that answers one document at a time."""

    def __init__(self, name: str, python: str, first: Path) -> None:
        self.taken = 0.0
        self.failed: set[str] = set()
        self._process = subprocess.Popen(
            [python, str(_WORKER), name, "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )
        self.ask(first)
        self.taken = 0.0

    def ask(self, path: Path) -> float | None:
        """CPU seconds that reading `path` took; None where the process is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        started = time.perf_counter()
        try:
            self._process.stdin.write(f"{path.absolute()}\n")
            self._process.stdin.flush()
        except OSError:
            return None
        # Libraries write to stdout as well.
        for line in self._process.stdout:
            if line.startswith("cpu_seconds "):
                self.taken += time.perf_counter() - started
                _, spent, *said = line.split()
                if said:
                    self.failed.add(path.name)
                return float(spent)
        return None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
