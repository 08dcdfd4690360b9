"""What a process and those that it started hold in memory, sampled while they run."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

MIB = 1 << 20
_PEAK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: seconds since the watch began; PSS in bytes by role; shared memory (the object store) of all.

    `num_readers`: the reader processes that workers have; `reader_seconds`: the age of the youngest.
    """

    seconds: float
    driver: int
    workers: dict[int, int]
    shared: int
    num_readers: int = 0
    reader_seconds: float = 0.0


@dataclass(slots=True)
class Watch:
    """Samples the process `pid` and its descendants until the block ends. PSS on Linux, unique memory elsewhere.

    `driver_peak` is the most that `pid` itself held, in bytes.
    """

    pid: int
    interval: float = 1.0
    driver_peak: int = 0
    samples: list[Sample] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        began = next_look = time.monotonic()
        # A driver's peak is at its end, which may take less than an interval.
        while not self._ended.wait(min(self.interval, _PEAK_SECONDS)):
            self.driver_peak = max(self.driver_peak, memory(self.pid)[0])
            if time.monotonic() < next_look + self.interval:
                continue
            next_look = time.monotonic()
            sample = look(self.pid, time.monotonic() - began)
            if sample is not None:
                self.samples.append(sample)


def look(pid: int, seconds: float) -> Sample | None:
    """One sample; None where the process is gone. A worker's figure includes its reader process."""
    try:
        driver = psutil.Process(pid)
        children = driver.children(recursive=True)
    except psutil.NoSuchProcess:
        return None
    own, shared = memory(pid)
    workers: dict[int, int] = {}
    readers: list[tuple[int, int, float]] = []
    for child in children:
        used, of_it_shared = memory(child.pid)
        shared += of_it_shared
        try:
            parent, title, started = child.ppid(), " ".join(child.cmdline()[:3]), child.create_time()
        except psutil.Error:
            continue
        if title.startswith("ray::") and "IDLE" not in title:
            workers[child.pid] = workers.get(child.pid, 0) + used - of_it_shared
        else:
            readers.append((parent, used - of_it_shared, started))
    readers = [reader for reader in readers if reader[0] in workers]
    for parent, used, _ in readers:
        workers[parent] += used
    youngest = max((started for _, _, started in readers), default=0.0)
    return Sample(seconds, own, workers, shared, len(readers), time.time() - youngest)


def memory(pid: int) -> tuple[int, int]:
    """PSS and the shared-memory part of it, in bytes; 0 where the process is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except FileNotFoundError:
        return (0, 0) if Path("/proc/self/smaps_rollup").exists() else (_unique(pid), 0)
    except OSError:
        return 0, 0
    sizes = {entry.split(":")[0]: int(entry.split()[1]) << 10 for entry in text.splitlines()[1:]}
    return sizes.get("Pss", 0), sizes.get("Pss_Shmem", 0)


def _unique(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_full_info().uss)
    except psutil.Error:
        return 0
