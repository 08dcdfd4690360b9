"""Ends processes that outlive this one: a library's children do not notice that their parent was killed.

A watcher of a few megabytes holds the other end of a pipe. When this process is gone, however it went, the pipe closes
and the watcher kills what it was told of. `PR_SET_PDEATHSIG` would have to be set inside the library's children, and
fires as soon as the thread that spawned them ends.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterable

# Told "pid start" a line, start being field 22 of /proc/PID/stat: a number that was given to another process is spared.
_WATCHER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
told = {}
for line in sys.stdin:
    if line.startswith("done"):
        sys.exit(0)
    pid, start = line.split()
    told[int(pid)] = start
for pid, start in told.items():
    try:
        with open(f"/proc/{pid}/stat") as stat:
            known = stat.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        continue
    if known == start:
        os.kill(pid, signal.SIGKILL)
"""


class Guard:
    """Kills the processes that it was told of when this process ends without `release`. Linux only; elsewhere idle."""

    def __init__(self) -> None:
        self._told: set[int] = set()
        self._watcher: subprocess.Popen[str] | None = None
        if sys.platform == "linux":
            self._watcher = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCHER],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                # A signal to our process group must not end it first.
                start_new_session=True,
            )

    def watch(self, pids: Iterable[int]) -> None:
        """Add `pids`; those that have ended already are left out."""
        if self._watcher is None or self._watcher.stdin is None:
            return
        for pid in set(pids) - self._told:
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    start = stat.read().rsplit(")", 1)[1].split()[19]
            except OSError:
                continue
            self._told.add(pid)
            with contextlib.suppress(BrokenPipeError):
                self._watcher.stdin.write(f"{pid} {start}\n")
                self._watcher.stdin.flush()

    def release(self) -> None:
        """End the watcher; nothing is killed. May be called twice."""
        if self._watcher is None or self._watcher.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._watcher.stdin.write("done\n")
            self._watcher.stdin.close()
        self._watcher.wait()
        self._watcher = None
