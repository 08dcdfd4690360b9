"""What the child sends: answers together where they come fast, each at once where it matters."""

from __future__ import annotations

import threading
import time

from omnipipe.reading.wire import Wire, pack

# Waking the parent for each page costs more than all else about a frame.
_MAX_FRAMES = 16
_MAX_BYTES = 1 << 16
_MAX_SECONDS = 0.05


class Outbox:
    """Collects frames and sends them at the latest after 50 ms, by a thread of its own."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._frames: list[bytes] = []
        self._num_bytes = 0
        self._lock = threading.Lock()
        self._is_waiting = threading.Event()
        threading.Thread(target=self._send_late, name="omnipipe-outbox", daemon=True).start()

    def put(self, message: tuple[object, ...]) -> None:
        """Send `message` soon. It is lost if the process dies within 50 ms."""
        frame = pack(message)
        with self._lock:
            self._frames.append(frame)
            self._num_bytes += len(frame)
            if len(self._frames) >= _MAX_FRAMES or self._num_bytes >= _MAX_BYTES:
                self._flush()
            elif len(self._frames) == 1:
                self._is_waiting.set()

    def send(self, message: tuple[object, ...], payload: bytes = b"") -> None:
        """Send what waits, and `message`, now."""
        with self._lock:
            if self._frames:
                self._flush()
            self._wire.send(message, payload)

    def _flush(self) -> None:
        frames, self._frames, self._num_bytes = self._frames, [], 0
        self._wire.send_packed(b"".join(frames))

    def _send_late(self) -> None:
        while True:
            self._is_waiting.wait()
            self._is_waiting.clear()
            time.sleep(_MAX_SECONDS)
            with self._lock:
                if self._frames:
                    self._flush()
