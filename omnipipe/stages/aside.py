"""Somebody else's code, run beside an event loop: what does not come back holds up nobody but itself."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from omnipipe.stages.deadline import LateError

_T = TypeVar("_T")


async def aside(work: Callable[[], _T], seconds: float) -> _T:
    """What `work` returns or raises, called in a thread of its own.

    Raises:
        LateError: It took longer than `seconds`. A loop of Python is ended; native code goes on until it is done.
    """
    answer: Future[_T] = Future()
    # A daemon: one that never comes back must not hold up the end of the program.
    thread = threading.Thread(target=_serve, args=[answer, work], name="omnipipe-aside", daemon=True)
    thread.start()
    waiting = asyncio.wrap_future(answer)
    done, _ = await asyncio.wait([waiting], timeout=seconds)
    if done:
        return waiting.result()
    waiting.cancel()
    if hasattr(ctypes, "pythonapi") and thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(LateError))
    raise LateError


def _serve(answer: Future[_T], work: Callable[[], _T]) -> None:
    # Or giving up would cancel it, and there would be nowhere to put what comes too late.
    answer.set_running_or_notify_cancel()
    try:
        answer.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised again where the answer is awaited
        answer.set_exception(error)
