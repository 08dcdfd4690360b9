"""Pages as they finish, clients that go away, bodies that do not come: over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from omnipipe.online.job import Job
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.app import make_app
from tests.online.documents import text_pdf
from tests.online.live import Live, live
from tests.online.raw_http import BOUNDARY, FORM, ask_raw, file_part, form, head
from tests.online.web_kit import SLOW, client_of, code_of, pdf_file, spooled, until

LONG = text_pdf(200)
"""Ten seconds of work for one thread."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = ServeSettings(
        data_dir=tmp_path_factory.mktemp("web") / "data",
        max_wait=0.5,
        body_timeout=1.5,
    )
    with live(SLOW, settings) as server:
        yield server


@pytest.fixture
def client(server: Live) -> Iterator[httpx.Client]:
    with client_of(server) as client:
        yield client


def job_of(server: Live, job_id: str) -> Job:
    job = server.online.store.find(job_id)
    assert job is not None
    return job


def newest(server: Live) -> Job:
    (job,) = server.online.store.jobs("", limit=1)
    return job


def events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if not line:
            yield event
            event = {}
        else:
            name, _, value = line.partition(": ")
            event[name] = value


def test_rows_come_while_others_are_read(client: httpx.Client) -> None:
    document = text_pdf(40)
    began = time.monotonic()
    times = []

    with client.stream(
        "POST", "/v1/documents", files=pdf_file(document), headers={"Accept": "application/x-ndjson"}
    ) as answer:
        lines = []
        for line in answer.iter_lines():
            lines.append(json.loads(line))
            times.append(time.monotonic() - began)

    assert answer.status_code == 200
    assert sorted(row["page_number"] for row in lines[:-1]) == list(range(1, 41))
    assert lines[-1]["done"] is True
    assert lines[-1]["job"]["state"] == "done"
    assert times[0] < times[-1] - 0.3


def test_events_say_where_to_go_on(client: httpx.Client) -> None:
    with client.stream(
        "POST", "/v1/documents", files=pdf_file(text_pdf(12)), headers={"Accept": "text/event-stream"}
    ) as answer:
        came = list(events(answer.iter_lines()))
    job_id = json.loads(came[0]["data"])["id"]
    with client.stream(
        "GET", f"/v1/jobs/{job_id}", headers={"Accept": "text/event-stream", "Last-Event-ID": "9"}
    ) as answer:
        rest = list(events(answer.iter_lines()))

    assert [event["event"] for event in came] == ["job", *["page"] * 12, "done"]
    assert [event["id"] for event in came[1:-1]] == [str(number) for number in range(1, 13)]
    assert rest[1:] == came[10:]


def test_a_stream_ends_after_wait_and_says_that_it_is_not_done(client: httpx.Client, server: Live) -> None:
    answer = client.post("/v1/documents?wait=0.3&format=ndjson&detach=true", files=pdf_file(LONG))

    last = json.loads(answer.text.splitlines()[-1])
    assert last["done"] is False
    assert last["job"]["state"] in ("queued", "running")
    client.delete(f"/v1/jobs/{last['job']['id']}")


def test_wait_is_capped_by_the_server(client: httpx.Client) -> None:
    began = time.monotonic()

    answer = client.post("/v1/documents?wait=3600", files=pdf_file(LONG))

    assert answer.status_code == 202
    assert time.monotonic() - began < 8
    client.delete(answer.headers["location"])


def test_an_unfinished_job_shows_its_rows_from_a_start_on(client: httpx.Client) -> None:
    place = client.post("/v1/documents", files=pdf_file(LONG)).headers["location"]
    assert until(lambda: client.get(place).json()["num_rows"] >= 4)

    plain = client.get(place).json()
    some = client.get(place, params={"start": 2}).json()
    text = client.get(place, params={"format": "markdown"})

    assert "pages" not in plain
    assert some["num_rows"] - 2 <= len(some["pages"]) <= some["num_rows"]
    assert text.status_code == 202
    client.delete(place)


def walk_away(server: Live, query: str, headers: dict[str, str]) -> None:
    """Send a long document, and hang up when its job has begun."""
    body = form(file_part(LONG))
    before = server.online.store.jobs("")
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        given = {"Content-Type": FORM, "Content-Length": str(len(body)), **headers}
        connection.sendall(head("POST", f"/v1/documents?{query}", given) + body)
        assert until(lambda: len(server.online.store.jobs("")) > len(before) and newest(server).state == "running")


@pytest.mark.parametrize("query", ["wait=30", "format=ndjson", "format=sse"])
def test_a_client_that_goes_away_takes_its_pages_along(server: Live, query: str) -> None:
    walk_away(server, query, {})

    assert until(lambda: newest(server).is_final)
    job = newest(server)
    assert (job.state, job.reason) == ("cancelled", "the client went away")
    assert job.num_rows < 100


@pytest.mark.parametrize("query", ["wait=30", "format=ndjson"])
def test_a_request_that_is_cancelled_from_above_takes_its_pages_along(server: Live, query: str) -> None:
    """As Ray Serve does it when a client goes."""

    async def ask() -> None:
        transport = httpx.ASGITransport(make_app(server.online))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            asking = asyncio.ensure_future(client.post(f"/v1/documents?{query}", files=pdf_file(LONG)))
            while newest(server).id == before or newest(server).num_rows < 4:
                await asyncio.sleep(0.02)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    before = newest(server).id
    asyncio.run_coroutine_threadsafe(ask(), server.loop).result(20)

    assert newest(server).id != before
    assert until(lambda: newest(server).is_final)
    assert (newest(server).state, newest(server).reason) == ("cancelled", "the client went away")


@pytest.mark.parametrize(
    ("query", "headers"), [("wait=30&detach=true", {}), ("format=sse", {"Idempotency-Key": "stay"})]
)
def test_a_job_that_somebody_will_ask_for_goes_on(server: Live, query: str, headers: dict[str, str]) -> None:
    walk_away(server, query, headers)
    job_id = newest(server).id
    rows = job_of(server, job_id).num_rows

    assert until(lambda: job_of(server, job_id).num_rows > rows)
    assert not job_of(server, job_id).is_final
    with client_of(server) as client:
        assert client.delete(f"/v1/jobs/{job_id}").status_code == 204


def test_a_removed_job_ends_its_streams(client: httpx.Client) -> None:
    place = client.post("/v1/documents", files=pdf_file(LONG)).headers["location"]

    with client.stream("GET", place, params={"format": "ndjson"}) as answer:
        lines = answer.iter_lines()
        next(lines)
        assert client.delete(place).status_code == 204
        last = json.loads(list(lines)[-1])

    # It may be seen cancelled before it is seen no more.
    state = last["job"]["state"] if "job" in last else last["error"]["code"]
    assert state in ("cancelled", "not_found")


def test_a_body_that_stops_is_refused_and_leaves_no_file(server: Live) -> None:
    before = spooled(server)
    request = head("POST", "/v1/documents", {"Content-Type": FORM, "Content-Length": "100000"})

    answer = ask_raw(server.port, [request, file_part(b"%PDF-1.7 and no more")])

    assert answer.status == 408
    assert b"too_slow" in answer.body
    assert spooled(server) == before


def test_a_body_that_drips_is_refused_as_well(server: Live) -> None:
    def drops() -> Iterator[bytes]:
        yield head("POST", "/v1/documents", {"Content-Type": "application/pdf", "Content-Length": "100000"})
        for _ in range(40):
            time.sleep(0.1)
            yield b"x"

    began = time.monotonic()
    answer = ask_raw(server.port, drops())

    assert answer.status in (0, 408)
    assert time.monotonic() - began < 6
    assert until(lambda: not [name for name in spooled(server) if name.endswith(".tmp")])


def test_a_client_that_hangs_up_in_its_body_leaves_no_file(server: Live) -> None:
    before = spooled(server)

    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head("POST", "/v1/documents", {"Content-Type": FORM, "Content-Length": "100000"}))
        connection.sendall(f"--{BOUNDARY}\r\n".encode())
        assert until(lambda: len(spooled(server)) > len(before))

    assert until(lambda: spooled(server) == before)


def test_uploads_that_come_in_are_bounded_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("uploads") / "data", max_jobs=1)
    begun = head("POST", "/v1/documents", {"Content-Type": "application/pdf", "Content-Length": "100000"})

    with live(SLOW, settings) as server, client_of(server) as client:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(begun)
            assert until(lambda: len(spooled(server)) == 1)
            refused = client.post("/v1/documents", files=pdf_file(text_pdf(1)))
        assert until(lambda: client.post("/v1/documents", files=pdf_file(text_pdf(1))).status_code == 202)

    assert (refused.status_code, code_of(refused)) == (503, "busy")


def test_a_full_server_says_when_to_come_again_before_the_body(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("full") / "data", max_jobs=1)
    sent = []

    def body() -> Iterator[bytes]:
        for _ in range(200):
            sent.append(1)
            yield bytes(1 << 20)

    with live(SLOW, settings) as server, client_of(server) as client:
        place = client.post("/v1/documents", files=pdf_file(LONG)).headers["location"]
        answer = client.post("/v1/documents", content=body(), headers={"Content-Type": "application/pdf"})
        client.delete(place)

    assert (answer.status_code, code_of(answer)) == (503, "busy")
    assert int(answer.headers["retry-after"]) >= 1
    assert len(sent) < 60
