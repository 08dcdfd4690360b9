"""Waiting for something to change, without looking again and again."""

from __future__ import annotations

import asyncio


class Watch:
    """Wakes all that wait on it. For one event loop. `version` goes up with each change."""

    def __init__(self) -> None:
        self.version = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def wake(self) -> None:
        """Something changed."""
        self.version += 1
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def changed(self, since: int, seconds: float | None = None) -> bool:
        """Whether it changed after `version` was `since`; waits for that, at most `seconds`."""
        if self.version != since:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(future)
        return True
