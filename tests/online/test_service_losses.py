"""Workers that die, and servers that are killed: every accepted job ends, and a page that kills ends alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from omnipipe.engines.echo import EchoEngine
from omnipipe.errors import ConfigError, OmnipipeError
from omnipipe.online.busy import BusyError
from omnipipe.online.job import Asked, Job, Row, new_job_id
from omnipipe.online.open_job import OpenJob
from omnipipe.online.service import DocumentService
from omnipipe.pipeline import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
from tests.conftest import ROOT
from tests.online.documents import blank_pdf, text_pdf
from tests.online.process_pages import ProcessPages, SayNumber
from tests.online.tables import table_of
from tests.online.test_service import desk, in_loop, plain


class UnloadableEngine(EchoEngine):
    """Cannot be opened."""

    async def open(self) -> None:
        raise ConfigError("no such model")


class Unloadable(QwenTextEchoConfig):
    """The config of an engine that cannot be opened."""

    def build(self) -> EchoEngine:
        return UnloadableEngine(self)


def pages_that_kill(*deadly: int) -> Pipeline:
    return Pipeline("deadly", (Read(text_layer=False), SayNumber(deadly=deadly)))


def test_a_page_that_kills_its_worker_ends_alone(tmp_path: Path) -> None:
    async def work() -> tuple[Job, list[Row], Job]:
        pipeline = pages_that_kill(2)
        async with desk(tmp_path, pipeline, ProcessPages(pipeline)) as here:
            first, rows = await here.done(await here.send(text_pdf(6)))
            second, _ = await here.done(await here.send(text_pdf(2)))
            return first, rows, second

    job, rows, second = in_loop(work)

    assert job.state == "done"
    found = {row["page_number"]: row for row in plain(rows)}
    assert [found[number]["status"] for number in range(1, 7)] == ["ok", "ok", "failed", "ok", "ok", "ok"]
    assert found[3]["error_code"] == "worker_died"
    assert len(rows) == 6
    assert second.state == "done"


def test_a_worker_killed_from_outside_costs_nothing(tmp_path: Path) -> None:
    async def work() -> tuple[Job, list[Row], int]:
        pipeline = pages_that_kill()
        pages = ProcessPages(pipeline)
        async with desk(tmp_path, pipeline, pages) as here:
            job = await here.send(text_pdf(120))
            async for _ in here.service.stream(job.id):
                pages.kill()
                break
            return *await here.done(job), here.service.load().workers_lost

    job, rows, num_lost = in_loop(work)

    assert 1 <= num_lost <= 2
    assert job.state == "done"
    assert sorted(row.page_index for row in rows) == list(range(120))
    assert {row.status for row in rows} == {"ok"}


def test_a_document_that_kills_while_it_is_opened_is_one_row(tmp_path: Path) -> None:
    asked = Asked(pipeline="p", config_hash="c")
    job = Job(id=new_job_id(), owner="", file_name="a.pdf", size=1, doc_id="d" * 64, asked=asked, created_at=0.0)
    opened = OpenJob(job, tmp_path / "a.pdf", "c")
    rows: list[Row] = []
    alone = []

    while not opened.is_complete:
        work = opened.take(1, 1)
        alone.append(work.alone)
        rows += opened.lose(work)

    assert alone == [False, False, True, True]
    (row,) = plain(rows)
    assert (row["status"], row["error_code"], row["page_count"]) == ("failed", "worker_died", None)
    assert (opened.job.num_pages, opened.job.num_rows) == (1, 1)


def test_an_engine_that_cannot_be_loaded_holds_jobs_back(tmp_path: Path) -> None:
    async def work() -> tuple[Job, Job, BusyError]:
        pipeline = Pipeline("unloadable", (Read(text_layer=False), Render(), Extract(engine=Unloadable())))
        async with desk(tmp_path, pipeline) as here:
            job = await here.send(text_pdf(2))
            refused = await refusal(here.service)
            waiting = await here.service.wait(job.id, 0)
            with pytest.raises(OmnipipeError, match="no such model"):
                await here.service.health()
            return waiting, await here.service.cancel(job.id, "enough"), refused

    waiting, cancelled, refused = in_loop(work)

    assert not waiting.is_final
    assert (cancelled.state, cancelled.reason) == ("cancelled", "enough")
    assert "cannot be read at the moment" in str(refused)
    assert refused.retry_after >= 5


async def refusal(service: DocumentService) -> BusyError:
    while True:
        try:
            with service.upload():
                pass
        except BusyError as error:
            return error
        await asyncio.sleep(0.05)


def test_a_killed_server_leaves_its_jobs_to_the_next(tmp_path: Path) -> None:
    program = f"import tests.online.test_service_losses as t; t.serve_until_killed({str(tmp_path)!r})"
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        job_ids = server.stdout.readline().split()
        server.kill()

    async def work() -> list[tuple[Job, list[Row], int]]:
        async with desk(tmp_path) as here:
            ended = []
            for job_id in job_ids:
                before = len(await here.store.rows(job_id))
                job = await here.service.wait(job_id, 60)
                ended.append((job, await here.store.rows(job_id), before))
            return ended

    (large, large_rows, before), (small, small_rows, _) = in_loop(work)
    expected = in_loop(lambda: undisturbed(tmp_path / "other", text_pdf(400, lines=30)))

    assert 0 < before < 400
    assert (large.state, small.state) == ("done", "done")
    assert table_of(large_rows).equals(table_of(expected))
    assert [row.status for row in small_rows] == ["blank"]


async def undisturbed(folder: Path, document: bytes) -> list[Row]:
    async with desk(folder) as here:
        _, rows = await here.done(await here.send(document))
        return rows


def serve_until_killed(folder: str) -> None:
    """A server with a job that has begun and one that has not, for another process to kill."""

    async def work() -> None:
        async with desk(Path(folder)) as here:
            large = await here.send(text_pdf(400, lines=30))
            async for _ in here.service.stream(large.id):
                break
            small = await here.send(blank_pdf())
            sys.stdout.write(f"{large.id} {small.id}\n")
            sys.stdout.flush()
            await asyncio.sleep(60)

    asyncio.run(work())


def test_a_job_is_seen_and_cancelled_from_another_process_of_the_server(tmp_path: Path) -> None:
    async def work() -> tuple[list[Row], Job, list[Row], int]:
        async with desk(tmp_path) as here, desk(tmp_path) as there:
            first = await here.send(text_pdf(30))
            streamed = [row async for row in there.service.stream(first.id)]
            second = await here.send(text_pdf(1500, lines=30))
            async for _ in there.service.stream(second.id):
                break
            cancelled = await there.service.cancel(second.id, "its client went away")
            assert await here.service.wait(second.id, 10) == cancelled
            return streamed, cancelled, await there.store.rows(second.id), here.service.load().jobs

    streamed, cancelled, rows, num_left = in_loop(work)

    assert sorted(row.page_index for row in streamed) == list(range(30))
    assert (cancelled.state, cancelled.reason) == ("cancelled", "its client went away")
    assert sum(int(str(row["num_pages"])) for row in plain(rows)) == 1500
    assert num_left == 0
