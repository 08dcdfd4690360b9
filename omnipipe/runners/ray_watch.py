"""A word on the terminal when what a run on Ray stands on is gone: Ray ends the driver's process without one."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

# A raylet's death ends its driver within a second, the head's after a minute in which it may come back.
_HEAD_SECONDS = 20.0
_PAUSE_SECONDS = 1.0
_CONNECT_SECONDS = 5.0


class Footing(NamedTuple):
    """A process that the run cannot do without: its name, where it listens, and for how long it may be silent."""

    name: str
    host: str
    port: int
    patience: float


class Terminal:
    """What file descriptor 2 was when this was made; `say` goes there, whatever happens to the descriptor."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        # Closed by who started this process, it is no place to write to.
        with suppress(OSError):
            self._descriptor = os.dup(2)

    def say(self, text: str) -> None:
        """Write a line."""
        if self._descriptor is not None:
            with suppress(OSError):
                # The line of a progress bar may stand there.
                start = "\n" if os.isatty(self._descriptor) else ""
                os.write(self._descriptor, f"{start}omnipipe: {text}\n".encode())

    def close(self) -> None:
        """Say nothing any more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


@contextmanager
def watched(terminal: Terminal, logs: Path) -> Iterator[None]:
    """While it is open, a Ray head or raylet of this process's that goes is told on `terminal`."""
    remedy = f"{logs} says more. What is committed stays valid, and the same command goes on."
    watches = [_Watch(footing, terminal, remedy) for footing in _find_footings()]
    try:
        yield
    finally:
        for watch in watches:
            watch.stop()


def tell_of_waiting(terminal: Terminal, num_cpus: float) -> None:
    """Say on `terminal` that no node has `num_cpus` for a worker now, where that is so: Ray waits for ever."""
    import ray

    total = ray.cluster_resources().get("CPU", 0.0)  # type: ignore[no-untyped-call]
    free = ray.available_resources().get("CPU", 0.0)  # type: ignore[no-untyped-call]
    if total < num_cpus:
        terminal.say(f"the cluster has {total:g} CPUs, and a worker needs {num_cpus:g}; the run waits for more nodes.")
    elif free < num_cpus:
        terminal.say(
            f"all {total:g} CPUs of the cluster are in use; the run waits until {num_cpus:g} of them are free."
        )


def _find_footings() -> Sequence[Footing]:
    import ray

    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    footings = [Footing(f"Ray's head at {host}:{port}", host.strip("[]"), int(port), _HEAD_SECONDS)]
    here = context.get_node_id()
    for node in ray.nodes():  # type: ignore[no-untyped-call]
        if node["NodeID"] == here:
            footings.append(
                Footing("the raylet of this machine", node["NodeManagerAddress"], node["NodeManagerPort"], 0)
            )
    return footings


class _Watch:
    """A thread that holds a connection to one process: the system closes it the moment that the process is gone."""

    def __init__(self, footing: Footing, terminal: Terminal, remedy: str) -> None:
        self._footing = footing
        self._terminal = terminal
        self._remedy = remedy
        self._is_over = threading.Event()
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="omnipipe-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        connection = self._connection
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(_CONNECT_SECONDS)

    def _run(self) -> None:
        last_seen = time.monotonic()
        while not self._is_over.is_set():
            if self._hold():
                # At once the next one: of a raylet's death there are milliseconds to tell.
                hurried = time.monotonic() - last_seen < _PAUSE_SECONDS
                last_seen = time.monotonic()
                if hurried:
                    self._is_over.wait(_PAUSE_SECONDS)
            elif time.monotonic() - last_seen < self._footing.patience:
                self._is_over.wait(_PAUSE_SECONDS)
            else:
                if not self._is_over.is_set():
                    self._terminal.say(f"{self._footing.name} is gone, and Ray ends this process. {self._remedy}")
                return

    def _hold(self) -> bool:
        """Stay connected for as long as that lasts; False where there is nobody to connect to."""
        try:
            connection = socket.create_connection((self._footing.host, self._footing.port), _CONNECT_SECONDS)
        except OSError:
            return False
        with connection, suppress(OSError):
            connection.settimeout(None)
            self._connection = connection
            while not self._is_over.is_set() and connection.recv(4096):
                pass
        self._connection = None
        return True
