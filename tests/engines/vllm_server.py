"""vLLM's own OpenAI-compatible server with the tiny reader, on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.tiny_reader import CHECKPOINT

KEY = "sk-of-the-test-server"
MODEL = "tiny"
CONTEXT = 4096

_START_SECONDS = 240.0


class VLLMServer(NamedTuple):
    """A server that answers at `127.0.0.1:port` to who has `KEY`."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Where it is, as most servers are named."""
        return f"http://127.0.0.1:{self.port}/v1"

    def kill_engine(self) -> None:
        """End the process that runs the model, as running out of memory does."""
        for child in psutil.Process(self.pid).children(recursive=True):
            if "tracker" not in " ".join(child.cmdline()):
                child.kill()

    def num_running(self) -> int:
        """Requests that the engine works on or has waiting."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": f"Bearer {KEY}"}
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        names = ("vllm:num_requests_running{", "vllm:num_requests_waiting{")
        return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(names)))


@contextmanager
def vllm_server(folder: Path) -> Iterator[VLLMServer]:
    """A server until the block ends; its log is in `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # vLLM's 128 tokens a block on the CPU is longer than most prompts here. Blanks between the parts of JSON are
    # something that the reader never saw and would write for ever.
    forms = {"backend": "xgrammar", "disable_any_whitespace": True}
    options = {
        "--model": str(CHECKPOINT),
        "--served-model-name": MODEL,
        "--dtype": "float32",
        "--max-model-len": str(CONTEXT),
        "--max-num-seqs": "16",
        # By default the CPU gets a third process, and two spin on sched_yield between tokens: on two cores under Linux
        # 6.18 nothing else ran for 10 seconds at a time.
        "--distributed-executor-backend": "vllm.v1.executor.uniproc_executor.UniProcExecutor",
        "--kv-cache-memory-bytes": str(64 << 20),
        "--block-size": "32",
        "--limit-mm-per-prompt": json.dumps({"image": 1, "video": 0}),
        "--structured-outputs-config": json.dumps(forms),
        "--host": "127.0.0.1",
        "--port": str(port),
        "--api-key": KEY,
    }
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager"]
    command += ["--disable-uvicorn-access-log", *(word for option in options.items() for word in option)]
    log = folder / "vllm-server.log"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("w") as out:
        # A session of its own: its processes are ended together.
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        _await_ready(process, port, log)
        yield VLLMServer(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"the vLLM server ended with {process.returncode}: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise AssertionError(f"the vLLM server was not ready in {_START_SECONDS:g} s: {log.read_text()[-2000:]}")
