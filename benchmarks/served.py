"""`omnipipe serve` as users start it: a process of its own on a free port of the loopback address."""

from __future__ import annotations

import argparse
import contextlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.runs import CLI, environment
from benchmarks.watch import memory

_START_SECONDS = 240.0
_STOP_SECONDS = 60.0
_LEFTOVER_SECONDS = 10.0


def add_server_options(parser: argparse.ArgumentParser, *, pipeline: str | None = None) -> None:
    """`--runner`, `--serve-option`, and `--pipeline` where the benchmark leaves it open."""
    parser.add_argument("--runner", choices=["local", "ray"], default="ray", help="where the served pipeline runs")
    parser.add_argument(
        "--serve-option", action="append", default=[], metavar="WORD", help="a further word for omnipipe serve"
    )
    if pipeline is not None:
        parser.add_argument("--pipeline", default=pipeline)


@dataclass(slots=True)
class Served:
    """A server with the data directory `folder/data`; what it says is in `folder/said`. A context manager.

    It may be killed and started again: port and data directory stay.
    """

    folder: Path
    pipeline: str
    runner: str
    options: tuple[str, ...] = ()
    port: int = field(default_factory=lambda: free_port())
    left_over: int = 0
    """Processes that a clean end left behind; they were killed."""
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise SystemExit("the server was not started")
        return self._process.pid

    def start(self) -> float:
        """Start it; seconds until it answers.

        Raises:
            SystemExit: It ended or never answered; what it said is shown.
        """
        self.folder.mkdir(exist_ok=True)
        started = time.monotonic()
        command = [*CLI, "serve", "-p", self.pipeline, "--runner", self.runner, "--port", str(self.port)]
        command += ["--data-dir", str(self.folder / "data"), *self.options]
        with (self.folder / "said").open("ab") as said:
            self._process = subprocess.Popen(
                command, stdout=said, stderr=said, env=environment(), start_new_session=True
            )
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - started > _START_SECONDS:
                self.kill()
                raise SystemExit(f"omnipipe serve does not answer:\n{self.said()}")
            time.sleep(0.05)
        return time.monotonic() - started

    def stop(self) -> None:
        """End it as an operator does, and count what is left over."""
        if self._process is None:
            return
        family = self.processes()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        _, left = psutil.wait_procs(family[1:], timeout=_LEFTOVER_SECONDS)
        self.left_over += len(left)
        _kill(left)
        self.kill()

    def kill(self) -> None:
        """kill -9 of the server and of all that it started."""
        if self._process is None:
            return
        family = self.processes()
        self._process.kill()
        _kill(family)
        self._process.wait()
        self._process = None

    def processes(self) -> list[psutil.Process]:
        """The server and all that it started; empty where it has ended."""
        try:
            server = psutil.Process(self.pid)
            return [server, *server.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def memory_bytes(self) -> int:
        """PSS of all its processes; unique memory where there is no PSS."""
        return sum(self.memory_by_process().values())

    def memory_by_process(self) -> dict[str, int]:
        """PSS in bytes of each of its processes, by title and id; without those that have just ended."""
        sizes: dict[str, int] = {}
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()[:4] or [process.name()]
                title = " ".join(Path(word).name if "/" in word else word for word in words)[:60]
                sizes[f"{title} {process.pid}"] = memory(process.pid)[0]
        return sizes

    def cpu_seconds(self) -> float:
        """CPU time that its living processes have used, and those of their children that ended."""
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        return total

    def said(self) -> str:
        """The end of its output."""
        return (self.folder / "said").read_text(errors="replace")[-3000:]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def free_port() -> int:
    """A port of the loopback address that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@contextlib.contextmanager
def served(folder: Path, args: argparse.Namespace, pipeline: str) -> Iterator[Served]:
    """A running server as `add_server_options` says."""
    with Served(folder, pipeline, args.runner, tuple(args.serve_option)) as server:
        yield server
