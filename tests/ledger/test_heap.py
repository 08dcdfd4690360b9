"""What the C library keeps is given back, and threads share it."""

from __future__ import annotations

import os
import platform
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

_THREADS = """
import ctypes, threading
from omnipipe.ledger.heap import share_one_arena

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
if {shared}:
    share_one_arena()
ready, found = threading.Barrier(3), []

def allocate():
    ready.wait()
    found.append(libc.malloc(60_000))

threads = [threading.Thread(target=allocate) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
# The main heap is the one that the system calls so.
ranges = [line.split()[0].split("-") for line in open("/proc/self/maps") if line.rstrip().endswith("[heap]")]
print(sum(any(int(low, 16) <= at < int(high, 16) for low, high in ranges) for at in found))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_free_memory_between_what_stays_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[0]) > 40_000, "KiB of the 79,000 that were free"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
@pytest.mark.parametrize(("shared", "num_in_main"), [(False, 0), (True, 3)])
def test_threads_share_one_heap(*, shared: bool, num_in_main: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", _THREADS.replace("{shared}", str(shared))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert int(done.stdout) == num_in_main
