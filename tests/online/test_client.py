"""The client against the real app: the same pages as the library makes, jobs, streams, keys, errors."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import httpx
import pytest

from omnipipe import AsyncClient, Client, Page, ServerError, load_pipeline
from omnipipe.chain import Chain
from omnipipe.client.call import Call
from omnipipe.client.upload import open_upload
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.auth import Key as ServerKey
from omnipipe.online.web.auth import Keys, digest_of
from omnipipe.schema import PAGES
from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.index import index_source
from omnipipe.sources.place import local_uri
from omnipipe.sources.source import Source
from omnipipe.unit import Member, Unit
from tests.online.documents import encrypted_pdf, text_pdf
from tests.online.live import Live, live
from tests.pdfs import pdf_of_texts

MEASURED = ("attempts", "read_ms", "render_ms", "queue_ms", "infer_ms", "energy_j", "cost_usd")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("client") / "data")
    with live(load_pipeline("text_layer"), settings) as running:
        yield running


@pytest.fixture
def client(server: Live) -> Iterator[Client]:
    with Client(server.url) as made:
        yield made


def pages_in_process(path: Path) -> list[Page]:
    """What the library makes of the document, without any server."""
    with Chain(load_pipeline("text_layer")) as chain:
        source = Source(local_uri(str(path)), path.stat().st_size, str(path.stat().st_mtime_ns))
        record = index_source(source, chain.reader, Fetcher())
        assert record.page_count is not None
        return chain.run(Unit(id="u", members=(Member(record.ref(), 0, record.page_count),)))


def unmeasured(page: Page) -> Page:
    return replace(page, uri="", **dict.fromkeys(MEASURED))  # type: ignore[arg-type]


def test_the_pages_are_those_of_the_library(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(text_pdf(3))

    result = client.extract(path)

    assert [unmeasured(page) for page in result.pages] == [unmeasured(page) for page in pages_in_process(path)]
    assert [page.uri for page in result.pages] == ["paper.pdf"] * 3
    assert (result.job.state, result.job.num_rows, result.failed) == ("done", 3, ())


def test_the_table_has_the_schema_of_a_batch_run(client: Client) -> None:
    result = client.extract(text_pdf(2))

    table = result.to_arrow()

    assert table.schema.equals(PAGES, check_metadata=True)
    assert table["text"].to_pylist() == [page.text for page in result.pages]
    assert table["blocks"][0].as_py()[0]["id"] == "b0"
    assert table["created_at"][0].as_py().tzinfo is not None
    assert table["created_at"][0].as_py().astimezone(UTC).timestamp() == pytest.approx(result.job.created_at, abs=60)


def test_the_markdown_is_the_servers(client: Client, server: Live) -> None:
    result = client.extract(text_pdf(2))

    said = httpx.get(f"{server.url}/v1/jobs/{result.job.id}", params={"format": "markdown"})

    assert result.markdown + "\n" == said.text
    assert "line 3 on page 2" in result.markdown


def test_pages_come_as_they_are_finished(client: Client) -> None:
    pages = list(client.stream(text_pdf(30), pages="2-25"))

    assert sorted(page.index for page in pages) == list(range(1, 25))
    assert all(page.status == "ok" for page in pages)


def test_a_job_is_found_again_and_waited_for(client: Client, server: Live) -> None:
    handle = client.submit(text_pdf(5))
    with Client(server.url) as another:
        again = another.job(handle.id)
        state = again.wait(30)
        late = list(again.stream(start=3))

        known = [job.id for job in another.jobs(limit=3)]

    assert state.is_final
    assert known[0] == handle.id
    assert len(late) == 2
    assert handle.result(30).rows == client.job(handle.id).result().rows
    assert repr(handle) == f"JobHandle('{handle.id}', done, 5 of 5 rows)"


def test_a_cancelled_job_is_gone(client: Client) -> None:
    handle = client.submit(text_pdf(5))

    handle.cancel()

    with pytest.raises(ServerError, match="no such job") as raised:
        client.job(handle.id)
    assert (raised.value.status, raised.value.code) == (404, "not_found")


def test_passwords_open_documents_and_stay_out_of_addresses(client: Client) -> None:
    locked = client.extract(encrypted_pdf("sesame"))
    opened = client.extract(encrypted_pdf("sesame"), password="sesame")
    one_of_two = client.extract(encrypted_pdf("sesame"), password=["wrong", "sesame"])

    assert [page.error.code for page in locked.failed if page.error] == ["encrypted"]
    assert "behind the password" in opened.markdown
    assert opened.markdown == one_of_two.markdown


def test_a_broken_document_is_one_row_with_an_error(client: Client) -> None:
    result = client.extract(b"%PDF-1.7 and nothing else", file_name="broken.pdf")

    assert [page.error is not None for page in result.pages] == [True]
    assert result.markdown == ""
    assert result.to_arrow()["error_code"].to_pylist() == [page.error.code for page in result.pages if page.error]


def test_the_servers_words_for_a_mistake_arrive(client: Client) -> None:
    with pytest.raises(ServerError) as raised:
        client.extract(text_pdf(1), pages="4-2")

    assert raised.value.status == 422
    assert "4-2" in raised.value.message


def test_the_same_key_gets_the_same_job(client: Client) -> None:
    first = client.submit(text_pdf(1), idempotency_key="order-17")
    second = client.submit(text_pdf(1), idempotency_key="order-17")
    with pytest.raises(ServerError) as raised:
        client.submit(text_pdf(2), idempotency_key="order-17")

    assert first.id == second.id
    assert raised.value.status == 409


def test_jobs_are_readable_with_their_key_only(server: Live) -> None:
    secrets = {"one": "op_one", "two": "op_two"}
    server.online.keys = Keys([ServerKey(digest=digest_of(key), name=name) for name, key in secrets.items()])
    try:
        with Client(server.url, "op_one") as one, Client(server.url, "op_two") as two, Client(server.url) as nobody:
            mine = one.submit(text_pdf(1))
            mine_again = one.job(mine.id).result()
            with pytest.raises(ServerError) as hidden:
                two.job(mine.id)
            with pytest.raises(ServerError) as unknown:
                nobody.extract(text_pdf(1))
    finally:
        server.online.keys = Keys()

    assert len(mine_again.pages) == 1
    assert (hidden.value.status, unknown.value.status, unknown.value.code) == (404, 401, "no_key")


def test_the_asynchronous_client_reads_documents(server: Live) -> None:
    async def use() -> tuple[str, set[int], int]:
        async with AsyncClient(server.url) as client:
            result = await client.extract(text_pdf(2))
            seen = {page.index async for page in client.stream(text_pdf(9))}
            handle = await client.submit(pdf_of_texts(["a text of its own that says enough"]))
            await handle.wait(30)
            left = await client.submit(text_pdf(20))
            async with aclosing(left.stream()) as pages:
                await anext(pages)
            await left.cancel()
            try:
                await client.job(left.id)
            except ServerError as error:
                return result.markdown, seen, error.status
            raise AssertionError("the job is still there")

    text, seen, status = asyncio.run(use())

    assert "line 3 on page 2" in text
    assert seen == set(range(9))
    assert status == 404


def test_a_file_that_is_too_large_is_refused_in_words(tmp_path: Path) -> None:
    """The answer comes while the body is still on its way; it must not look like a broken connection."""
    settings = ServeSettings(data_dir=tmp_path / "data", max_bytes=1 << 20)
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.truncate(24 << 20)
    with live(load_pipeline("text_layer"), settings) as small, Client(small.url, retry_seconds=5) as client:
        with pytest.raises(ServerError) as raised:
            client.extract(path)

        assert (raised.value.status, raised.value.code) == (413, "too_large")
        assert client.extract(text_pdf(1)).job.state == "done"


def test_a_full_server_is_waited_for(tmp_path: Path) -> None:
    """One job at a time: who comes while it is in work is answered in the end, and not twice."""
    settings = ServeSettings(data_dir=tmp_path / "data", max_jobs=1)
    long, short = text_pdf(1_000), text_pdf(3)
    with live(load_pipeline("text_layer"), settings) as small, Client(small.url) as client:
        first = client.submit(long)
        second = client.extract(short)
        load = small.online.documents.load()
        pages = first.result().pages

    assert (len(pages), len(second.pages)) == (1_000, 3)
    assert load.refused > 0
    assert load.accepted == 2


def test_a_large_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    num_bytes = 0
    with open_upload(path) as upload, httpx.Client(base_url="http://127.0.0.1:9") as http:
        tracemalloc.start()
        request = Call(method="POST", path="/v1/documents", upload=upload).build(http)
        assert isinstance(request.stream, httpx.SyncByteStream)
        for chunk in request.stream:
            num_bytes += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert num_bytes > 64 << 20
    assert int(request.headers["content-length"]) == num_bytes
    assert peak < 2 << 20
