"""A small folder of downloaded documents that does not outlive its process for long."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from omnipipe.errors import RunStopped

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_UNFIT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.EEXIST})
_PREFIX = "omnipipe-cache-"
_LOCK = ".lock"
# A folder this young may belong to a process that is about to lock it.
_GRACE_SECONDS = 60.0


class FileCache:
    """Files by key, the least recently used go first; at most `max_files` and `max_bytes`, or one larger file.

    The folder is made at the first file. A process that is killed leaves its folder behind; the next cache in the same
    place removes it.
    """

    def __init__(self, parent: Path | None, *, max_bytes: int, max_files: int) -> None:
        self._parent = parent
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._folder: Path | None = None
        self._lock: IO[bytes] | None = None
        self._files: OrderedDict[Hashable, tuple[Path, int]] = OrderedDict()
        self._num_made = 0

    def find(self, key: Hashable) -> str | None:
        """The path of the file under `key`, None if it is not here."""
        if key not in self._files:
            return None
        self._files.move_to_end(key)
        path = self._files[key][0]
        return str(path) if path.exists() else None

    def put(self, key: Hashable, name: str, chunks: Iterable[bytes], *, digest: str | None = None) -> str | None:
        """The path of a new file called `name`; None, and no file, if its SHA-256 is not `digest`.

        What `chunks` raises passes through.

        Raises:
            RunStopped: The disk is full, or the folder cannot be made or written: no document is to blame.
        """
        with _stopping(self._parent):
            folder = self._open()
            self._num_made += 1
            path = folder / str(self._num_made) / (name or "document")
            path.parent.mkdir()
        is_kept = False
        try:
            size, found = _write(path, chunks)
            is_kept = digest in (None, found)
        finally:
            if not is_kept:
                shutil.rmtree(path.parent, ignore_errors=True)
        if not is_kept:
            return None
        self._files[key] = (path, size)
        self._evict()
        return str(path)

    def close(self) -> None:
        """Remove everything."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
        self._folder, self._lock = None, None
        self._files.clear()

    def _evict(self) -> None:
        total = sum(size for _, size in self._files.values())
        while len(self._files) > 1 and (total > self._max_bytes or len(self._files) > self._max_files):
            _, (path, size) = self._files.popitem(last=False)
            total -= size
            shutil.rmtree(path.parent, ignore_errors=True)

    def _open(self) -> Path:
        if self._folder is not None and not self._folder.is_dir():
            # Something tidied up the system's folder for temporary files.
            self.close()
        if self._folder is None:
            parent = self._parent or Path(tempfile.gettempdir())
            parent.mkdir(parents=True, exist_ok=True)
            _sweep(parent)
            self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._lock = (self._folder / _LOCK).open("wb")
            _try_lock(self._lock)
        return self._folder


def _write(path: Path, chunks: Iterable[bytes]) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    # Not buffered: what cannot be written is known here, and not where the file is closed.
    with path.open("wb", buffering=0) as file:
        for chunk in chunks:
            digest.update(chunk)
            with _stopping(path.parent):
                left = memoryview(chunk)
                while left:
                    left = left[file.write(left) :]
            size += len(chunk)
    return size, digest.hexdigest()


@contextmanager
def _stopping(folder: Path | None) -> Iterator[None]:
    """Turns what the system says of the cache's own folder into `RunStopped`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            full = folder or tempfile.gettempdir()
            raise RunStopped(f"{full} is full. Free space there, or name another folder in TMPDIR.") from error
        if error.errno in _UNFIT:
            place = f" in {folder}" if folder else ""
            raise RunStopped(
                f"documents from elsewhere cannot be kept{place} while they are read: {error.strerror}. Name a folder "
                "that can be written in TMPDIR; the same command again goes on from here."
            ) from error
        raise


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < _GRACE_SECONDS:
                continue
            with (folder / _LOCK).open("rb+") as lock:
                is_left = _try_lock(lock)
        except OSError:
            continue
        if is_left:
            shutil.rmtree(folder, ignore_errors=True)


def _try_lock(file: IO[bytes]) -> bool:
    if fcntl is None or os.name != "posix":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
