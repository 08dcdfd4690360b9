"""The C library's heap, which keeps what was freed unless it is told not to."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any


def give_back() -> None:
    """Return memory that is free to the system: glibc's malloc_trim; nothing where there is another C library."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    if sys.platform != "linux":
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        # musl has none.
        return None
