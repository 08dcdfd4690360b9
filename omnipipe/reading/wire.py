"""Frames between a reader process and its parent: a pickled tuple, and bytes beside it that are not pickled."""

from __future__ import annotations

import pickle
import socket
import struct

_HEADER = struct.Struct("<II")
_CHUNK = 1 << 16

Frame = tuple[tuple[object, ...], bytes]


def pack(message: tuple[object, ...], payload_size: int = 0) -> bytes:
    """`message` as a frame, up to its payload."""
    packed = pickle.dumps(message, protocol=5)
    return b"".join((_HEADER.pack(len(packed), payload_size), packed))


class Wire:
    """One end of a stream socket. Not for several threads."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = b""
        self._position = 0

    def send(self, message: tuple[object, ...], payload: bytes = b"") -> None:
        """Send one frame; `payload` (at most 4 GiB) goes as it is."""
        self.send_packed(pack(message, len(payload)))
        if payload:
            self._socket.sendall(payload)

    def send_packed(self, frames: bytes) -> None:
        """Send what `pack` made, one frame or several."""
        self._socket.sendall(frames)

    def receive(self) -> Frame:
        """The next frame.

        Raises:
            TimeoutError: The socket's time-out passed; what came so far is kept and the call can be repeated.
            EOFError: The other end is gone.
        """
        self._want(_HEADER.size)
        message_size, payload_size = _HEADER.unpack_from(self._buffer, self._position)
        total = _HEADER.size + message_size + payload_size
        self._want(total)
        start = self._position + _HEADER.size
        view = memoryview(self._buffer)
        message = pickle.loads(view[start : start + message_size])
        payload = bytes(view[start + message_size : start + message_size + payload_size]) if payload_size else b""
        self._position += total
        return message, payload

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _want(self, size: int) -> None:
        missing = size - (len(self._buffer) - self._position)
        if missing <= 0:
            return
        parts = [self._buffer[self._position :]]
        self._position = 0
        try:
            while missing > 0:
                part = self._socket.recv(max(missing, _CHUNK))
                if not part:
                    raise EOFError("the other end closed the connection")
                parts.append(part)
                missing -= len(part)
        finally:
            self._buffer = b"".join(parts)
