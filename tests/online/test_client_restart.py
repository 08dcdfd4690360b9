"""A stream of the client outlives the server that it came from: killed with -9 and started again at the same port."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from omnipipe import Client
from tests.online.documents import text_pdf
from tests.online.serving import serving

NUM_PAGES = 400


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_stream_goes_on_after_the_server_was_killed(tmp_path: Path) -> None:
    arguments = ("-p", "text_layer", "--runner", "local", "--port", str(free_port()))
    with Client("http://127.0.0.1:" + arguments[-1], retry_seconds=120) as client:
        with serving(tmp_path, *arguments) as first:
            pages = client.stream(text_pdf(NUM_PAGES))
            seen = [next(pages)]
            first.process.kill()
            first.process.wait(30)
        with serving(tmp_path, *arguments) as second:
            seen += list(pages)

    # Written beside the answers, and whole when the server has ended.
    log = second.output.read_text()
    assert sorted(page.index for page in seen) == list(range(NUM_PAGES))
    assert all(page.text for page in seen)
    assert re.search(r'"method": "GET", "route": "/v1/jobs/\{job_id\}", "status": 200', log)
