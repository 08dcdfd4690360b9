"""Work that is worth doing only while its client is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TypeVar

from starlette.types import Receive

from omnipipe.errors import OmnipipeError

_log = logging.getLogger("omnipipe.online.web")

T = TypeVar("T")
CLIENT_WENT = "the client went away"
"""Why a job was cancelled whose client did not wait for it."""

_background: set[asyncio.Task[None]] = set()


class ClientGoneError(Exception):
    """The client closed its connection before it had its answer."""


async def while_connected(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """What `work` returns; it is cancelled when the client goes. The request's body must have been read.

    Raises:
        ClientGoneError: The client went first.
    """
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise ClientGoneError
    finally:
        leaving.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing})


def in_background(work: Coroutine[object, object, object]) -> None:
    """Do `work` although the request that wants it is over; a failure of ours is logged."""
    task = asyncio.ensure_future(_logged(work))
    _background.add(task)
    task.add_done_callback(_background.discard)


async def _logged(work: Coroutine[object, object, object]) -> None:
    try:
        await work
    except OmnipipeError as error:
        # Such as a job that was removed meanwhile.
        _log.info("work after a request: %s", type(error).__name__)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
