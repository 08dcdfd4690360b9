"""Parts of `documents/` written by other processes beside this one: Python runs one thread at a time."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import omnipipe

if TYPE_CHECKING:
    from collections.abc import Callable

Task = TypeVar("Task")

_MOST = 3

# All of the parent's import path goes along, so that the process needs no `site`.
_PROGRAM = (
    "import json, sys; path, work = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from omnipipe.ledger.beside import main; main(work)"
)


def num_spare(num_parts: int) -> int:
    """How many processes beside this one `num_parts` parts are worth, on this machine."""
    return max(0, min(_MOST, num_parts - 1, (os.cpu_count() or 1) - 1))


class Beside(Generic[Task]):
    """Up to `count` processes that call `work`, a function of a module of ours, with tasks that can be pickled.

    They are started with their first tasks, and end when this is closed or this process is gone.
    """

    def __init__(self, count: int, work: Callable[[Task], None]) -> None:
        self._count = count
        self._work = f"{work.__module__}:{work.__name__}"
        self._threads = ThreadPoolExecutor(count, "omnipipe-beside") if count else None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._given: list[tuple[Future[bool], Task]] = []
        self._failed: list[Task] = []

    def offer(self, task: Task) -> bool:
        """Whether one of the processes has nothing to do, and does `task`."""
        self._settle([(future, given) for future, given in self._given if future.done()])
        if self._threads is None or len(self._given) >= self._count:
            return False
        self._given.append((self._threads.submit(self._do, task), task))
        return True

    def undone(self) -> Sequence[Task]:
        """Waits until all is done; the tasks of processes that failed or were killed."""
        self._settle(list(self._given))
        return self._failed

    def close(self) -> None:
        """End the processes, whatever they do."""
        for process in self._processes:
            process.kill()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            # What of a task is not sent yet goes nowhere.
            with contextlib.suppress(BrokenPipeError), process:
                pass

    def _settle(self, given: Sequence[tuple[Future[bool], Task]]) -> None:
        """Wait for `given`, and keep of it what was not done: all tasks of a long run would take much memory."""
        for entry in given:
            future, task = entry
            if not future.result():
                self._failed.append(task)
            self._given.remove(entry)

    def _do(self, task: Task) -> bool:
        try:
            process = self._idle.get_nowait()
        except queue.Empty:
            try:
                process = self._start()
            except OSError:
                return False
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump(task, process.stdin)
            process.stdin.flush()
            is_done = bool(process.stdout.read(1))
        except OSError:
            return False
        if is_done:
            self._idle.put(process)
        return is_done

    def _start(self) -> subprocess.Popen[bytes]:
        path = [*sys.path, str(Path(omnipipe.__file__).resolve().parent.parent)]
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps([path, self._work])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process


def main(work: str) -> None:
    """Call `work` (module:function) with each task that standard input gives, until that ends."""
    from importlib import import_module

    # Ctrl-C goes to all processes of a terminal: the parent says what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(tasks,), daemon=True).start()
    module, name = work.split(":")
    do = getattr(import_module(module), name)
    while True:
        do(tasks.get())
        sys.stdout.buffer.write(b".")
        sys.stdout.buffer.flush()


def _receive(tasks: queue.SimpleQueue[object]) -> None:
    with contextlib.suppress(EOFError, pickle.UnpicklingError):
        while True:
            tasks.put(pickle.load(sys.stdin.buffer))
    # The parent is gone, whatever is being written: it has a temporary name.
    os._exit(0)
