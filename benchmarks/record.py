"""What every benchmark writes down: figures with the machine, the versions, the date and the command."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = (
    "omnipipe",
    "ray",
    "pyarrow",
    "pypdfium2",
    "rapidocr",
    "onnxruntime",
    "tesserocr",
    "pydantic",
    "fastapi",
    "uvicorn",
)


def save(name: str, figures: Mapping[str, object], *, versions: Mapping[str, str] | None = None) -> Path:
    """Write `figures` (plain JSON values) to `benchmarks/results/NAME.json`; an older result is replaced."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    record = {
        "benchmark": name,
        "command": " ".join(["python", "-m", f"benchmarks.{name}", *map(_without_folders, sys.argv[1:])]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {**_versions(_LIBRARIES), **(versions or {})},
        "figures": figures,
    }
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: benchmarks/results/{path.name}")
    return path


def machine() -> dict[str, object]:
    """The machine as far as it decides a speed; no names."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median, least and largest of `values`, rounded."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
        "num": len(values),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The least of `values` that `share` (0 to 1) of them do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def line(label: str, values: Sequence[float], digits: int = 3) -> str:
    """`values` for people: label, median and spread."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{label:<58} {middle:>10}   ({low} to {high})"


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    models = [entry.split(":", 1)[1].strip() for entry in text.splitlines() if entry.startswith("model name")]
    return models[0] if models else platform.machine()


def _versions(names: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _without_folders(argument: str) -> str:
    return Path(argument).name if argument.startswith("/") else argument
