"""What NVIDIA's driver says of the GPUs at this moment, whichever process uses them."""

from __future__ import annotations

import shutil
import subprocess
from typing import NamedTuple

_QUERY = ("nvidia-smi", "--query-gpu=name,memory.used,memory.total,utilization.gpu", "--format=csv,noheader,nounits")
_GIB = 1 << 30
_MIB = 1 << 20


class GpuState(NamedTuple):
    """One GPU: memory in bytes, counted over all processes; `busy` is the share of the last moments, 0 to 1.

    None is what the driver does not say.
    """

    name: str
    used: int | None
    total: int | None
    busy: float | None

    def __str__(self) -> str:
        if self.used is None or self.total is None:
            return self.name
        busy = "" if self.busy is None else f", {self.busy:.0%} busy"
        return f"{self.name}: {self.used / _GIB:.1f} of {self.total / _GIB:.1f} GiB used{busy}"


def gpu_states() -> list[GpuState]:
    """All NVIDIA GPUs of this machine; empty where there is none, or no nvidia-smi. Takes some 50 ms where there is."""
    if shutil.which(_QUERY[0]) is None:
        return []
    try:
        said = subprocess.run(_QUERY, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [_state(line) for line in said.stdout.splitlines() if line.count(",") >= 3] if not said.returncode else []


def _state(line: str) -> GpuState:
    name, used, total, busy = (cell.strip() for cell in line.rsplit(",", 3))
    numbers = [int(cell) if cell.isdecimal() else None for cell in (used, total, busy)]
    in_bytes = [None if number is None else number * _MIB for number in numbers[:2]]
    return GpuState(name, in_bytes[0], in_bytes[1], None if numbers[2] is None else numbers[2] / 100)
