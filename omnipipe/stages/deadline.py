"""A time limit for a user's own stage: a call that does not come back is interrupted, or told to a watch.

In the main thread, where the workers of a batch run are, a signal interrupts sleeping, sockets, locks, child processes,
regular expressions and loops of Python. Native code that does not come back, and other threads, only a watch sees.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import NamedTuple

from omnipipe.stages.base import Stage, WaitingStage

# A stage that catches everything and goes on is interrupted again.
_AGAIN_SECONDS = 1.0

_GRACE_SECONDS = 30.0
_LOOK_SECONDS = 5.0


class LateError(BaseException):
    """A call took longer than its stage may. No Exception: code that waits in vain often catches all of these."""


class _Call(NamedTuple):
    stage: str
    limit: float
    due: float


_calls: dict[int, _Call] = {}
"""The call of a user's own stage that each thread is in."""


def find_limit(stage: Stage) -> float | None:
    """Seconds that a call of `stage` may take; None where it may wait: omnipipe's own, and those for an engine."""
    if isinstance(stage, WaitingStage) or type(stage).__module__.startswith("omnipipe."):
        return None
    return stage.deadline


@contextmanager
def deadline(stage: Stage) -> Iterator[None]:
    """Raise LateError inside where that takes longer than `stage` may, if this is the main thread."""
    limit = find_limit(stage)
    if limit is None:
        yield
        return
    _calls[threading.get_ident()] = _Call(type(stage).__name__, limit, time.monotonic() + limit)
    try:
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
            with _interrupted_after(limit):
                yield
        else:
            yield
    finally:
        _calls.pop(threading.get_ident(), None)


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    is_inside = True

    def interrupt(number: int, frame: FrameType | None) -> None:
        # It may come when all is done: what is interrupted then is not the stage.
        if is_inside:
            raise LateError

    handler = signal.signal(signal.SIGALRM, interrupt)
    started = time.monotonic()
    # The program that we are part of may use the timer for itself.
    theirs, interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        yield
    finally:
        is_inside = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if handler is None else handler)
        if theirs:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, theirs - (time.monotonic() - started)), interval)


def watch(
    stages: Sequence[Stage],
    tell: Callable[[str], None],
    *,
    grace: float = _GRACE_SECONDS,
    look: float = _LOOK_SECONDS,
) -> threading.Event:
    """Until what is returned is set, `tell` a sentence, in a thread, of each call that could not be interrupted."""
    is_over = threading.Event()
    if any(find_limit(stage) is not None for stage in stages):
        work = partial(_watch, tell, is_over, grace, look)
        threading.Thread(target=work, name="omnipipe-deadlines", daemon=True).start()
    return is_over


def _watch(tell: Callable[[str], None], is_over: threading.Event, grace: float, look: float) -> None:
    told: set[_Call] = set()
    while not is_over.wait(look):
        for call in set(_calls.values()) - told:
            if time.monotonic() > call.due + grace:
                told.add(call)
                tell(f"stage {call.stage} took more than the {call.limit:g} s it may, and cannot be interrupted")
