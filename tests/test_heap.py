"""What the C library keeps is given back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
from pathlib import Path
from omnipipe.ledger.heap import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4

# Longer than what Python's own allocator takes; the ones that stay keep the top of the heap where it is.
many = [bytes(4000) for _ in range(20_000)]
many = many[::100]
before = resident()
give_back()
print(before - resident(), len(many))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_free_memory_between_what_stays_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[0]) > 40_000, "KiB of the 79,000 that were free"
