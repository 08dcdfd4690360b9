"""What is found at sources, and their bytes as local files."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnipipe.page import ProblemError
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.sources.expand import expand
from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.index import index_source, index_sources
from omnipipe.sources.source import Source, SourceRecord
from omnipipe.unit import DocumentRef
from tests.memory import held_bytes
from tests.pdfs import image_of_lines, pdf_of_texts

LIMITS = ReaderLimits()


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with ReaderProcess(LIMITS) as process:
        yield process


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Fetcher]:
    fetcher = Fetcher(tmp_path / "cache")
    yield fetcher
    fetcher.close()


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _source(path: Path) -> Source:
    return next(expand([path]))


def _code(fetcher: Fetcher, document: DocumentRef | Source) -> str:
    with pytest.raises(ProblemError) as caught:
        fetcher.local_path(document)
    return caught.value.error.code


def test_a_document_is_described(tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher) -> None:
    content = pdf_of_texts(["A page with a text layer that says enough to be read. " * 2] * 2)
    path = _write(tmp_path / "a #1.pdf", content)

    record = index_source(_source(path), reader, fetcher)

    assert record.doc_id == hashlib.sha256(content).hexdigest()
    assert (record.uri, record.size, record.stamp) == (str(path), len(content), str(path.stat().st_mtime_ns))
    assert (record.format, record.page_count, record.ocr_share, record.problem) == ("pdf", 2, 0.0, None)
    assert record.ref() == DocumentRef(
        doc_id=record.doc_id, uri=str(path), size=len(content), stamp=record.stamp, count=2, format="pdf"
    )


def test_a_name_that_is_not_unicode_can_be_read(tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    try:
        Path(path).write_bytes(image_of_lines(["x"]))
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")

    record = index_source(_source(tmp_path), reader, fetcher)

    assert (record.format, record.page_count) == ("png", 1)
    assert fetcher.local_path(record.ref()) == path


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty"), (b"<html></html>", "unsupported"), (b"%PDF-1.7\nnothing", "corrupt")]
)
def test_a_document_that_cannot_be_opened_keeps_its_hash(
    tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher, content: bytes, code: str
) -> None:
    source = _source(_write(tmp_path / "a.pdf", content))

    record = index_source(source, reader, fetcher)

    assert record.problem is not None
    assert record.problem.code == code
    assert record.doc_id == hashlib.sha256(content).hexdigest()
    assert record.page_count is None
    assert record.is_current(source)


def test_what_is_not_there_is_a_record_and_tried_again(tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher) -> None:
    manifest = _write(tmp_path / "m.jsonl", json.dumps({"path": "gone.pdf", "n": 1}).encode())
    source = _source(manifest)

    record = index_source(source, reader, fetcher)

    assert record.problem is not None
    assert record.problem.code == "missing"
    assert record.doc_id == hashlib.sha256(f"uri:{tmp_path}/gone.pdf".encode()).hexdigest()
    assert (record.size, record.user) == (None, {"n": 1})
    assert not record.is_current(source)


def test_what_is_no_file_is_unreadable(tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher) -> None:
    (tmp_path / "folder.pdf").mkdir()
    os.mkfifo(tmp_path / "pipe.pdf")

    records = [
        index_source(Source(f"{tmp_path}/{name}", None, None), reader, fetcher)
        for name in ("folder.pdf", "pipe.pdf", "x" * 300, "a\0b")
    ]

    assert [record.problem.code for record in records if record.problem] == [
        "unreadable",
        "unreadable",
        "unreadable",
        "missing",
    ]


def test_a_file_without_permission_is_unreadable(tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher) -> None:
    path = _write(tmp_path / "a.pdf", pdf_of_texts(["x"]))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user (root) may read every file")

    record = index_source(_source(path), reader, fetcher)

    assert record.problem is not None
    assert record.problem.code == "unreadable"
    assert not record.is_current(_source(path))


def test_a_file_that_changes_after_the_index_is_noticed(
    tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher
) -> None:
    path = _write(tmp_path / "a.pdf", pdf_of_texts(["old"]))
    ref = index_source(_source(path), reader, fetcher).ref()

    assert fetcher.local_path(ref) == str(path)
    os.utime(path, ns=(1, 1))
    assert fetcher.local_path(ref) == str(path)
    path.write_bytes(pdf_of_texts(["new"]))
    os.utime(path, ns=(2, 2))
    assert _code(fetcher, ref) == "changed"
    path.unlink()
    assert _code(fetcher, ref) == "missing"


def test_a_fetcher_does_not_grow_with_the_documents_it_has_checked(tmp_path: Path, fetcher: Fetcher) -> None:
    path = _write(tmp_path / "a.pdf", b"bytes")
    digest = hashlib.sha256(b"bytes").hexdigest()

    def check(numbers: range) -> None:
        for number in numbers:
            link = tmp_path / f"{number}.pdf"
            link.hardlink_to(path)
            fetcher.local_path(DocumentRef(doc_id=digest, uri=str(link), size=5, stamp=None, count=1, format="pdf"))

    check(range(500))
    tracemalloc.start()
    check(range(500, 2_500))
    grown = held_bytes()
    tracemalloc.stop()

    assert grown < 100_000


def test_a_file_that_is_being_written_is_a_record_that_says_so(
    tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher
) -> None:
    path = _write(tmp_path / "a.pdf", pdf_of_texts(["x"]) + b"%" * 5_000_000)
    source = _source(path)
    stop = threading.Event()

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.wait(0.0005):
                file.write(b"%")

    writer = threading.Thread(target=write)
    writer.start()
    record = index_source(source, reader, fetcher)
    stop.set()
    writer.join()

    assert record.problem is not None
    assert record.problem.code == "changed"
    assert not record.is_current(source)
    assert index_source(source, reader, fetcher).page_count == 1


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_bytes_in_rows_are_documents(tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher, kind: str) -> None:
    contents = [pdf_of_texts([f"row {i}"] * (i % 3 + 1)) for i in range(25)]
    manifest = tmp_path / f"m.{kind}"
    if kind == "parquet":
        table = pa.table({"pdf": [*contents, None], "n": range(26)})
        pq.write_table(table, manifest, row_group_size=10)
    else:
        rows = [{"bytes": base64.b64encode(content).decode(), "n": n} for n, content in enumerate(contents)]
        manifest.write_text("\n".join(json.dumps(row) for row in [*rows, {"bytes": None, "n": 25}]))

    records = [index_source(source, reader, fetcher) for source in expand([manifest])]

    assert [record.page_count for record in records[:25]] == [i % 3 + 1 for i in range(25)]
    assert [record.user["n"] for record in records] == list(range(26))
    assert records[25].problem is not None
    assert records[25].problem.code == "missing"
    for i in (24, 3, 12, 11, 0):
        assert Path(fetcher.local_path(records[i].ref())).read_bytes() == contents[i]
    assert all(record.is_current(source) for source, record in zip(expand([manifest]), records[:25], strict=False))


def test_a_row_that_changes_after_the_index_is_noticed(tmp_path: Path, reader: ReaderProcess) -> None:
    manifest = tmp_path / "m.parquet"
    pq.write_table(pa.table({"bytes": [pdf_of_texts(["old"])]}), manifest)
    first, second = Fetcher(tmp_path / "cache"), Fetcher(tmp_path / "cache")
    ref = index_source(_source(manifest), reader, first).ref()
    first.close()

    pq.write_table(pa.table({"bytes": [pdf_of_texts(["new"])]}), manifest)

    assert [_code(second, ref), _code(second, ref)] == ["changed", "changed"]
    second.close()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_row_that_is_not_json_is_a_problem_of_its_own(
    tmp_path: Path, reader: ReaderProcess, fetcher: Fetcher
) -> None:
    good = _write(tmp_path / "a.pdf", pdf_of_texts(["x"]))
    manifest = _write(tmp_path / "m.jsonl", f'{{"path": "{good}"}}\nnot json\n{{"bytes": "%%%"}}\n'.encode())

    records = [index_source(source, reader, fetcher) for source in expand([manifest])]

    assert [record.problem and record.problem.code for record in records] == [None, "unreadable", "unreadable"]


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    manifest = tmp_path / "m.parquet"
    pq.write_table(pa.table({"bytes": [bytes([i]) * 400 for i in range(6)] + [b"x" * 2000]}), manifest)
    fetcher = Fetcher(tmp_path / "cache", cache_bytes=1000)

    paths = [Path(fetcher.local_path(source)) for source in expand([manifest])]

    assert [path.exists() for path in paths] == [False] * 6 + [True]
    assert paths[0].name == "row-0"
    fetcher.close()
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_cache_of_a_killed_process_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    manifest = tmp_path / "m.parquet"
    pq.write_table(pa.table({"bytes": [b"x"]}), manifest)
    left = _write(tmp_path / "cache" / "omnipipe-cache-dead" / ".lock", b"").parent
    living, young = Fetcher(tmp_path / "cache"), Fetcher(tmp_path / "cache")
    path = Path(living.local_path(_source(manifest)))
    for folder in (left, path.parent.parent):
        os.utime(folder, (time.time() - 1000,) * 2)

    young.local_path(_source(manifest))

    assert path.exists()
    assert not left.exists()
    living.close()
    young.close()


def _index(sources: list[Source], known: dict[str, SourceRecord] | None = None) -> Iterator[SourceRecord]:
    records = known or {}

    def find(source: Source) -> SourceRecord | None:
        record = records.get(source.uri)
        return record if record is not None and record.is_current(source) else None

    return index_sources(sources, num_processes=2, limits=LIMITS, passwords=(), known=find)


def test_many_sources_are_indexed_in_order_and_only_what_is_new_is_read(tmp_path: Path) -> None:
    for i in range(30):
        _write(tmp_path / f"{i:02}.pdf", pdf_of_texts([str(i)] * (i % 2 + 1)) if i % 10 else b"broken")
    first = {record.uri: record for record in _index(list(expand([tmp_path])))}

    os.utime(tmp_path / "03.pdf", ns=(5, 5))
    (tmp_path / "00.pdf").write_bytes(pdf_of_texts(["mended"]))
    _write(tmp_path / "04a.pdf", pdf_of_texts(["new"]))
    sources = list(expand([tmp_path]))
    second = list(_index(sources, first))

    assert [record.page_count for record in first.values()] == [i % 2 + 1 if i % 10 else None for i in range(30)]
    assert [record.uri for record in second] == [source.uri for source in sources]
    old = [Path(record.uri).name for record in second if record is not first.get(record.uri)]
    assert old == ["00.pdf", "03.pdf", "04a.pdf"]
    assert second[0].page_count == 1


def test_the_index_can_be_ended_early(tmp_path: Path) -> None:
    for i in range(300):
        _write(tmp_path / f"{i:03}.pdf", pdf_of_texts([str(i)]))
    records = _index(list(expand([tmp_path])))

    first = next(records)
    start = time.monotonic()
    records.close()  # type: ignore[attr-defined]

    assert first.page_count == 1
    assert time.monotonic() - start < 5


def test_an_error_of_the_sources_comes_through(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.pdf", pdf_of_texts(["x"]))

    def sources() -> Iterator[Source]:
        yield _source(path)
        raise KeyError("broken promise")

    with pytest.raises(KeyError):
        list(index_sources(sources(), num_processes=1, limits=LIMITS))


def test_local_documents_are_found_without_loading_pyarrow(tmp_path: Path) -> None:
    _write(tmp_path / "a.pdf", pdf_of_texts(["x"]))
    program = (
        "import sys\n"
        "from omnipipe.sources import index\n"
        "from omnipipe.sources.expand import expand\n"
        "source = next(expand([sys.argv[1]]))\n"
        "index.Fetcher().local_path(source)\n"
        "print([name for name in ('pyarrow', 'numpy', 'pypdfium2', 'ray') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_ten_thousand_unchanged_sources_take_less_than_a_second(tmp_path: Path) -> None:
    for i in range(10_000):
        (tmp_path / f"{i:05}.pdf").touch()
    known = {source.uri: SourceRecord(source.uri, "0" * 64, source.size, source.stamp) for source in expand([tmp_path])}

    start = time.process_time()
    count = sum(1 for _ in _index(list(expand([tmp_path])), known))
    seconds = time.process_time() - start

    assert count == 10_000
    assert seconds < 1.0


def test_a_file_of_holes_is_refused_before_it_is_read(tmp_path: Path, reader: ReaderProcess) -> None:
    path = tmp_path / "holes.pdf"
    with path.open("wb") as file:
        try:
            file.truncate(1 << 40)
        except OSError:
            pytest.skip("this file system has no files of a terabyte")
    fetcher = Fetcher()

    (source,) = expand([path])
    record = index_source(source, reader, fetcher)

    assert record.problem is not None
    assert record.problem == ("too_large", f"{path} has 1,024 GiB; at most 16 GiB are read")
