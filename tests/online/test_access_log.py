"""The access log of the real app: one JSON line a request that says who and how long, and nothing of any document."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections.abc import Iterator

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from omnipipe import Client, load_pipeline
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.access_log import LOGGER, AccessLog, write_access_log
from omnipipe.online.web.auth import Key, Keys, digest_of
from omnipipe.online.web.exchange import CLIENT_LEFT, WatchRequests
from tests.online.documents import text_pdf
from tests.online.live import Live, live


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("access") / "data")
    with live(load_pipeline("text_layer"), settings) as running:
        yield running


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the access log writes during the test."""
    stream = io.StringIO()
    logger = logging.getLogger(LOGGER)
    before = logger.level, logger.propagate
    handler = write_access_log(stream)
    yield stream
    logger.removeHandler(handler)
    logger.level, logger.propagate = before


def entries(written: io.StringIO, number: int) -> list[dict[str, object]]:
    """The log, once it has so many lines: a client has its answer before the line is written."""
    until = time.monotonic() + 10
    while written.getvalue().count("\n") < number and time.monotonic() < until:
        time.sleep(0.01)
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_request_is_one_line_with_these_members(server: Live, written: io.StringIO) -> None:
    with Client(server.url) as client:
        job = client.extract(text_pdf(1)).job

    (entry,) = entries(written, 1)
    assert list(entry) == [
        "time",
        "request_id",
        "caller",
        "method",
        "route",
        "status",
        "bytes_in",
        "bytes_out",
        "ms",
        "job_id",
    ]
    assert (entry["method"], entry["route"], entry["status"]) == ("POST", "/v1/documents", 200)
    assert entry["job_id"] == job.id
    assert isinstance(entry["bytes_in"], int)
    assert entry["bytes_in"] > job.size
    assert isinstance(entry["ms"], float)
    assert entry["ms"] > 0


def test_the_request_id_of_the_answer_is_in_the_line(server: Live, written: io.StringIO) -> None:
    own = httpx.get(f"{server.url}/v1/pipelines", headers={"x-request-id": "order-17"})
    made = httpx.get(f"{server.url}/v1/pipelines", headers={"x-request-id": "not an id"})

    assert [entry["request_id"] for entry in entries(written, 2)] == ["order-17", made.headers["x-request-id"]]
    assert own.headers["x-request-id"] == "order-17"


def test_nothing_of_a_document_a_query_or_a_key_is_written(server: Live, written: io.StringIO) -> None:
    server.online.keys = Keys([Key(digest=digest_of("op_confidential"), name="accounts")])
    try:
        with Client(server.url, "op_confidential") as client:
            client.extract(text_pdf(1, word="confidential"), file_name="confidential.pdf", password="confidential")
            httpx.get(f"{server.url}/v1/jobs/confidential?format=confidential")
            httpx.get(f"{server.url}/confidential", headers={"referer": "http://confidential.example"})
            httpx.post(f"{server.url}/v1/documents", headers={"authorization": "Bearer confidential"})
            httpx.get(f"{server.url}/v1/pipelines", headers={"host": "confidential.example"})
    finally:
        server.online.keys = Keys()

    lines = entries(written, 5)
    assert len(lines) == 5
    assert "confidential" not in written.getvalue()
    assert [line["caller"] for line in lines] == ["accounts", "", "", "", ""]
    assert [line["status"] for line in lines] == [200, 401, 404, 401, 400]
    assert [line["route"] for line in lines] == ["/v1/documents", "/v1/jobs/{job_id}", "none", "/v1/documents", "none"]


def test_probes_that_go_well_are_not_written(server: Live, written: io.StringIO) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/v1/pipelines"):
        httpx.get(f"{server.url}{path}")

    assert [entry["route"] for entry in entries(written, 1)] == ["/v1/pipelines"]


SCOPE = {"type": "http", "method": "GET", "path": "/", "state": {"request_id": "r", "caller_name": "c"}}


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Message) -> None:
    pass


def test_a_client_that_leaves_and_a_broken_app_are_written_down(written: io.StringIO) -> None:
    async def leave(scope: Scope, receive: Receive, send: Send) -> None:
        return

    async def break_off(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("broken")

    asyncio.run(WatchRequests(leave, [AccessLog()])(dict(SCOPE), receive, send))
    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(WatchRequests(break_off, [AccessLog()])(dict(SCOPE), receive, send))

    assert [entry["status"] for entry in entries(written, 2)] == [CLIENT_LEFT, 500]


def test_a_line_costs_less_than_a_tenth_of_a_millisecond(written: io.StringIO) -> None:
    """Of the processor's time, which other processes do not change much; it is about 20 microseconds."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-job-id", b"0" * 32)]})
        await send({"type": "http.response.body", "body": b"x"})

    async def cost(app: WatchRequests | object) -> float:
        begun = time.process_time()
        for _ in range(1000):
            await app(dict(SCOPE), receive, send)  # type: ignore[operator]
        return (time.process_time() - begun) / 1000

    watched = WatchRequests(answer, [AccessLog()])
    added = min(asyncio.run(cost(watched)) for _ in range(5)) - min(asyncio.run(cost(answer)) for _ in range(5))

    print(f"{added * 1e6:.1f} microseconds")
    assert added < 100e-6
