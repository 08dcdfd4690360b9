"""Which writers live, and who took over which job: locks, heartbeats, claims."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import threading
import weakref
from pathlib import Path

from omnipipe.errors import OmnipipeError
from omnipipe.ledger.files import stopping

LEASE_SECONDS = 10.0
DEAD_SECONDS = 3_600.0
_BEAT_SECONDS = 2.0
_SUFFIX = ".lock"
_held: weakref.WeakSet[Lease] = weakref.WeakSet()


class JobLostError(OmnipipeError):
    """A job is not this process's any more: another one took it over, it was removed, or it is final."""


class Lease:
    """This process's sign of life: a locked file that is touched every two seconds.

    Another process of the same machine sees at once when the lock is gone; others, and those that see a process which
    stands still, once the file was not touched for `LEASE_SECONDS`.
    """

    def __init__(self, folder: Path, writer: str) -> None:
        self._folder = folder
        self._path = folder / f"{writer}{_SUFFIX}"
        self._machine = _machine()
        self._opened: int | None = None
        self._ended = threading.Event()
        self._beat = threading.Thread(target=self._keep, name="omnipipe-lease", daemon=True)

    def take(self) -> None:
        """Live from now on."""
        self._make()
        _held.add(self)
        self._beat.start()

    def release(self) -> None:
        """Be gone: what is unfinished may be taken over. Safe to call twice."""
        self._ended.set()
        if self._beat.is_alive():
            self._beat.join()
        if self._opened is not None:
            self._path.unlink(missing_ok=True)
        self.drop()

    def drop(self) -> None:
        """Close the lock's file without more; a forked child does so, or it would hold the lock after its parent."""
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None

    def is_dead(self, writer: str) -> bool:
        """Whether `writer` will never write again: ended, killed, or silent for an hour."""
        return self.is_gone(writer, DEAD_SECONDS)

    def is_gone(self, writer: str, seconds: float = LEASE_SECONDS) -> bool:
        """Whether `writer` ended, was killed, or has not been seen for so long."""
        path = self._folder / f"{writer}{_SUFFIX}"
        try:
            if self._can_be_locked(path):
                return True
            # By the clock of the file system, which all see alike.
            self._touch()
            return self._path.stat().st_mtime - path.stat().st_mtime > seconds
        except FileNotFoundError:
            return not path.exists()

    def forget_dead(self) -> None:
        """Remove the lock files of writers that are dead for certain."""
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                if path != self._path and self._can_be_locked(path):
                    path.unlink()

    def _can_be_locked(self, path: Path) -> bool:
        import fcntl

        with path.open("rb") as opened:
            # Whether other machines' locks show depends on the file system.
            if opened.read(1000).decode(errors="replace") != self._machine:
                return False
            try:
                # Shared: of several that try at once, each must succeed.
                fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return False
            return True

    def _make(self) -> None:
        import fcntl

        made = self._folder / f"{secrets.token_hex(8)}.tmp"
        with stopping(self._folder):
            opened = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(opened, self._machine.encode())
            # Without locks on this file system the heartbeat alone counts: see _can_be_locked.
            with contextlib.suppress(OSError):
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            made.replace(self._path)
        self.drop()
        self._opened = opened

    def _keep(self) -> None:
        while not self._ended.wait(_BEAT_SECONDS):
            with contextlib.suppress(OSError):
                self._touch()

    def _touch(self) -> None:
        try:
            os.utime(self._path)
        except FileNotFoundError:
            # Taken for dead after a long pause. Jobs that were lost by it stay lost; this is for those to come.
            self._make()


class Claims:
    """Files `<job>.<generation>`, each made by exactly one process: the job's owner of that generation."""

    def __init__(self, folder: Path, writer: str) -> None:
        self._folder = folder
        self._writer = writer

    def take(self, job_id: str, generation: int) -> bool:
        """Make this process the owner; False where another one is."""
        made = self._folder / f"{secrets.token_hex(8)}.tmp"
        with stopping(self._folder):
            try:
                # Linked with its content: a claim that exists says whose it is.
                made.write_text(self._writer)
                os.link(made, self._path(job_id, generation))
            except FileExistsError:
                return False
            finally:
                made.unlink(missing_ok=True)
        return True

    def exists(self, job_id: str, generation: int) -> bool:
        """Whether somebody has that generation."""
        return os.path.exists(self._path(job_id, generation))  # noqa: PTH110 - once for every write

    def holder(self, job_id: str, generation: int) -> str | None:
        """The writer that has that generation."""
        try:
            return self._path(job_id, generation).read_text()
        except FileNotFoundError:
            return None

    def remove(self, job_id: str, generation: int) -> None:
        """Give a claim back that was not used."""
        self._path(job_id, generation).unlink(missing_ok=True)

    def _path(self, job_id: str, generation: int) -> Path:
        return self._folder / f"{job_id}.{generation}"


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return json.dumps([platform.node(), boot])


def _drop_all() -> None:
    for lease in list(_held):
        lease.drop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_all)
