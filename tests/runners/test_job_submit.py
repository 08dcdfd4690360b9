"""A cluster of its own with a dashboard: `--address`, `ray job submit -- omnipipe run`, `serve deploy`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.pdfs import pdf_of_texts
from tests.rows import column

pytestmark = pytest.mark.slow

RAY = str(Path(sys.executable).with_name("ray"))
SERVE = str(Path(sys.executable).with_name("serve"))
OMNIPIPE = str(Path(sys.executable).with_name("omnipipe"))
START_SECONDS = 60.0


class Head:
    """A running head node: the address for drivers, that for jobs, and the environment for both."""

    def __init__(self, folder: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.jobs = f"http://127.0.0.1:{free_port()}"
        self.folder = folder
        # Jobs find `python` and `omnipipe` in the PATH of the shell that started the node.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = os.environ | {
            "PATH": path,
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        }
        self.environment.pop("RAY_ADDRESS", None)

    def start(self) -> subprocess.Popen[bytes]:
        port, jobs = self.address.rpartition(":")[2], self.jobs.rpartition(":")[2]
        command = [RAY, "start", "--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=1"]
        command += [f"--temp-dir={self.folder}", "--object-store-memory=100000000"]
        command += ["--dashboard-host=127.0.0.1", f"--dashboard-port={jobs}"]
        command += [f"--dashboard-agent-listen-port={free_port()}"]
        with open(Path(self.folder) / "head.log", "wb") as log:
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=150)

    def is_ready(self) -> bool:
        return self.call(RAY, "job", "list", "--address", self.jobs).returncode == 0


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    """One node on loopback; all that it started is ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="rj", ignore_cleanup_errors=True) as folder:
        head = Head(folder)
        process = head.start()
        try:
            closes = time.monotonic() + START_SECONDS
            while not head.is_ready():
                assert time.monotonic() < closes, (Path(folder) / "head.log").read_text()[-2000:]
            yield head
        finally:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            end_with_patience(family)
            process.wait(10)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(pdf_of_texts(["A page that a cluster reads.\nIt has two lines of text."] * 3))
    return folder


def test_address_runs_on_that_cluster(head: Head, documents: Path, tmp_path: Path) -> None:
    done = head.call(
        OMNIPIPE, "run", str(documents), "-o", str(tmp_path / "out"), "-p", "text_layer", "--address", head.address
    )

    assert done.returncode == 0, done.stderr
    assert column(tmp_path / "out", "status") == ["ok"] * 3


def test_a_submitted_job_runs_on_its_own_cluster(head: Head, documents: Path, tmp_path: Path) -> None:
    run = [OMNIPIPE, "run", str(documents), "-o", str(tmp_path / "out"), "-p", "text_layer"]
    done = head.call(RAY, "job", "submit", "--address", head.jobs, "--", *run)

    assert done.returncode == 0, done.stdout + done.stderr
    assert column(tmp_path / "out", "status") == ["ok"] * 3


def test_a_job_whose_command_is_wrong_fails(head: Head, tmp_path: Path) -> None:
    run = [OMNIPIPE, "run", str(tmp_path / "nothing"), "-o", str(tmp_path / "out")]
    done = head.call(RAY, "job", "submit", "--address", head.jobs, "--", *run)

    assert done.returncode == 1
    assert "Traceback" not in done.stdout.partition("Tailing logs")[2].partition("failed")[0]


def test_a_deployed_file_reads_documents(head: Head, tmp_path: Path) -> None:
    port = str(free_port())
    options = ["-p", "text_layer", "--port", port, "--data-dir", str(tmp_path / "data")]
    # The last test here: what is deployed keeps the node's only CPU.
    built = head.call(OMNIPIPE, "serve", "--build", *options, "--replicas", "1", "--ingresses", "1")
    file = tmp_path / "serve.yaml"
    file.write_text(built.stdout)

    deployed = head.call(SERVE, "deploy", str(file), "--address", head.jobs)

    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60.0, trust_env=False) as client:
        wait_until_ready(client, head)
        pdf = pdf_of_texts(["A page that a cluster reads.\nIt has two lines of text."])
        job = client.post("/v1/documents", files={"file": ("a.pdf", pdf)}, params={"wait": 30}).json()
    assert job["pages"][0]["text"] == "A page that a cluster reads. It has two lines of text."


def wait_until_ready(client: httpx.Client, head: Head) -> None:
    closes = time.monotonic() + START_SECONDS
    while time.monotonic() < closes:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(head.call(SERVE, "status", "--address", head.jobs).stdout)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_with_patience(family: Sequence[psutil.Process]) -> None:
    """End processes that we started: asked first, then made to."""
    for member in reversed(family):
        with suppress(psutil.NoSuchProcess):
            member.terminate()
    for member in psutil.wait_procs(family, 3)[1]:
        with suppress(psutil.NoSuchProcess):
            member.kill()
