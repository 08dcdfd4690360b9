"""SIGTERM, by which schedulers, `timeout` and `ray job stop` end a program."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from omnipipe.errors import Terminated


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """While this is open, the first SIGTERM is a `Terminated` wherever the main thread is; more change nothing."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated
