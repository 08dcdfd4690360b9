"""`omnipipe serve` as a process of its own, on loopback, with nothing of it left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.conftest import ROOT

START_SECONDS = 120.0
STOP_SECONDS = 60.0

_SETTINGS = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "OMP_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Serving:
    """A server that says that it is ready."""

    process: subprocess.Popen[bytes]
    url: str
    data: Path
    output: Path

    def client(self) -> httpx.Client:
        """A client that waits long enough on a busy machine."""
        return httpx.Client(base_url=self.url, timeout=60.0, trust_env=False)

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """The processes of a deployment."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [process for process in found if f":{deployment}" in _title(process)]

    def kill(self, deployment: str) -> None:
        """End one of its processes with -9."""
        replicas = self.replicas(deployment)
        assert replicas, f"{deployment} has no replica"
        replicas[0].send_signal(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end, as a service manager does: the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def serving(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[Serving]:
    """A server with these arguments, on a port of its own."""
    # Short: Ray keeps sockets below it, whose paths may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="os", ignore_cleanup_errors=True) as ray_folder:
        data, output = folder / "data", folder / "output"
        command = [sys.executable, "-m", "omnipipe.cli.main", "serve", "--port", "0", "--data-dir", str(data)]
        settings = os.environ | _SETTINGS | {"RAY_TMPDIR": ray_folder} | (environment or {})
        settings.pop("RAY_ADDRESS", None)
        with output.open("wb") as file:
            process = subprocess.Popen([*command, *arguments], env=settings, cwd=ROOT, stdout=file, stderr=file)
        try:
            yield Serving(process, _url(process, output), data, output)
        finally:
            family = [psutil.Process(process.pid), *_children(process.pid)] if process.poll() is None else []
            if family:
                process.send_signal(signal.SIGTERM)
                _, alive = psutil.wait_procs(family, STOP_SECONDS)
                for member in alive:
                    member.kill()
            process.wait(STOP_SECONDS)


def _url(process: subprocess.Popen[bytes], output: Path) -> str:
    closes = time.monotonic() + START_SECONDS
    while time.monotonic() < closes:
        said = output.read_text()
        if " at http://" in said:
            return said.split(" at ")[1].split()[0]
        assert process.poll() is None, said
        time.sleep(0.1)
    raise AssertionError(f"not ready after {START_SECONDS} s: {output.read_text()}")


def _children(pid: int) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return found


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
