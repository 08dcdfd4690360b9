"""The C library's heap, which keeps what was freed unless it is told not to."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Any

_M_ARENA_MAX = -8


def share_one_arena() -> None:
    """Have all threads to come allocate from one heap: what one of them frees another can use.

    glibc gives each of the first threads (eight for each core) a heap of its own otherwise. For a process whose threads
    wait more than they allocate, and that has started none yet. Nothing where MALLOC_ARENA_MAX is set, or another C
    library.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    set_option = _glibc("mallopt")
    if set_option is not None:
        set_option(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return memory that is free to the system: glibc's malloc_trim; nothing where there is another C library."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _glibc(name: str) -> Any:
    if sys.platform != "linux":
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        # musl has none.
        return None
