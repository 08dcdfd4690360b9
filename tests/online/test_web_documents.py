"""POST /v1/documents: bodies of every kind, and the forms of the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from omnipipe.online.settings import ServeSettings
from omnipipe.schema import PAGES
from tests.online.documents import SAMPLES, encrypted_pdf, text_pdf
from tests.online.live import Live, live
from tests.online.web_kit import TEXT_LAYER, client_of, code_of, pdf_file, spooled

MAX_BYTES = 3 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("web") / "data", max_bytes=MAX_BYTES)
    with live(TEXT_LAYER, settings) as server:
        yield server


@pytest.fixture
def client(server: Live) -> Iterator[httpx.Client]:
    with client_of(server) as client:
        yield client


@pytest.fixture
def no_leftovers(server: Live) -> Iterator[None]:
    before = spooled(server)
    yield
    assert spooled(server) == before


def test_a_form_that_waits_gets_all_rows_in_page_order(client: httpx.Client) -> None:
    answer = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(9, word="first")))

    job = answer.json()
    assert answer.status_code == 200
    assert (job["state"], job["file_name"], job["page_count"], job["num_pages"], job["num_rows"]) == (
        "done",
        "paper.pdf",
        9,
        9,
        9,
    )
    assert [page["page_number"] for page in job["pages"]] == list(range(1, 10))
    assert all(set(page) == set(PAGES.names) for page in job["pages"])
    assert answer.headers["x-job-id"] == job["id"]


def test_without_wait_the_answer_is_a_job_to_ask_about(client: httpx.Client) -> None:
    answer = client.post("/v1/documents", files=pdf_file(text_pdf(2, word="later")))

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert "pages" not in answer.json()
    assert client.get(answer.headers["location"], params={"wait": 30}).json()["num_rows"] == 2


def test_raw_bytes_are_a_document_too(client: httpx.Client) -> None:
    content = (SAMPLES / "fax.tiff").read_bytes()

    typed = client.post(
        "/v1/documents?wait=30&file_name=scans/fax.tiff", content=content, headers={"Content-Type": "image/tiff"}
    ).json()
    named = client.post(
        "/v1/documents?wait=30",
        content=text_pdf(1, word="raw"),
        headers={"Content-Disposition": "attachment; filename*=UTF-8''gr%C3%BC%C3%9Fe.pdf"},
    ).json()

    assert (typed["file_name"], typed["size"]) == ("fax.tiff", len(content))
    assert (named["file_name"], named["pages"][0]["source_uri"]) == ("grüße.pdf", "grüße.pdf")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\paper.pdf", "paper.pdf"),
        ("..", "document"),
        ("a\u202efdp.exe\x07.pdf", "afdp.exe.pdf"),
        ("x" * 400 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_file_name_loses_folders_and_tricks(client: httpx.Client, sent: str, shown: str) -> None:
    answer = client.post("/v1/documents", params={"file_name": sent}, files=pdf_file(text_pdf(1)))

    assert answer.json()["file_name"] == shown


def test_the_query_wins_over_fields_of_the_form(client: httpx.Client) -> None:
    document = text_pdf(6, word="query")

    field = client.post("/v1/documents?wait=30", files=pdf_file(document), data={"pages": "2-3", "max_pages": "1"})
    both = client.post("/v1/documents?wait=30&pages=5", files=pdf_file(document), data={"pages": "2-3"})

    assert [(page["page_number"], page["status"]) for page in field.json()["pages"]] == [(2, "ok"), (3, "skipped")]
    assert [page["page_number"] for page in both.json()["pages"]] == [5]


def test_a_password_comes_as_a_field_or_as_a_header(client: httpx.Client) -> None:
    document = encrypted_pdf("sesame")

    without = client.post("/v1/documents?wait=30", files=pdf_file(document)).json()["pages"]
    field = client.post("/v1/documents?wait=30", files=pdf_file(document), data={"password": ["no", "sesame"]}).json()
    raw = client.post("/v1/documents?wait=30", content=document, headers={"X-Document-Password": "sesame"}).json()

    assert without[0]["error_code"] == "encrypted"
    assert "password" in field["pages"][0]["text"]
    assert "password" in raw["pages"][0]["text"]


@pytest.mark.parametrize(
    ("asked", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/html,*/*;q=0.8", "application/json"),
        ("application/json, text/markdown", "application/json"),
        ("text/plain;q=0.4, text/markdown;q=0.9", "text/markdown; charset=utf-8"),
        ("text/*", "text/markdown; charset=utf-8"),
        ("*/*, text/plain", "text/plain; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
    ],
)
def test_the_accept_header_chooses_the_form(client: httpx.Client, asked: str, media_type: str) -> None:
    answer = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(1)), headers={"Accept": asked})

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


def test_markdown_is_what_extract_prints(client: httpx.Client) -> None:
    rows = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(3))).json()["pages"]

    answer = client.post("/v1/documents?wait=30&format=markdown", files=pdf_file(text_pdf(3)))

    assert answer.text == "\n\n".join(row["text"] for row in rows) + "\n"


def test_text_without_any_page_is_an_error_and_names_no_path(client: httpx.Client, server: Live) -> None:
    answer = client.post("/v1/documents?wait=30&format=text", files=pdf_file(b"nothing at all", "notes.pdf"))

    assert (answer.status_code, code_of(answer)) == (422, "no_page_read")
    assert "notes.pdf" in answer.text
    assert str(server.data.parent) not in answer.text


def test_an_unknown_form_is_refused_before_the_body(client: httpx.Client) -> None:
    answer = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(1)), headers={"Accept": "image/png"})

    assert (answer.status_code, code_of(answer)) == (406, "not_acceptable")


@pytest.mark.usefixtures("no_leftovers")
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("wait=-1", "invalid"),
        ("wait=nan", "invalid"),
        ("max_pages=0", "invalid"),
        ("pages=0", "invalid"),
        ("pages=4-2", "invalid"),
        ("pages=", "invalid"),
        ("format=docx", "invalid"),
        ("deadline=0", "invalid"),
        ("wiat=3", "invalid"),
        ("pipeline=other", "unknown_pipeline"),
    ],
)
def test_a_wrong_value_is_named(client: httpx.Client, query: str, code: str) -> None:
    answer = client.post(f"/v1/documents?{query}", files=pdf_file(text_pdf(1)))

    assert (answer.status_code, code_of(answer)) == (422, code)
    assert query.partition("=")[0] in answer.json()["error"]["message"]


@pytest.mark.usefixtures("no_leftovers")
def test_a_wrong_field_is_named_too(client: httpx.Client) -> None:
    answer = client.post("/v1/documents", files=pdf_file(text_pdf(1)), data={"max_pages": "many"})

    assert (answer.status_code, answer.json()["error"]["details"][0]["place"]) == (422, ["body", "max_pages"])


@pytest.mark.usefixtures("no_leftovers")
def test_one_document_a_request(client: httpx.Client) -> None:
    two = client.post("/v1/documents", files=[("file", ("a.pdf", text_pdf(1))), ("file", ("b.pdf", text_pdf(2)))])
    none = client.post("/v1/documents", files={"file": ("", b"")})
    other = client.post("/v1/documents", files={"document": ("a.pdf", text_pdf(1))})
    empty = client.post("/v1/documents", content=b"", headers={"Content-Type": "application/pdf"})

    assert [code_of(answer) for answer in (two, none, other, empty)] == [
        "several_files",
        "no_document",
        "invalid",
        "no_document",
    ]
    assert {answer.status_code for answer in (two, none, other, empty)} == {422}


@pytest.mark.usefixtures("no_leftovers")
@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"file=x", "application/x-www-form-urlencoded", 415),
        (b"%PDF-1.7", "text/plain", 415),
        (b"--b\r\nno header at all", "multipart/form-data; boundary=b", 422),
        (b"--b\r\nContent-Disposition: form-data; name=file\r\n\r\n%PDF-1.7", "multipart/form-data; boundary=b", 422),
        (b"", "multipart/form-data", 422),
        (b'{"url": 3}', "application/json", 422),
        (b"[" * 40_000, "application/json", 422),
    ],
)
def test_a_broken_body_leaves_nothing_behind(client: httpx.Client, content: bytes, kind: str, status: int) -> None:
    answer = client.post("/v1/documents", content=content, headers={"Content-Type": kind})

    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


@pytest.mark.usefixtures("no_leftovers")
@pytest.mark.parametrize("is_form", [True, False])
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_above_the_limit_is_not_read_to_its_end(client: httpx.Client, is_form: bool, is_declared: bool) -> None:
    total = 400 << 20
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        if is_form:
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
        while sent < total:
            sent += 1 << 20
            yield bytes(1 << 20)

    headers = {"Content-Type": "multipart/form-data; boundary=b" if is_form else "application/pdf"}
    if is_declared:
        headers["Content-Length"] = str(total + 500)

    answer = client.post("/v1/documents", content=body(), headers=headers)

    assert (answer.status_code, code_of(answer)) == (413, "too_large")
    assert answer.headers["connection"] == "close"
    assert sent < 60 << 20


@pytest.mark.usefixtures("no_leftovers")
def test_a_packed_body_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1/documents", content=b"x", headers={"Content-Encoding": "gzip"})

    assert (answer.status_code, code_of(answer)) == (415, "unsupported_encoding")


def test_the_same_idempotency_key_gets_the_same_job(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "order-66"}

    first = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(2)), headers=headers)
    again = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(2)), headers=headers)
    other = client.post("/v1/documents?wait=30", files=pdf_file(text_pdf(3)), headers=headers)

    assert first.content == again.content
    assert (other.status_code, code_of(other)) == (409, "idempotency_conflict")


def test_a_deadline_is_a_query_parameter_or_a_header(client: httpx.Client, server: Live) -> None:
    query = client.post("/v1/documents?deadline=100", files=pdf_file(text_pdf(1))).json()["id"]
    header = client.post("/v1/documents", files=pdf_file(text_pdf(1)), headers={"Deadline": "200"}).json()["id"]
    both = client.post(
        "/v1/documents?deadline=300", files=pdf_file(text_pdf(1)), headers={"Deadline": "200"}, data={"deadline": "9"}
    ).json()["id"]

    jobs = [server.online.store.find(job_id) for job_id in (query, header, both)]
    left = [round((job.asked.deadline or 0) - time.time(), -2) for job in jobs if job is not None]
    assert left == [100, 200, 300]


def test_rows_are_bytes_of_the_store(client: httpx.Client, server: Live) -> None:
    answer = client.post("/v1/documents?wait=30&format=ndjson", files=pdf_file(text_pdf(4, word="bytes")))

    *lines, last = answer.content.splitlines()
    listed = client.get(f"/v1/jobs/{json.loads(last)['job']['id']}").content
    assert len(lines) == 4
    assert all(line in listed for line in lines)
