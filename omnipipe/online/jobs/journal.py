"""The segment file that this process appends to, and the thread that commits what waits in groups."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from omnipipe.errors import OmnipipeError, RunStopped
from omnipipe.ledger.files import stopping, sync_folder
from omnipipe.online.jobs.frame import HEADER_BYTES

GROUP_SECONDS = 0.05
"""What nobody waits for is written after so long at most, together with all that came meanwhile."""

SEGMENT_BYTES = 64 << 20
_RETRY_SECONDS = 1.0


class Placed(NamedTuple):
    """Where a record came to be: the segment's name, the record's offset and its payload's length in bytes."""

    segment: str
    offset: int
    length: int


@dataclass(slots=True)
class Write:
    """Encoded records of one job that go to the disk together.

    `prepare` runs before the write and may raise, which concerns this write alone; `folder` is synced after it, once
    for a group. `placed` gets the records' places after the write. With `is_vital` False the records wait for a disk
    that is full; otherwise they are given up with an error. `done` is set after the fsync.
    """

    records: Sequence[bytes]
    prepare: Callable[[], None] | None = None
    folder: Path | None = None
    placed: Callable[[Sequence[Placed]], None] | None = None
    is_vital: bool = False
    is_urgent: bool = False
    done: Future[None] = field(default_factory=Future)


class Journal:
    """Appends to `<folder>/<writer>-<n>.seg`; a new file is begun at `SEGMENT_BYTES` and after any write error."""

    def __init__(self, folder: Path, writer: str, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._writer = writer
        self._segment_bytes = segment_bytes
        self._waiting: list[Write] = []
        self._changed = threading.Condition()
        self._is_closing = False
        self._opened: int | None = None
        self._name = ""
        self._size = 0
        self._num_segments = 0
        self._trouble: RunStopped | None = None
        self.num_commits = 0
        self.num_bytes = 0
        self._thread = threading.Thread(target=self._run, name="omnipipe-journal", daemon=True)

    def start(self) -> None:
        """Start committing."""
        self._thread.start()

    @property
    def segment(self) -> str:
        """The name of the file that is written now; empty before the first write."""
        return self._name

    def check(self) -> None:
        """Return if records can be written.

        Raises:
            RunStopped: The disk is full; writing is tried again every second.
        """
        if self._trouble is not None:
            raise RunStopped(str(self._trouble)) from self._trouble

    def put(self, write: Write) -> None:
        """Queue `write`; its `done` says when it is on the disk."""
        with self._changed:
            if self._is_closing:
                raise OmnipipeError("The job store is closed.")
            # An impatient waiter must not take a write back that has begun.
            write.done.set_running_or_notify_cancel()
            self._waiting.append(write)
            if write.is_urgent or len(self._waiting) == 1:
                self._changed.notify()

    def close(self) -> None:
        """Write what waits and end. Safe to call twice."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._close_segment()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                left = self._commit(self._prepared(batch))
                if left and not self._wait_for_room(left):
                    break
        finally:
            with self._changed:
                self._is_closing = True
                for write in self._waiting:
                    write.done.set_exception(self._trouble or OmnipipeError("The job store is closed."))

    def _wait_for_room(self, left: Sequence[Write]) -> bool:
        with self._changed:
            self._waiting[:0] = left
            if not self._is_closing:
                self._changed.wait(_RETRY_SECONDS)
            return not self._is_closing

    def _next_batch(self) -> list[Write]:
        """What is to be written now; empty at the end."""
        with self._changed:
            while not self._waiting and not self._is_closing:
                self._changed.wait()
            until = time.monotonic() + GROUP_SECONDS
            while not self._is_closing and not any(write.is_urgent for write in self._waiting):
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            batch, self._waiting = self._waiting, []
        return batch

    def _prepared(self, batch: Sequence[Write]) -> list[Write]:
        ready = []
        for write in batch:
            try:
                if write.prepare is not None:
                    with stopping(self._folder):
                        write.prepare()
                    write.prepare = None
                ready.append(write)
            except (OSError, OmnipipeError) as error:
                write.done.set_exception(error)
        for folder in {write.folder for write in ready if write.folder is not None}:
            sync_folder(folder)
        return ready

    def _commit(self, batch: Sequence[Write]) -> list[Write]:
        """Write and sync `batch`; the writes that have to wait for a disk with room come back."""
        if not batch:
            return []
        data = b"".join(record for write in batch for record in write.records)
        try:
            with stopping(self._folder):
                start = self._append(data)
        except (OSError, RunStopped) as error:
            self._trouble = error if isinstance(error, RunStopped) else RunStopped(f"{self._folder}: {error}")
            self._give_up_segment()
            for write in batch:
                if write.is_vital:
                    write.done.set_exception(self._trouble)
            return [write for write in batch if not write.is_vital]
        self._trouble = None
        self.num_commits += 1
        self.num_bytes += len(data)
        for write in batch:
            places = []
            for record in write.records:
                places.append(Placed(self._name, start, len(record) - HEADER_BYTES))
                start += len(record)
            if write.placed is not None:
                write.placed(places)
            write.done.set_result(None)
        return []

    def _append(self, data: bytes) -> int:
        if self._opened is None or self._size >= self._segment_bytes:
            self._begin_segment()
        assert self._opened is not None
        start = self._size
        view = memoryview(data)
        while view:
            view = view[os.write(self._opened, view) :]
        self._size += len(data)
        os.fsync(self._opened)
        if os.fstat(self._opened).st_nlink == 0:
            # Taken for dead after a very long pause, and its file removed.
            self._close_segment()
            return self._append(data)
        return start

    def _begin_segment(self) -> None:
        self._close_segment()
        name = f"{self._writer}-{self._num_segments:06}.seg"
        self._num_segments += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._opened = os.open(self._folder / name, flags, 0o600)
        self._name = name
        self._size = 0
        sync_folder(self._folder)

    def _give_up_segment(self) -> None:
        """After an error nothing is known of the bytes since the last sync: cut them off, and begin another file."""
        if self._opened is None:
            return
        # Fails where the file system is beyond help; then the records' checksums tell a torn end.
        try:
            os.ftruncate(self._opened, self._size)
        except OSError:
            pass
        finally:
            self._close_segment()

    def _close_segment(self) -> None:
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None
