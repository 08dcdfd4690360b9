"""What omnipipe's own lines have allocated and still hold; what else goes on in the process is left out."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

_OWN = [
    tracemalloc.Filter(inclusive=True, filename_pattern=str(Path(__file__).resolve().parent.parent / "omnipipe" / "*"))
]


def held_bytes() -> int:
    """Bytes held since `tracemalloc.start()`."""
    traces = tracemalloc.take_snapshot().filter_traces(_OWN)
    return sum(statistic.size for statistic in traces.statistics("filename"))
