"""Pictures of pages, drawn from kept uploads in processes that a broken file may take down."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from omnipipe.online.web.errors import ApiProblem
from omnipipe.page import PageError, ProblemError
from omnipipe.reading.facts import RenderPolicy
from omnipipe.reading.process import ReaderLimits, ReaderProcess

_AT_ONCE = 2
_MOST_WAITING = 32
_IDLE_SECONDS = 30.0
_LIMITS = ReaderLimits(page_seconds=20.0, document_seconds=30.0, memory_bytes=1 << 30)

Picture = Literal["png", "jpeg"]


class PagePictures:
    """Draws pages, two at once. Readers that nobody needed for half a minute are ended; so is the rest by `close`."""

    def __init__(self) -> None:
        self._num_waiting = 0
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="omnipipe-picture")
        self._idle: list[ReaderProcess] = []
        self._timer: asyncio.TimerHandle | None = None

    async def draw(
        self, path: Path, index: int, form: Picture, *, longest_side: int, passwords: tuple[str, ...] = ()
    ) -> bytes:
        """The picture of page `index` (from 0) of the document at `path`, upright, no side above `longest_side`.

        Raises:
            ApiProblem: 404 no such page, 422 it cannot be drawn, 503 too many wait.
        """
        if self._num_waiting >= _MOST_WAITING:
            raise ApiProblem(503, "busy", "Too many pictures are being drawn.", 1.0)
        policy = RenderPolicy(
            dpi=150.0, longest_side=longest_side, max_pixels=12_000_000, small_side=0, format=form, mode="RGB"
        )
        drawing = asyncio.get_running_loop().run_in_executor(self._threads, self._draw, path, index, policy, passwords)
        self._num_waiting += 1
        drawing.add_done_callback(self._drawn)
        # A thread cannot be stopped: it keeps its place although nobody waits any more.
        return await asyncio.shield(drawing)

    def _drawn(self, drawing: asyncio.Future[bytes]) -> None:
        self._num_waiting -= 1
        if not drawing.cancelled():
            # Told to whoever waits; nobody may.
            drawing.exception()
        self._end_idle_later()

    def close(self) -> None:
        """End all readers."""
        if self._timer is not None:
            self._timer.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._end_idle()

    def _draw(self, path: Path, index: int, policy: RenderPolicy, passwords: tuple[str, ...]) -> bytes:
        # Passwords are a reader's own: one that knows some is used once.
        reader = ReaderProcess(_LIMITS, passwords) if passwords else self._idle_reader()
        try:
            if index >= reader.inspect(str(path)).page_count:
                raise ApiProblem(404, "no_such_page", f"The document has no page {index + 1}.")
            (found,) = reader.render_pages(str(path), [index], policy)
        except ProblemError as problem:
            found = problem.error
        finally:
            if passwords:
                reader.close()
            else:
                self._idle.append(reader)
        if isinstance(found, PageError):
            # Not its message, which names files of this machine.
            raise ApiProblem(422, "cannot_draw", f"The page cannot be drawn: {found.code}.")
        return found.data

    def _idle_reader(self) -> ReaderProcess:
        try:
            return self._idle.pop()
        except IndexError:
            return ReaderProcess(_LIMITS)

    def _end_idle_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._end_idle)

    def _end_idle(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                self._idle.pop().close()
            except IndexError:
                return
