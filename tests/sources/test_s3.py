"""Object stores: a real S3 server on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import S3FileSystem

from omnipipe.batch import RunOptions, run
from omnipipe.errors import InputError
from omnipipe.ledger.ledger import Ledger
from omnipipe.page import ProblemError
from omnipipe.pipeline import load_pipeline
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.sources.expand import expand
from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.index import index_source, index_sources
from omnipipe.sources.source import Source
from omnipipe.unit import DocumentRef
from tests.pdfs import pdf_of_texts

PDF = pdf_of_texts(["one", "two"])
NAMES = ("docs/a.pdf", "docs/b #1 ü%20.PDF", "docs/sub/c.pdf", "docs/sub/deep/d.png", "docs-2/e.pdf", "scan-1.pdf")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The URL of an S3 server that is gone when the tests are done."""
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/moto-api/", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def store(endpoint: str) -> S3FileSystem:
    """The server with a bucket of documents, as pyarrow sees it."""
    filesystem = S3FileSystem(
        endpoint_override=endpoint.removeprefix("http://"),
        scheme="http",
        access_key="test",
        secret_key="test",
        region="eu-central-1",
        allow_bucket_creation=True,
    )
    filesystem.create_dir("bucket")
    for name in (*NAMES, "docs/notes.txt", "docs/.hidden.pdf"):
        _put(filesystem, name, PDF)
    return filesystem


@pytest.fixture(autouse=True)
def environment(store: S3FileSystem, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user of another store than Amazon's has set."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Fetcher]:
    fetcher = Fetcher(tmp_path / "cache")
    yield fetcher
    fetcher.close()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the S3 server ended"
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the S3 server did not start")


def _put(store: S3FileSystem, name: str, content: bytes) -> None:
    with store.open_output_stream(f"bucket/{name}") as stream:
        stream.write(content)


def _names(uri: str) -> list[str]:
    return [source.uri.removeprefix("s3://bucket/") for source in expand([uri])]


def test_a_bucket_and_a_folder_give_their_documents() -> None:
    assert _names("s3://bucket/docs") == _names("s3://bucket/docs/") == list(NAMES[:4])
    assert sorted(_names("s3://bucket")) == sorted(NAMES)


def test_what_is_left_out_is_counted() -> None:
    expansion = expand(["s3://bucket/docs"])
    list(expansion)

    assert dict(expansion.left_out) == {"txt": 1}


def test_globs_and_prefixes_name_documents() -> None:
    assert _names("s3://bucket/docs/*.pdf") == ["docs/a.pdf"]
    assert _names("s3://bucket/**/*.pdf") == [
        name for name in sorted(NAMES, key=lambda n: n.split("/")) if ".pdf" in name
    ]
    assert _names("s3://bucket/docs/*/c.pdf") == ["docs/sub/c.pdf"]
    assert _names("s3://bucket/doc?-2/*") == ["docs-2/e.pdf"]
    assert _names("s3://bucket/scan-") == ["scan-1.pdf"]
    assert _names("s3://bucket/docs-") == ["docs-2/e.pdf"]


def test_an_object_has_size_and_stamp() -> None:
    named = list(expand([f"s3://bucket/{NAMES[1]}"]))
    listed = [source for source in expand(["s3://bucket/docs"]) if source.uri == named[0].uri]

    assert named == listed
    assert named[0].uri == f"s3://bucket/{NAMES[1]}"
    assert named[0].size == len(PDF)
    assert named[0].stamp is not None
    assert abs(int(named[0].stamp) / 1e9 - time.time()) < 3600


@pytest.mark.parametrize("uri", ["s3://bucket/none.pdf", "s3://bucket/none/*", "s3://no-such-bucket/", "s3://"])
def test_what_is_not_there_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match=r"Check the (bucket|name)"):
        expand([uri])


def test_a_store_that_does_not_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(InputError, match="AWS_ENDPOINT_URL"):
        expand(["s3://bucket/docs"])


def test_manifests_lead_to_objects_and_may_be_objects(store: S3FileSystem, tmp_path: Path) -> None:
    rows = [{"path": "docs/a.pdf", "n": 1}, {"path": "s3://bucket/scan-1.pdf"}, {"path": "s3://bucket/none.pdf"}]
    rows += [{"path": "s3://bucket/docs/sub"}, {"path": "https://example.org/x.pdf"}, {"path": str(tmp_path / "l.pdf")}]
    (tmp_path / "l.pdf").write_bytes(PDF)
    _put(store, "list.jsonl", "\n".join(json.dumps(row) for row in rows).encode())

    sources = list(expand(["s3://bucket/list.jsonl"]))

    assert [source.uri for source in sources] == [
        "s3://bucket/docs/a.pdf",
        "s3://bucket/scan-1.pdf",
        "s3://bucket/none.pdf",
        "s3://bucket/docs/sub/c.pdf",
        "s3://bucket/docs/sub/deep/d.png",
        "https://example.org/x.pdf",
        str(tmp_path / "l.pdf"),
    ]
    assert [source.size for source in sources] == [len(PDF), len(PDF), None, len(PDF), len(PDF), None, len(PDF)]
    assert sources[0].user == {"n": 1}


def test_objects_are_indexed_and_read_again_only_when_they_changed(store: S3FileSystem) -> None:
    _put(store, "index/a.pdf", PDF)
    _put(store, "index/b.pdf", b"broken")
    limits = ReaderLimits()
    first = {r.uri: r for r in index_sources(expand(["s3://bucket/index"]), num_processes=2, limits=limits)}

    _put(store, "index/b.pdf", PDF)
    again = list(
        index_sources(
            expand(["s3://bucket/index"]),
            num_processes=2,
            limits=limits,
            known=lambda source: first[source.uri] if first[source.uri].is_current(source) else None,
        )
    )

    assert [record.problem and record.problem.code for record in first.values()] == [None, "unsupported"]
    assert [record.page_count for record in again] == [2, 2]
    assert again[0] is first["s3://bucket/index/a.pdf"]


def test_an_object_is_downloaded_once_and_checked(store: S3FileSystem, fetcher: Fetcher) -> None:
    _put(store, "fetch/a b.pdf", PDF)
    doc_id = hashlib.sha256(PDF).hexdigest()
    ref = DocumentRef(doc_id=doc_id, uri="s3://bucket/fetch/a b.pdf", size=len(PDF), stamp="1")

    path = fetcher.local_path(ref)
    _put(store, "fetch/a b.pdf", b"other")

    assert Path(path).read_bytes() == PDF
    assert Path(path).name == "a b.pdf"
    assert fetcher.local_path(ref) == path
    other = Fetcher()
    with pytest.raises(ProblemError, match="changed"):
        other.local_path(ref)
    other.close()


@pytest.mark.parametrize(
    ("uri", "code"),
    [("s3://bucket/none.pdf", "missing"), ("https://example.org/x.pdf", "unreadable"), ("s3://bucket/docs", "missing")],
)
def test_an_object_that_cannot_be_had_is_a_record(fetcher: Fetcher, uri: str, code: str) -> None:
    with ReaderProcess(ReaderLimits()) as reader:
        record = index_source(Source(uri, None, None), reader, fetcher)

    assert record.problem is not None
    assert record.problem.code == code
    assert record.doc_id == hashlib.sha256(f"uri:{uri}".encode()).hexdigest()


def test_a_large_object_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    small = Fetcher(tmp_path / "cache", cache_bytes=100)

    with pytest.raises(ProblemError, match="too_large"):
        small.local_path(Source("s3://bucket/docs/a.pdf", None, None))

    assert [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".pdf"] == []
    small.close()


def test_rows_of_a_remote_manifest_are_documents(store: S3FileSystem, tmp_path: Path, fetcher: Fetcher) -> None:
    pq.write_table(pa.table({"bytes": [b"one", b"two"]}), tmp_path / "m.parquet")
    _put(store, "m.parquet", (tmp_path / "m.parquet").read_bytes())

    sources = list(expand(["s3://bucket/m.parquet"]))

    assert [source.uri for source in sources] == ["row:0:s3://bucket/m.parquet", "row:1:s3://bucket/m.parquet"]
    assert sources[0].stamp is not None
    assert [Path(fetcher.local_path(source)).read_bytes() for source in sources] == [b"one", b"two"]


def test_a_public_bucket_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_") and "KEY" in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "1")

    assert _names("s3://bucket/scan-1.pdf") == ["scan-1.pdf"]


def test_an_object_that_moved_is_tried_again_where_it_is(store: S3FileSystem, tmp_path: Path) -> None:
    _put(store, "moved/a.pdf", PDF)
    with Ledger.open(tmp_path / "out", load_pipeline("text_layer")) as ledger:
        records = list(index_sources(expand(["s3://bucket/moved/a.pdf"]), num_processes=1, limits=ReaderLimits()))
        ledger.add_sources(records)
        ledger.plan(records)
    store.move("bucket/moved/a.pdf", "bucket/moved/b.pdf")

    first = run("text_layer", "s3://bucket/moved", tmp_path / "out", RunOptions(runner="local"))
    again = run("text_layer", "s3://bucket/moved", tmp_path / "out", RunOptions(runner="local", retry="failed"))

    assert first.error_codes == {"missing": 2}
    assert again.statuses == {"ok": 2}
