"""Uploaded documents on the disk: bounded while they come in, then one file a job."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from pathlib import Path
from typing import NamedTuple

from omnipipe.errors import OmnipipeError
from omnipipe.ledger.files import stopping
from omnipipe.online.busy import BusyError

_COUNT_SECONDS = 5.0
_RETRY_AFTER = 30.0


class TooLargeError(OmnipipeError):
    """An upload is larger than is allowed. `max_bytes` is the limit."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"The upload is larger than {max_bytes} bytes. Split it, or ask for a higher max_bytes.")
        self.max_bytes = max_bytes


class Upload(NamedTuple):
    """Spooled bytes: where they are, how many, and their SHA-256 in hex."""

    path: Path
    size: int
    doc_id: str


class Uploads:
    """The folder of uploads, and how many bytes it may hold over all processes that share it."""

    def __init__(self, folder: Path, writer: str, *, max_bytes: int, max_spool_bytes: int) -> None:
        self._folder = folder
        self._writer = writer
        self._max_bytes = max_bytes
        self._max_spool_bytes = max_spool_bytes
        self._bytes_used = 0
        self._counted_at = -_COUNT_SECONDS
        self._lock = threading.Lock()

    @property
    def bytes_used(self) -> int:
        """Bytes of all uploads, as counted in the last seconds."""
        with self._lock:
            if time.monotonic() - self._counted_at >= _COUNT_SECONDS:
                self._bytes_used = _folder_bytes(self._folder)
                self._counted_at = time.monotonic()
            return self._bytes_used

    def writer(self) -> UploadWriter:
        """A new file to write into.

        Raises:
            BusyError: There is no room.
        """
        self.check_room(0)
        name = f"{self._writer}.{secrets.token_hex(8)}.tmp"
        return UploadWriter(self, self._folder / name, self._max_bytes)

    def check_room(self, size: int) -> None:
        """Return if `size` bytes more may come, and count them.

        Raises:
            BusyError: They may not.
        """
        if self.bytes_used + size >= self._max_spool_bytes:
            raise BusyError(
                f"The uploads of all jobs hold {self.bytes_used} bytes of {self._max_spool_bytes}.", _RETRY_AFTER
            )
        self.count(size)

    def count(self, size: int) -> None:
        """Note that `size` bytes came, or went where it is negative."""
        with self._lock:
            self._bytes_used += size

    def path(self, job_id: str) -> Path:
        """Where the upload of a job is kept."""
        return self._folder / job_id

    def keep(self, upload: Upload, job_id: str) -> None:
        """Make `upload`, which was synced, the job's own; the folder is to be synced still."""
        upload.path.replace(self.path(job_id))

    def remove(self, job_id: str) -> None:
        """Remove the upload of a job, where it is still there."""
        path = self.path(job_id)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return
        self.count(-size)


def sync_file(path: Path) -> None:
    """Have the disk take all bytes of a file."""
    opened = os.open(path, os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class UploadWriter:
    """Takes an upload in pieces. Not for several threads at once."""

    def __init__(self, uploads: Uploads, path: Path, max_bytes: int) -> None:
        self._uploads = uploads
        self._path = path
        self._max_bytes = max_bytes
        self._size = 0
        self._hash = hashlib.sha256()
        with stopping(path.parent):
            self._opened: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: bytes) -> None:
        """Add `data`.

        Raises:
            TooLargeError: The upload is larger than allowed; it is discarded.
            BusyError: The folder of uploads is full; it is discarded.
            RunStopped: The disk is full; it is discarded.
        """
        if self._opened is None:
            raise ValueError("The upload was finished or discarded before.")
        try:
            if self._size + len(data) > self._max_bytes:
                raise TooLargeError(self._max_bytes)
            self._uploads.check_room(len(data))
            self._size += len(data)
            self._hash.update(data)
            view = memoryview(data)
            with stopping(self._path.parent):
                while view:
                    view = view[os.write(self._opened, view) :]
        except BaseException:
            self.discard()
            raise

    def finish(self) -> Upload:
        """The upload, to be given to `JobStore.create`."""
        self._close()
        return Upload(self._path, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        """Remove what came. Safe to call twice, and without effect on an upload that became a job's."""
        self._close()
        if self._path.exists():
            self._path.unlink(missing_ok=True)
            self._uploads.count(-self._size)

    def _close(self) -> None:
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None


def _folder_bytes(folder: Path) -> int:
    size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                size += entry.stat().st_size
            except FileNotFoundError:
                continue
    return size
