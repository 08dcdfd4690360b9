"""One running child process, seen from its parent: start, send, receive with a deadline, kill."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import omnipipe
from omnipipe.reading.wire import Frame, Wire

MIB: Final = 1024 * 1024

# How often a wait is interrupted to look at the clock and at the child's memory.
_TICK_SECONDS = 0.1
_START_SECONDS = 60.0
_CLOSE_SECONDS = 10.0
_SOCKET_BYTES = MIB

# A child that dies while it has taken this share of its limit has died of it: PDFium aborts when an allocation fails.
_OOM_SHARE = 0.4

# All of the parent's import path goes along, so that the child needs no `site` (a third of its start).
_PROGRAM = (
    "import json, sys; path, *rest = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from omnipipe.reading.child import main; main(*rest)"
)


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """What reading may take. Seconds are wall time; a page or document that takes more is given up.

    `document_seconds` is for opening one document, and for what the pages of one document may lose to deadlines in
    all. `memory_bytes` bounds the child's address space on Linux and its resident memory elsewhere. The child is
    replaced after `recycle_pages` pages or when `recycle_bytes` stay resident after a request.
    """

    page_seconds: float = 20.0
    document_seconds: float = 120.0
    memory_bytes: int = 2048 * MIB
    recycle_pages: int = 20_000
    recycle_bytes: int = 1024 * MIB


class ChildLostError(Exception):
    """The child ended, or was ended because it was late; it is of no use any more.

    `is_outside`: somebody else killed it, which need not be the fault of what it was reading.
    """

    def __init__(
        self, code: Literal["render_timeout", "render_crash", "oom"], reason: str, *, is_outside: bool = False
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.is_outside = is_outside


class Child:
    """A child process that answers requests. `num_answered` counts the pages that it has read."""

    def __init__(self, limits: ReaderLimits, passwords: Sequence[str]) -> None:
        self.num_answered = 0
        self.owner = os.getpid()
        self._is_ended = False
        self._limit = limits.memory_bytes
        self._is_ready = False
        self._peak = 0
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        ours, theirs = socket.socketpair()
        try:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            self._process = _start(_arguments(theirs.fileno(), limits), theirs.fileno(), self._stderr.fileno())
        finally:
            theirs.close()
        ours.settimeout(_TICK_SECONDS)
        self._wire = Wire(ours)
        self.send((tuple(passwords),))

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, message: tuple[object, ...]) -> None:
        """Send a request. A child that is gone is noticed by `receive`."""
        try:
            self._wire.send(message)
        except (ConnectionError, TimeoutError):
            self._end()

    def receive(self, seconds: float) -> Frame:
        """The next answer.

        Raises:
            ChildLostError: None came in `seconds` and the child was killed, it took too much memory, or it is gone.
        """
        if not self._is_ready:
            self._start_up()
        return self._receive(seconds)

    def close(self) -> None:
        """End the child, whatever it does, and reap it."""
        self._wire.close()
        if self.owner == os.getpid():
            self._process.kill()
            # One that waits for a file system that does not answer cannot be killed before that does.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_CLOSE_SECONDS)
        self._stderr.close()

    def _start_up(self) -> None:
        try:
            self._receive(_START_SECONDS)
        except ChildLostError as lost:
            self._stderr.seek(0)
            words = self._stderr.read()[-2000:].decode("utf-8", "replace").strip()
            raise RuntimeError(f"the reader process did not start: {lost}. It wrote: {words or 'nothing'}") from lost
        self._is_ready = True

    def _receive(self, seconds: float) -> Frame:
        end: float | None = None
        while True:
            try:
                return self._wire.receive()
            except TimeoutError:
                now = time.monotonic()
                end = now - _TICK_SECONDS + seconds if end is None else end
                self._look_at_memory()
                if now >= end:
                    self._end()
                    raise ChildLostError("render_timeout", f"it took more than the {seconds:g} s it may") from None
            except (EOFError, ConnectionError):
                raise self._lost() from None

    def _look_at_memory(self) -> None:
        resident = _resident_bytes(self._process.pid)
        self._peak = max(self._peak, resident)
        if resident > self._limit:
            self._end()

    def _end(self) -> None:
        self._is_ended = True
        self._process.kill()

    def _lost(self) -> ChildLostError:
        returncode = self._process.wait()
        how = signal.Signals(-returncode).name if returncode < 0 else f"exit code {returncode}"
        if self._peak > _OOM_SHARE * self._limit:
            return ChildLostError("oom", f"it took more memory than the {self._limit // MIB} MiB it may ({how})")
        if returncode == -signal.SIGKILL and not self._is_ended:
            return ChildLostError(
                "oom", "the reader process was killed, as a system short of memory does", is_outside=True
            )
        return ChildLostError("render_crash", f"it crashed the reader process ({how})")


def _arguments(descriptor: int, limits: ReaderLimits) -> list[str]:
    root = str(Path(omnipipe.__file__).resolve().parent.parent)
    path = [*sys.path, root]
    rest = [descriptor, os.getpid(), limits.memory_bytes, limits.document_seconds, limits.page_seconds]
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps([path, *rest])]


def _resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        pass
    if sys.platform == "linux":
        return 0
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


# glibc gives freed memory back and asks for it again, several times a page: 28 page faults a page and a tenth of its
# time. A process that is replaced when it has grown may keep what it has. Other C libraries ignore these names.
_ALLOCATOR = {
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TOP_PAD_": str(16 << 20),
    "MALLOC_ARENA_MAX": "1",
    # In huge pages, where the kernel leaves that to programs: a page goes once over much memory. Whoever has tunables
    # set keeps them. (docs/decisions/0005)
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}

_Order = tuple[list[str], int, int, "Future[subprocess.Popen[bytes]]"]
_orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
_spawner: list[tuple[int, threading.Thread]] = []
_spawner_lock = threading.Lock()


def _start(command: list[str], descriptor: int, stderr: int) -> subprocess.Popen[bytes]:
    """Start a process from a thread that lasts as long as this process.

    The kernel sends a child its parent-death signal when the thread that started it ends, not when the process does.
    """
    with _spawner_lock:
        # A forked process has the list and not the thread.
        if not _spawner or _spawner[0][0] != os.getpid():
            thread = threading.Thread(target=_spawn_for_ever, name="omnipipe-spawner", daemon=True)
            _spawner[:] = [(os.getpid(), thread)]
            thread.start()
    future: Future[subprocess.Popen[bytes]] = Future()
    _orders.put((command, descriptor, stderr, future))
    return future.result()


def _spawn_for_ever() -> None:
    while True:
        command, descriptor, stderr, future = _orders.get()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=(descriptor,),
                env=_ALLOCATOR | os.environ,
            )
        except OSError as problem:
            future.set_exception(problem)
        else:
            future.set_result(process)
