"""How many chat requests there may be at once, and how much memory they may take together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from omnipipe.online.busy import BusyError
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.errors import ApiProblem
from omnipipe.online.web.upload import body_chunks

_BODIES = 8
"""All requests together may hold as many bytes as this many of the largest."""


class ChatRoom:
    """Counts requests and their bytes. On one event loop."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self.num_inside = 0
        self.num_bytes = 0
        self.num_refused = 0

    @contextmanager
    def enter(self) -> Iterator[Seat]:
        """A seat as long as the context lasts.

        Raises:
            BusyError: There is none.
        """
        if self.num_inside >= self._settings.max_chats:
            self.num_refused += 1
            raise BusyError(f"{self.num_inside} chat requests are in work or waiting. Try again later.", 2.0)
        self.num_inside += 1
        seat = Seat(self)
        try:
            yield seat
        finally:
            seat.hold(0)
            self.num_inside -= 1

    def take(self, num_bytes: int) -> None:
        """Count `num_bytes` more, or fewer where it is negative.

        Raises:
            BusyError: It is too much at the moment.
        """
        if num_bytes > 0 and self.num_bytes + num_bytes > _BODIES * self._settings.max_chat_bytes:
            self.num_refused += 1
            raise BusyError("The chat requests in work hold all the memory that they may. Try again later.", 2.0)
        self.num_bytes += num_bytes

    async def read_body(self, request: Request, seat: Seat) -> bytearray:
        """The body of `request`, whose bytes `seat` holds.

        Raises:
            ApiProblem: 408 or 413: too slow, or too large.
            BusyError: There is no memory for it.
            ClientGoneError: The client went in the middle.
        """
        most = self._settings.max_chat_bytes
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > most:
            raise _too_large(most)
        content = bytearray()
        async for chunk in body_chunks(request, self._settings.body_timeout):
            if len(content) + len(chunk) > most:
                raise _too_large(most)
            seat.hold(len(content) + len(chunk))
            content += chunk
        return content


class Seat:
    """One request's place; `hold` says how many bytes it has in memory now."""

    def __init__(self, room: ChatRoom) -> None:
        self._room = room
        self._num_bytes = 0

    def hold(self, num_bytes: int) -> None:
        """See `ChatRoom.take`."""
        self._room.take(num_bytes - self._num_bytes)
        self._num_bytes = num_bytes


def _too_large(most: int) -> ApiProblem:
    return ApiProblem(413, "too_large", f"The body is larger than the {most:,} bytes that a chat request may have.")
