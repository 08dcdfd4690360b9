"""Wall time, CPU time of this process, and what the GPUs did meanwhile."""

from __future__ import annotations

import importlib
import threading
import time
from typing import Any

_PERIOD = 0.2


class Meter:
    """Runs from its making to `stop`. Asks NVIDIA's library five times a second where it is there."""

    def __init__(self) -> None:
        self._devices = _devices()
        self._busy: list[float] = []
        self._memory: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="meter", daemon=True)
        if self._devices:
            self._thread.start()
        self._cpu = time.process_time()
        self._started = time.perf_counter()

    def stop(self) -> dict[str, float | None]:
        """`seconds`, `cpu_seconds`, and of the GPUs the mean utilisation (0 to 1) and the most memory of all (GiB)."""
        seconds = time.perf_counter() - self._started
        cpu_seconds = time.process_time() - self._cpu
        self._ended.set()
        if self._devices:
            self._thread.join()
        return {
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "gpu_utilisation": sum(self._busy) / len(self._busy) if self._busy else None,
            "gpu_memory_gib": max(self._memory) if self._memory else None,
        }

    def _look(self) -> None:
        pynvml = _library()
        while not self._ended.wait(_PERIOD):
            busy = [pynvml.nvmlDeviceGetUtilizationRates(device).gpu / 100 for device in self._devices]
            used = [pynvml.nvmlDeviceGetMemoryInfo(device).used / 2**30 for device in self._devices]
            self._busy.append(sum(busy) / len(busy))
            self._memory.append(sum(used))


def gpu_names() -> list[str]:
    """Names of the GPUs that NVIDIA's library shows; empty without it."""
    found = []
    for device in _devices():
        name = _library().nvmlDeviceGetName(device)
        found.append(name.decode() if isinstance(name, bytes) else str(name))
    return found


def _library() -> Any:
    return importlib.import_module("pynvml")


def _devices() -> list[Any]:
    try:
        pynvml = _library()
        pynvml.nvmlInit()
        return [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    except ImportError:
        return []
    except pynvml.NVMLError:
        return []
