"""One driver at a time: a lock on the run directory, which a killed driver does not hold."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import threading
import time
import weakref
from pathlib import Path

from omnipipe.errors import OutputError
from omnipipe.ledger.layout import RunLayout

LEASE_SECONDS = 30.0
_BEAT_SECONDS = 3.0
# Longer than two beats on a busy machine.
_WATCH_SECONDS = 8.0
_SETTLE_SECONDS = 0.5
_UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_held: weakref.WeakSet[RunLock] = weakref.WeakSet()


class RunLock:
    """The lock of one run directory: `flock`, or a lease with a heartbeat where the file system has no locks.

    Raises:
        OutputError: Another driver holds it; the message names its process and host.
    """

    def __init__(self, layout: RunLayout, boot_id: str, *, use_lease: bool = False) -> None:
        self._layout = layout
        self._holder = {"pid": os.getpid(), "host": socket.gethostname(), "boot_id": boot_id}
        self._opened: int | None = None
        self._ended = threading.Event()
        self._beat: threading.Thread | None = None
        if use_lease or not self._take_lock():
            self._take_lease()
        _held.add(self)

    def release(self) -> None:
        """Let another driver in. Safe to call twice."""
        self._ended.set()
        if self._beat is not None:
            self._beat.join()
            self._beat = None
            if self._has_lease():
                self._layout.lease.unlink(missing_ok=True)
        self.drop()

    def drop(self) -> None:
        """Close the lock's file without more; a forked child does so, or it would hold the lock after its parent."""
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None

    def _take_lock(self) -> bool:
        try:
            import fcntl
        except ImportError:
            return False
        opened = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(opened, 1000)
            os.close(opened)
            if error.errno in _UNSUPPORTED:
                return False
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise _taken(self._layout.root, holder) from error
            raise
        os.ftruncate(opened, 0)
        os.pwrite(opened, json.dumps(self._holder).encode(), 0)
        self._opened = opened
        return True

    def _take_lease(self) -> None:
        lease = self._layout.lease
        was_stale = False
        while True:
            try:
                opened = os.open(lease, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
                break
            except FileExistsError as error:
                with contextlib.suppress(FileNotFoundError):
                    if abs(time.time() - lease.stat().st_mtime) < LEASE_SECONDS or _is_kept(lease):
                        raise _taken(self._layout.root, lease.read_bytes()) from error
                    lease.unlink()
                    was_stale = True
        os.write(opened, json.dumps(self._holder).encode())
        os.close(opened)
        if was_stale:
            # Two drivers may have found the same stale lease; the one that wrote last has it.
            time.sleep(_SETTLE_SECONDS)
            if not self._has_lease():
                raise _taken(self._layout.root, lease.read_bytes() if lease.exists() else b"")
        self._beat = threading.Thread(target=self._keep_lease, name="omnipipe-lease", daemon=True)
        self._beat.start()

    def _has_lease(self) -> bool:
        try:
            return bool(json.loads(self._layout.lease.read_bytes()) == self._holder)
        except (OSError, ValueError):
            return False

    def _keep_lease(self) -> None:
        while not self._ended.wait(_BEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(self._layout.lease)


def _is_kept(lease: Path) -> bool:
    """Whether a driver keeps a lease that looks stale: by a clock that was set, or differs from its host's."""
    before = lease.stat().st_mtime_ns
    end = time.monotonic() + _WATCH_SECONDS
    while time.monotonic() < end:
        time.sleep(_BEAT_SECONDS / 6)
        if lease.stat().st_mtime_ns != before:
            return True
    return False


def _taken(root: Path, holder: bytes) -> OutputError:
    try:
        known = json.loads(holder)
        who = f"process {known['pid']} on {known['host']}"
    except (ValueError, KeyError, TypeError):
        who = "another process"
    return OutputError(f"{root} is in use by {who}. Wait for it to end, stop it, or choose another output with -o.")


def _drop_all() -> None:
    for lock in list(_held):
        lock.drop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_all)
