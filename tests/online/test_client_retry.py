"""What the client does when the server refuses, is gone, or cuts a connection: a real server that fails as told."""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from omnipipe import AsyncClient, Client, ConfigError, InputError, NotReachedError, Page, ServerError, UnfinishedError
from omnipipe.client.call import Patience, retry_after
from tests.online.cut_server import JOB_ID, Asked, Reply, failure, job, lines, row, serving

ROWS = [row(index) for index in range(3)]
DONE = {"done": True, "job": job()}
WHOLE = Reply(job() | {"pages": ROWS})
PENDING = Reply(job("queued", 0), 202)
BUSY = Reply(failure("busy", "too many jobs"), 503, {"retry-after": "0"})


def texts(pages: Any) -> list[str | None]:
    return [page.text for page in pages]


def key_of(asked: Asked) -> str:
    return asked.headers["idempotency-key"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_full_server_is_asked_again_after_as_long_as_it_says(status: int) -> None:
    refusal = Reply(failure("busy", "too many jobs"), status, {"retry-after": "1"})
    with serving(lambda _, times: refusal if times == 1 else WHOLE) as server, Client(server.url) as client:
        begun = time.monotonic()
        result = client.extract(b"%PDF-")
        seconds = time.monotonic() - begun

    assert texts(result.pages) == ["page 1", "page 2", "page 3"]
    assert 1.0 <= seconds < 5
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, b"Path '/v1/documents' not found. Ping http://.../-/routes for available routes."),
        (500, b"Internal Server Error"),
    ],
)
def test_a_proxy_of_ray_without_the_app_behind_it_is_asked_again(status: int, said: bytes) -> None:
    with serving(lambda _, times: Reply(said, status) if times == 1 else WHOLE) as server, Client(server.url) as client:
        result = client.extract(b"%PDF-")

    assert len(result.pages) == 3
    assert len(server.asked) == 2


def test_an_upload_made_again_is_whole_and_has_the_same_key() -> None:
    with serving(lambda _, times: Reply(drop=True) if times < 3 else WHOLE) as server, Client(server.url) as client:
        client.extract(b"0123456789" * 1000)

    assert len(server.asked) == 3
    assert len({key_of(asked) for asked in server.asked}) == 1
    assert all(b"0123456789" * 1000 in asked.body for asked in server.asked)


def test_every_upload_has_a_key_of_its_own() -> None:
    with serving(lambda *_: WHOLE) as server, Client(server.url) as client:
        client.extract(b"%PDF-")
        client.extract(b"%PDF-")
        client.extract(b"%PDF-", idempotency_key="mine")

    keys = [key_of(asked) for asked in server.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_a_server_that_stays_full_ends_in_its_own_error() -> None:
    refusal = Reply(failure("busy", "too many jobs"), 503)
    expected = pytest.raises(ServerError, match="too many jobs")
    with serving(lambda *_: refusal) as server, Client(server.url, retry_seconds=0.5) as client, expected as raised:
        client.extract(b"%PDF-")

    assert (raised.value.status, raised.value.code) == (503, "busy")
    assert 1 < len(server.asked) < 10


def test_a_refusal_that_time_does_not_mend_is_not_repeated() -> None:
    with (
        serving(lambda *_: Reply(failure("too_large", "at most 5 bytes"), 413)) as server,
        Client(server.url) as client,
        pytest.raises(ServerError, match="HTTP 413 too_large: at most 5 bytes"),
    ):
        client.extract(b"%PDF-")

    assert len(server.asked) == 1


def test_an_answer_of_something_else_is_named() -> None:
    with serving(lambda *_: Reply(b"<html>hello</html>")) as server, Client(server.url) as client:
        with pytest.raises(ServerError, match="Is it omnipipe serve"):
            client.extract(b"%PDF-")
        server.behaviour = lambda *_: Reply(b"<html>", 404)
        with pytest.raises(ServerError, match="HTTP 404 http_404: Not Found"):
            client.extract(b"%PDF-")
        server.behaviour = lambda *_: Reply(b"", 307, {"location": "https://user:word@other.example/v1/documents"})
        with pytest.raises(ServerError, match=r"redirected to https://other\.example/v1/documents"):
            client.extract(b"%PDF-")


def test_a_server_that_is_not_there_is_named() -> None:
    with Client("http://127.0.0.1:9", retry_seconds=0.3) as client, pytest.raises(NotReachedError) as raised:
        client.extract(b"%PDF-")

    assert "http://127.0.0.1:9/v1/documents" in str(raised.value)
    assert "is the server up?" in str(raised.value)


def stream_cut_in(cut: bytes, *, is_cut: bool) -> Any:
    def behave(asked: Asked, _: int) -> Reply:
        if asked.method == "POST":
            return PENDING
        start = int(re.findall(r"start=(\d+)", asked.path)[0])
        return Reply(cut, is_cut=is_cut) if start == 0 else Reply(lines(ROWS[start:], DONE))

    return behave


@pytest.mark.parametrize(
    ("cut", "is_cut", "then"),
    [
        (lines(ROWS[:2]) + b'{"page_index": 2, "te', True, 2),
        (lines(ROWS[:2]) + b'{"page_index": 2, "te', False, 2),
        (lines(ROWS[:1]), False, 1),
        (lines(ROWS), False, 3),
        (lines(ROWS[:1], {"done": False, "job": job("running", 1)}), False, 1),
    ],
    ids=["within a row", "within a row, closed in order", "between rows", "before the last line", "time is up"],
)
def test_a_cut_stream_goes_on_where_it_was(cut: bytes, is_cut: bool, then: int) -> None:
    with serving(stream_cut_in(cut, is_cut=is_cut)) as server, Client(server.url) as client:
        pages = list(client.stream(b"%PDF-"))

    assert texts(pages) == ["page 1", "page 2", "page 3"]
    assert [re.findall(r"start=(\d+)", asked.path) for asked in server.asked[1:]] == [["0"], [str(then)]]


def test_a_stream_that_is_always_cut_ends_in_an_error() -> None:
    def behave(asked: Asked, _: int) -> Reply:
        return PENDING if asked.method == "POST" else Reply(b"")

    expected = pytest.raises(NotReachedError, match="without its last line")
    with serving(behave) as server, Client(server.url, retry_seconds=0.5) as client, expected:
        list(client.stream(b"%PDF-"))


def test_a_stream_that_says_why_it_ends_is_believed() -> None:
    gone = lines(ROWS[:1], {"done": False, "error": {"code": "not_found", "message": "The job was removed."}})

    def behave(asked: Asked, _: int) -> Reply:
        return PENDING if asked.method == "POST" else Reply(gone)

    expected = pytest.raises(ServerError, match="The job was removed")
    with serving(behave) as server, Client(server.url) as client, expected as raised:
        list(client.stream(b"%PDF-"))

    assert raised.value.status == 404


def test_leaving_a_stream_gives_the_job_up() -> None:
    def behave(asked: Asked, _: int) -> Reply:
        if asked.method == "DELETE":
            return Reply(status=204)
        return PENDING if asked.method == "POST" else Reply(lines(ROWS, DONE))

    with serving(behave) as server, Client(server.url) as client:
        pages = client.stream(b"%PDF-")
        first = next(pages)
        pages.close()  # type: ignore[attr-defined]

    assert first.text == "page 1"
    assert [(asked.method, asked.path) for asked in server.asked][-1] == ("DELETE", f"/v1/jobs/{JOB_ID}")


def test_a_job_that_takes_longer_than_allowed_can_be_found_again() -> None:
    def behave(asked: Asked, _: int) -> Reply:
        return PENDING if asked.method == "POST" else Reply(job("running", 1))

    with serving(behave) as server, Client(server.url) as client, pytest.raises(UnfinishedError) as raised:
        client.extract(b"%PDF-", wait=0.3)

    assert raised.value.job_id == JOB_ID
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
    assert len(server.asked) < 8


def test_cancelling_what_is_gone_already_is_no_error() -> None:
    def behave(asked: Asked, times: int) -> Reply:
        if asked.method != "DELETE":
            return PENDING
        return Reply(drop=True) if times == 2 else Reply(failure("not_found", "There is no such job."), 404)

    with serving(behave) as server, Client(server.url) as client:
        client.submit(b"%PDF-").cancel()

    assert [asked.method for asked in server.asked] == ["POST", "DELETE", "DELETE"]


def test_what_is_asked_reaches_the_server() -> None:
    with serving(lambda *_: WHOLE) as server, Client(server.url) as client:
        client.extract(b"%PDF-", pages="1-4,9", max_pages=7, deadline=2.5, password=["a", "b"], file_name="x.pdf")

    asked = server.asked[0]
    assert dict(httpx.QueryParams(asked.path.partition("?")[2])) == {
        "pages": "1-4,9",
        "max_pages": "7",
        "deadline": "2.5",
        "format": "json",
        "wait": "20",
    }
    assert asked.body.count(b'name="password"') == 2
    assert b'filename="x.pdf"' in asked.body


def test_an_unknown_wish_is_refused_before_anything_is_sent() -> None:
    expected = pytest.raises(TypeError, match="unknown: page")
    with serving(lambda *_: WHOLE) as server, Client(server.url) as client, expected:
        client.extract(b"%PDF-", page="1")  # type: ignore[call-arg]

    assert server.asked == []


def test_paths_files_and_pipes_are_all_taken(tmp_path: Path) -> None:
    path = tmp_path / "paper ü.pdf"
    path.write_bytes(b"%PDF-of-a-path")
    reading, writing = os.pipe()
    os.write(writing, b"%PDF-of-a-pipe")
    os.close(writing)
    half_read = io.BytesIO(b"skipped%PDF-rest")
    half_read.seek(7)
    with serving(lambda _, times: BUSY if times % 2 else WHOLE) as server, Client(server.url) as client:
        client.extract(path)
        client.extract(str(path))
        with path.open("rb") as file:
            client.extract(file)
        with os.fdopen(reading, "rb") as pipe:
            client.extract(pipe)
        client.extract(half_read)

    bodies = [asked.body for asked in server.asked]
    assert len(bodies) == 10
    assert all(b"%PDF-of-a-path" in body for body in bodies[:6])
    assert all("filename=" in body.decode() for body in bodies)
    assert all(b"%PDF-of-a-pipe" in body for body in bodies[6:8])
    assert all(b"\r\n%PDF-rest\r\n" in body for body in bodies[8:])


def test_a_file_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(InputError, match="No such file"):
        client.extract(tmp_path / "none.pdf")


def test_no_key_is_shown_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = Reply(failure("wrong_key", "The API key is not one of this server's."), 401)
    with serving(lambda *_: refusal) as server, Client(server.url, "op_secret") as client:
        with pytest.raises(ServerError) as raised:
            client.extract(b"%PDF-")
        shown = f"{client!r} {client.settings!r} {raised.value!r} {raised.value}"
    monkeypatch.setenv("OMNIPIPE_API_KEY", "op_secret\n")
    with pytest.raises(ConfigError, match="end of line") as refused:
        Client(server.url)
    with pytest.raises(ConfigError) as unusable:
        Client("ftp://me:op_secret@host")

    assert server.asked[0].headers["authorization"] == "Bearer op_secret"
    assert "op_secret" not in f"{shown} {refused.value} {unusable.value}"


def test_the_environments_key_is_used_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIPIPE_API_KEY", "op_of_the_environment")
    with serving(lambda *_: WHOLE) as server, Client(server.url) as client, Client(server.url, "") as without:
        client.extract(b"%PDF-")
        without.extract(b"%PDF-")

    assert server.asked[0].headers["authorization"] == "Bearer op_of_the_environment"
    assert "authorization" not in server.asked[1].headers


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("2", 2.0), ("-1", 0.0), ("999999", 60.0), ("Wed, 01 Jan 2020 00:00:00 GMT", 0.0), ("soon", None), ("nan", None)],
)
def test_retry_after_is_read_in_both_its_forms(said: str, seconds: float | None) -> None:
    assert retry_after(httpx.Response(503, headers={"retry-after": said})) == seconds


def test_delays_grow_and_differ() -> None:
    url = httpx.URL("http://h")
    delays = [[Patience(1e6).after_failure(httpx.ConnectError("x"), url) for _ in range(5)] for _ in range(2)]
    patience = Patience(1e6)
    growing = [patience.after_failure(httpx.ConnectError("x"), url) for _ in range(12)]

    assert delays[0] != delays[1]
    assert growing[5] > growing[0]
    assert max(growing) <= 10


def test_the_asynchronous_client_does_the_same() -> None:
    cut = lines(ROWS[:2]) + b'{"page'
    behave = stream_cut_in(cut, is_cut=True)

    async def use(url: str) -> tuple[list[Page], list[Page]]:
        async with AsyncClient(url) as client:
            pages = [page async for page in client.stream(b"%PDF-")]
            handle = await client.submit(b"%PDF-")
            return pages, list((await handle.result()).pages)

    with serving(lambda asked, times: BUSY if times == 1 else behave(asked, times)) as server:
        streamed, whole = asyncio.run(use(server.url))

    assert texts(streamed) == texts(whole) == ["page 1", "page 2", "page 3"]
    assert len({key_of(asked) for asked in server.asked[:2]}) == 1


def test_an_asynchronous_call_that_is_cancelled_gives_its_job_up() -> None:
    def behave(asked: Asked, _: int) -> Reply:
        if asked.method == "DELETE":
            return Reply(status=204)
        return PENDING if asked.method == "POST" else Reply(job("running", 1))

    async def use(url: str) -> None:
        async with AsyncClient(url) as client, asyncio.timeout(0.5):
            await client.extract(b"%PDF-", wait=60)

    with serving(behave) as server, pytest.raises(TimeoutError):
        asyncio.run(use(server.url))

    assert server.asked[-1].method == "DELETE"
