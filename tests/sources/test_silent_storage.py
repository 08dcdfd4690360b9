"""Storage that does not answer costs one document its row, and is named while it is waited for."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.errors import RunStopped
from omnipipe.page import ProblemError
from omnipipe.progress import Progress
from omnipipe.reading.process import ReaderLimits
from omnipipe.sources import bounded
from omnipipe.sources.bounded import BoundedCalls, waiting_for
from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.source import Source
from tests.pdfs import pdf_of_texts

PATIENCE = 1.5

# Holds a write lease and does not give it up: the kernel lets whoever opens the file wait, for 45 seconds.
_HOLD = """
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, lambda *_: None)
file = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def not_to_be_opened(path: Path) -> Iterator[None]:
    """While this is open, whoever opens the file at `path` waits."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdin=pipe, stdout=pipe, stderr=pipe) as holder:
        assert holder.stdout is not None
        try:
            if holder.stdout.readline() != b"held\n":
                pytest.skip("this file system has no leases")
            yield
        finally:
            holder.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_a_file_that_never_opens_is_one_error_row_and_is_named_meanwhile(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.pdf").write_bytes(pdf_of_texts([f"the text of {name}"]))

    with not_to_be_opened(tmp_path / "b.pdf"):
        limits = ReaderLimits(document_seconds=PATIENCE)
        summary = run("text_layer", tmp_path, tmp_path / "out", RunOptions(runner="local", limits=limits))

    assert summary.statuses == {"ok": 2, "failed": 1}
    assert summary.error_codes == {"unreadable": 1}
    rows = pq.read_table(tmp_path / "out" / "pages", columns=["error_message"]).column(0).to_pylist()
    assert any(row and "b.pdf" in row and "did not answer for 1.5 s" in row for row in rows)
    again = run("text_layer", tmp_path, tmp_path / "out", RunOptions(runner="local"))
    assert again.statuses == {"ok": 3}


class _Store(BaseHTTPRequestHandler):
    """An object store with one object, of which it gives the first bytes only."""

    protocol_version = "HTTP/1.1"
    is_over = threading.Event()
    body = pdf_of_texts(["stalled"]) + b" " * 100_000

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        self._head()
        self.wfile.write(self.body[:1000])
        self.wfile.flush()
        self.is_over.wait(60)

    def log_message(self, format: str, *values: object) -> None:
        """Nothing: stderr is the test's."""

    def _head(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.send_header("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")
        self.end_headers()


@pytest.fixture
def stalling_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    yield
    _Store.is_over.set()
    server.shutdown()
    server.server_close()


def test_a_store_that_stalls_in_the_middle_of_an_object_is_not_waited_for(tmp_path: Path, stalling_store: None) -> None:
    fetcher = Fetcher(tmp_path / "cache", silent_seconds=PATIENCE)
    started = time.monotonic()

    with pytest.raises(ProblemError) as caught:
        fetcher.local_path(Source("s3://bucket/a.pdf", len(_Store.body), "1"))

    assert caught.value.error.code == "unreadable"
    assert time.monotonic() - started < 10 * PATIENCE
    fetcher.close()


def test_a_slow_read_is_not_a_silent_one() -> None:
    calls = BoundedCalls(0.2)

    def slow(heard: bounded.Heard) -> str:
        for _ in range(8):
            time.sleep(0.05)
            heard()
        return "all of it"

    assert calls.call("a.pdf", slow) == "all of it"
    calls.close()


def test_what_a_call_raises_is_raised() -> None:
    calls = BoundedCalls(5)

    with pytest.raises(TimeoutError, match="connection"):
        calls.call("a.pdf", lambda heard: _raise(TimeoutError("the connection timed out")))

    calls.close()


def test_storage_of_which_nothing_answers_ends_the_run() -> None:
    never = threading.Event()
    calls = BoundedCalls(0.01)

    for number in range(7):
        with pytest.raises(ProblemError, match=f"{number}.pdf cannot be read"):
            calls.call(f"{number}.pdf", lambda heard: never.wait())
    with pytest.raises(RunStopped, match=r"8 documents in a row, the last of them 7\.pdf"):
        calls.call("7.pdf", lambda heard: never.wait())

    never.set()
    calls.call("a.pdf", lambda heard: heard())


def test_progress_names_what_is_waited_for() -> None:
    stream = io.StringIO()
    now = iter(range(0, 100_000, 20))
    progress = Progress("json", stream, clock=lambda: float(next(now)), long_wait=0.2)
    progress.start(total=0, done=0)

    with waiting_for("/mnt/share/a.pdf"):
        time.sleep(0.6)
    progress.stop()

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert any(str(line.get("waits_for")).startswith("/mnt/share/a.pdf (") for line in lines)


def _raise(error: Exception) -> None:
    raise error
