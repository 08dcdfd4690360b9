"""Uploads and requests that are meant to do harm: an answer in time, never a 500, nothing of the server in it."""

from __future__ import annotations

import json
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.online.settings import ServeSettings
from omnipipe.pipeline import load_pipeline
from omnipipe.reading.process import ReaderLimits
from tests.online.live import Live, live
from tests.online.raw_http import FORM, Answer, ask, ask_chunked, ask_raw, file_part, form, head
from tests.pdfs import image_of_lines, pdf_of_texts

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0
MAX_BYTES = 8 << 20
BODY_SECONDS = 1.0

QUICK_CORPUS = (
    "empty#hash.pdf",
    "made-claims-2-billion-pages.pdf",
    "made-html-renamed.pdf",
    "made-image-60000x60000-1bit.pdf",
    "made-one-pixel.png",
    "made-page-box-14-million-points.pdf",
    "made-page-tree-cycle.pdf",
    "made-random-bytes.pdf",
    "made-truncated-2-percent.pdf",
    "made-zero-bytes.pdf",
    "ocrmypdf-invalid.pdf",
    "pdfjs-GHOSTSCRIPT-698804-1-fuzzed.pdf",
    "pdfjs-poppler-395-0-fuzzed.pdf",
    "pillow-crash-0c7e0e8e11ce787078f00b5b0ca409a167f070e0.tif",
    "pillow-decompression_bomb.gif",
    "pillow-truncated_jpeg.jpg",
    "pypdf-r6-user-password.pdf",
    "qpdf-bad-encryption-length.pdf",
    "qpdf-fuzz-15390.pdf",
    "qpdf-pages-loop.pdf",
    "文書 № 1.pdf",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = ServeSettings(
        data_dir=tmp_path_factory.mktemp("hostile") / "data", max_bytes=MAX_BYTES, body_timeout=BODY_SECONDS
    )
    with live(load_pipeline("default"), settings, ReaderLimits(page_seconds=3, document_seconds=6)) as server:
        yield server


@pytest.fixture(autouse=True)
def emptied(server: Live) -> Iterator[None]:
    """What one test leaves behind is not found by the next."""
    yield
    for job in server.online.store.jobs(""):
        ask(server.port, "DELETE", f"/v1/jobs/{job.id}")


def upload(server: Live, body: bytes, query: str = "", headers: dict[str, str] | None = None) -> Answer:
    return ask(server.port, "POST", f"/v1/documents?wait=30{query}", body, headers or {"Content-Type": FORM})


def is_clean(server: Live, answer: Answer) -> None:
    """In time, no fault of the server, and not a word about where it lives."""
    assert answer.status not in (0, 500, 502, 504), answer
    assert answer.seconds < SECONDS
    said = answer.body.decode("utf-8", "replace") + str(answer.headers)
    for secret in (str(server.data), server.data.name + "/uploads", str(ROOT), "site-packages", "Traceback", ".py"):
        assert secret not in said
    if answer.status >= 400:
        error = answer.json()["error"]
        assert isinstance(error, dict)
        assert error["code"]
        assert error["message"]


def rows_of(answer: Answer) -> list[dict[str, object]]:
    assert answer.status == 200, answer
    job = answer.json()
    assert job["state"] == "done"
    pages = job["pages"]
    assert isinstance(pages, list)
    return pages


def leftovers(server: Live) -> list[str]:
    """Files of uploads, passwords and answers on the server's disk."""
    folders = ("uploads", "passwords", "spool")
    return [str(path) for name in folders for path in (server.data / name).rglob("*") if path.is_file()]


def remove(server: Live, answer: Answer) -> None:
    """DELETE the job, and see that nothing of it stays."""
    job_id = answer.json()["id"]
    assert ask(server.port, "DELETE", f"/v1/jobs/{job_id}").status == 204
    assert ask(server.port, "GET", f"/v1/jobs/{job_id}").status == 404
    assert leftovers(server) == []


def png_bomb(side: int) -> bytes:
    """A PNG of `side` times `side` white pixels, 1 bit each."""
    row = b"\0" + b"\xff" * -(-side // 8)
    packer = zlib.compressobj(1)
    packed = b"".join([*(packer.compress(row * 100) for _ in range(side // 100)), packer.flush()])
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b""))
    framed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize("name", QUICK_CORPUS)
def test_a_hostile_document_ends_as_rows(server: Live, shared: Path, name: str) -> None:
    content = (shared / "corpus" / "hostile" / name).read_bytes()

    answer = upload(server, form(file_part(content, name.encode())))

    is_clean(server, answer)
    if answer.status == 200:
        rows = rows_of(answer)
        assert rows
        assert all(row["status"] != "failed" or row["error_code"] for row in rows)
        assert {row["source_uri"] for row in rows} == {name}
        remove(server, answer)


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"", {"empty"}),
        (b"%PDF-1.7\n", {"corrupt"}),
        (b"<html><script>alert(1)</script></html>", {"unsupported"}),
        (b"\0" * 100_000, {"corrupt", "unsupported"}),
        (pdf_of_texts(["cut"])[:300], {"corrupt"}),
        (png_bomb(30_000), {"too_large"}),
        (image_of_lines(["cut"])[:900], {"corrupt"}),
    ],
    ids=["empty", "head-only", "html", "zeros", "cut-pdf", "bomb", "cut-png"],
)
def test_what_is_no_document_is_one_failed_row(server: Live, content: bytes, codes: set[str]) -> None:
    answer = upload(server, form(file_part(content)))

    is_clean(server, answer)
    rows = rows_of(answer)
    assert [row["status"] for row in rows] == ["failed"]
    assert rows[0]["error_code"] in codes
    remove(server, answer)


def test_ten_thousand_pages_end_at_max_pages(server: Live) -> None:
    content = pdf_of_texts([f"page {number}" for number in range(10_000)])

    answer = upload(server, form(file_part(content)), "&max_pages=3")

    is_clean(server, answer)
    rows = rows_of(answer)
    assert [row["status"] for row in rows] == ["ok", "ok", "ok", "skipped"]
    assert (rows[3]["error_code"], rows[3]["num_pages"]) == ("max_pages", 9_997)
    remove(server, answer)


@pytest.mark.parametrize("kind", ["image/png", "text/html", "application/x-executable", "", "\u00e4/\u00f6", "x" * 500])
def test_a_lying_content_type_of_the_file_changes_nothing(server: Live, kind: str) -> None:
    answer = upload(server, form(file_part(pdf_of_texts(["read by what it is"]), kind=kind)))

    is_clean(server, answer)
    assert [row["text"] for row in rows_of(answer)] == ["read by what it is"]
    remove(server, answer)


def test_a_pdf_sent_as_a_picture_is_read_as_a_pdf(server: Live) -> None:
    answer = upload(server, pdf_of_texts(["no picture"]), headers={"Content-Type": "image/png"})

    is_clean(server, answer)
    assert [row["text"] for row in rows_of(answer)] == ["no picture"]
    remove(server, answer)


@pytest.mark.parametrize(
    "name",
    [
        b"../../../../etc/passwd",
        b"..\\..\\windows\\win.ini",
        b"/etc/passwd",
        b"a\0b.pdf",
        b"x" * 10_000 + b".pdf",
        "invoice\u202efdp.exe".encode(),
        "\u2066a\u2069\u200f\u2028b".encode(),
        b"\xff\xfe\xfa.pdf",
        b"\xed\xa0\x80.pdf",
        b"a\x1b[2Jb\x07.pdf",
        b"..",
        b"",
        b"CON",
        b"<script>alert(1)</script>.pdf",
        b"{{7*7}}${7*7}%s%n.pdf",
    ],
    ids=lambda name: repr(name[:24]),
)
def test_a_hostile_name_is_only_a_name(server: Live, name: bytes) -> None:
    answer = upload(server, form(file_part(pdf_of_texts(["its text"]), name)))

    is_clean(server, answer)
    if answer.status == 422:
        return
    rows = rows_of(answer)
    shown = str(answer.json()["file_name"])
    assert [row["text"] for row in rows] == ["its text"]
    assert {row["source_uri"] for row in rows} == {shown}
    assert 0 < len(shown) <= 200
    assert not set(shown) & set("/\\\0\x07\x1b\r\n\u202e\u2066\u2028")
    assert shown not in (".", "..")
    remove(server, answer)


PDF = pdf_of_texts(["a right document"])
MALFORMED: dict[str, tuple[bytes, dict[str, str]]] = {
    "two files": (form(file_part(PDF), file_part(PDF)), {"Content-Type": FORM}),
    "no file": (form(file_part(PDF, field="attachment")), {"Content-Type": FORM}),
    "nothing in the form": (form(), {"Content-Type": FORM}),
    "wrong boundary": (form(file_part(PDF)), {"Content-Type": "multipart/form-data; boundary=another"}),
    "no boundary": (form(file_part(PDF)), {"Content-Type": "multipart/form-data"}),
    "huge boundary": (form(file_part(PDF)), {"Content-Type": f"multipart/form-data; boundary={'b' * 5_000}"}),
    "cut form": (form(file_part(PDF))[:-40], {"Content-Type": FORM}),
    "no form at all": (b"\r\n" * 1_000, {"Content-Type": FORM}),
    "part without a head": (b"--line-between-the-parts\r\n\r\n" + PDF, {"Content-Type": FORM}),
    "ten thousand parts": (form(*[file_part(b"", field="x")] * 10_000), {"Content-Type": FORM}),
    "endless part head": (
        b"--line-between-the-parts\r\nX: " + b"a" * 3_000_000 + b"\r\n\r\n",
        {"Content-Type": FORM},
    ),
    "no body": (b"", {"Content-Type": "application/pdf"}),
    "not json": (b"{", {"Content-Type": "application/json"}),
    "deep json": (b"[" * 60_000, {"Content-Type": "application/json"}),
    "a url": (b'{"url": "http://127.0.0.1:1/secret"}', {"Content-Type": "application/json"}),
    "a file url": (b'{"url": "file:///etc/passwd"}', {"Content-Type": "application/json"}),
    "unknown type": (PDF, {"Content-Type": "application/x-tar"}),
    "odd type": (PDF, {"Content-Type": "\xff;;;=;charset"}),
    "too large": (b"\0" * (MAX_BYTES + 1), {"Content-Type": "application/pdf"}),
    "too large a form": (form(file_part(b"\0" * (MAX_BYTES + 1))), {"Content-Type": FORM}),
    "declared and not sent": (b"%PDF", {"Content-Type": FORM, "Content-Length": str(1 << 30)}),
    "begun and not ended": (form(file_part(PDF))[:200], {"Content-Type": FORM, "Content-Length": "100000"}),
    "length below zero": (PDF, {"Content-Type": FORM, "Content-Length": "-1"}),
    "length no number": (PDF, {"Content-Type": FORM, "Content-Length": "1e9"}),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_upload_is_refused_and_leaves_nothing(server: Live, what: str) -> None:
    body, headers = MALFORMED[what]

    answer = upload(server, body, headers=headers)

    assert 400 <= answer.status < 500
    assert answer.seconds < BODY_SECONDS + 10
    assert leftovers(server) == []
    if "length" not in what:
        is_clean(server, answer)


def test_a_body_without_a_declared_length_is_read(server: Live) -> None:
    answer = ask_chunked(server.port, "/v1/documents?wait=30", form(file_part(PDF)), {"Content-Type": FORM}, chunk=7)

    is_clean(server, answer)
    assert [row["text"] for row in rows_of(answer)] == ["a right document"]
    remove(server, answer)


def test_a_body_without_a_declared_length_ends_at_the_limit(server: Live) -> None:
    body = form(file_part(b"\0" * (MAX_BYTES + (1 << 20))))

    answer = ask_chunked(server.port, "/v1/documents?wait=30", body, {"Content-Type": FORM}, chunk=1 << 16)

    assert answer.status == 413
    is_clean(server, answer)
    assert leftovers(server) == []


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_client_that_goes_in_the_middle_leaves_nothing(server: Live, share: float) -> None:
    body = form(file_part(PDF * 50))
    begin = head("POST", "/v1/documents?wait=30", {"Content-Type": FORM, "Content-Length": str(len(body))})

    ask_raw(server.port, [begin, body[: int(share * len(body))]], then_close=True, seconds=SECONDS)

    ends = time.monotonic() + 10
    while leftovers(server) and time.monotonic() < ends:
        time.sleep(0.05)
    assert leftovers(server) == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "job_id",
    ["..%2f..%2fetc%2fpasswd", "%00", "0" * 32, "G" * 32, "a" * 20_000, "%F0%9F%92%A9", "..", "%2e%2e", "*", "'--"],
    ids=lambda job_id: job_id[:12],
)
def test_an_odd_job_id_is_not_found(server: Live, method: str, job_id: str) -> None:
    answer = ask(server.port, method, f"/v1/jobs/{job_id}")

    assert answer.status in (404, 405)
    is_clean(server, answer)


@pytest.mark.parametrize(
    "query",
    [
        "&pages=0",
        "&pages=9-1",
        "&pages=1-99999999999999999999,x",
        "&pages=" + "1," * 900,
        "&pages=%00",
        "&max_pages=-1",
        "&max_pages=1e400",
        "&max_pages=99999999999999999999",
        "&deadline=nan",
        "&deadline=-5",
        "&wait=inf",
        "&format=exe",
        "&pipeline=../../etc/passwd",
        "&no_such=1",
    ],
)
def test_an_odd_wish_is_refused_by_name(server: Live, query: str) -> None:
    answer = upload(server, form(file_part(PDF)), query)

    assert answer.status == 422
    is_clean(server, answer)
    assert leftovers(server) == []


def test_a_password_is_nowhere_afterwards(server: Live, shared: Path) -> None:
    content = (shared / "corpus" / "hostile" / "pypdf-r6-user-password.pdf").read_bytes()
    secret = b"tell-nobody-9b1f"
    field = b'--line-between-the-parts\r\nContent-Disposition: form-data; name="password"\r\n\r\n' + secret + b"\r\n"

    answer = upload(server, form(field, file_part(content)))

    is_clean(server, answer)
    assert [row["error_code"] for row in rows_of(answer)] == ["encrypted"]
    assert secret not in answer.body
    assert not any(secret in path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    remove(server, answer)


def test_text_is_gone_from_the_disk_after_delete(server: Live) -> None:
    secret = "the word is abracadabra-51c3"
    answer = upload(server, form(file_part(pdf_of_texts([secret]))))
    assert secret in json.dumps(answer.json())

    remove(server, answer)

    assert not any(secret.encode() in path.read_bytes() for path in server.data.rglob("*") if path.is_file())
