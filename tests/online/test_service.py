"""Documents become jobs and jobs become rows, with real documents, a real store and threads that read."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from omnipipe.errors import ConfigError
from omnipipe.online.busy import BusyError
from omnipipe.online.job import Asked, Job, Row
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.local import LocalPageService
from omnipipe.online.open_job import OpenJob
from omnipipe.online.piece import PageService
from omnipipe.online.refusal import IdempotencyError, NoSuchJobError
from omnipipe.online.service import DocumentService
from omnipipe.online.settings import ServeSettings
from omnipipe.pipeline import Pipeline, load_pipeline
from tests.online.documents import blank_pdf, encrypted_pdf, text_pdf

Answer = TypeVar("Answer")

PIPELINE = load_pipeline("text_layer")


class Desk:
    """A service, and what a web app does with it."""

    def __init__(self, service: DocumentService, store: JobStore) -> None:
        self.service = service
        self.store = store

    async def send(
        self,
        data: bytes,
        *,
        owner: str = "",
        file_name: str = "a.pdf",
        key: str | None = None,
        passwords: tuple[str, ...] = (),
        **asked: object,
    ) -> Job:
        writer = self.store.uploads.writer()
        writer.write(data)
        question = Asked(
            pipeline=self.service.pipeline_name,
            config_hash=self.service.config_hash,
            **asked,  # type: ignore[arg-type]
        )
        try:
            job = await self.service.submit(
                writer.finish(), question, owner=owner, file_name=file_name, idempotency_key=key, passwords=passwords
            )
        except Exception:
            writer.discard()
            raise
        writer.discard()
        return job

    async def done(self, job: Job, seconds: float = 60.0) -> tuple[Job, list[Row]]:
        found = await self.service.wait(job.id, seconds)
        return found, await self.store.rows(job.id)


@asynccontextmanager
async def desk(
    folder: Path, pipeline: Pipeline = PIPELINE, pages: PageService | None = None, **settings: object
) -> AsyncIterator[Desk]:
    chosen = ServeSettings(data_dir=folder / "data", **settings)
    store = JobStore(chosen)
    await store.open()
    used = pages or LocalPageService(pipeline, slots=2)
    service = DocumentService(store, used, chosen, pipeline, name="here")
    await service.start()
    try:
        yield Desk(service, store)
    finally:
        await service.close(0.0)
        await used.close()
        await store.close()


def in_loop(work: Callable[[], Coroutine[object, object, Answer]]) -> Answer:
    async def bounded() -> Answer:
        async with asyncio.timeout(60):
            return await work()

    return asyncio.run(bounded())


def plain(rows: list[Row]) -> list[dict[str, object]]:
    return [json.loads(row.json) for row in rows]


def test_each_page_of_a_document_comes_once(tmp_path: Path) -> None:
    async def work() -> tuple[Job, list[Row]]:
        async with desk(tmp_path) as here:
            return await here.done(await here.send(text_pdf(90)))

    job, rows = in_loop(work)

    assert (job.state, job.page_count, job.num_pages, job.num_rows) == ("done", 90, 90, 90)
    assert sorted(row.page_index for row in rows) == list(range(90))
    assert {row["run_id"] for row in plain(rows)} == {job.id}


def test_jobs_side_by_side_keep_their_pages_apart(tmp_path: Path) -> None:
    async def work() -> list[tuple[Job, list[Row]]]:
        async with desk(tmp_path) as here:
            jobs = [await here.send(text_pdf(count, word=f"paper {count}")) for count in (1, 30, 2, 9, 17)]
            return list(await asyncio.gather(*(here.done(job) for job in jobs)))

    for job, rows in in_loop(work):
        assert sorted(row.page_index for row in rows) == list(range(job.num_pages or 0))
        assert all(f"paper {job.num_pages} {row['page_number']}" in str(row["text"]) for row in plain(rows))


def test_pages_are_streamed_as_they_come(tmp_path: Path) -> None:
    async def work() -> tuple[list[int], list[int], str]:
        async with desk(tmp_path) as here:
            job = await here.send(text_pdf(40))
            seen: list[int] = []
            states = []
            async for row in here.service.stream(job.id):
                if not seen:
                    states.append((await here.service.wait(job.id, 0)).state)
                seen.append(row.page_index)
            later = [row.page_index async for row in here.service.stream(job.id, 35)]
            return seen, later, states[0]

    seen, later, state = in_loop(work)

    assert sorted(seen) == list(range(40))
    assert later == seen[35:]
    assert state == "running"


def test_a_small_job_does_not_wait_for_a_large_one(tmp_path: Path) -> None:
    async def work() -> tuple[int, Job]:
        async with desk(tmp_path) as here:
            large = await here.send(text_pdf(500, lines=30))
            small = await here.send(blank_pdf())
            assert (await here.service.wait(small.id, 30)).is_final
            rows = len(await here.store.rows(large.id))
            return rows, await here.service.wait(large.id, 60)

    rows_when_small_was_done, large = in_loop(work)

    assert rows_when_small_was_done < 250
    assert (large.state, large.num_rows) == ("done", 500)


def test_pages_that_are_not_asked_for_are_not_read(tmp_path: Path) -> None:
    async def work() -> tuple[Job, list[Row]]:
        async with desk(tmp_path, max_pages=4) as here:
            return await here.done(await here.send(text_pdf(20), pages="3-4,10-"))

    job, rows = in_loop(work)

    read = [row for row in rows if row.status == "ok"]
    (left_out,) = [row for row in plain(rows) if row["status"] == "skipped"]
    assert [row.page_index for row in read] == [2, 3, 9, 10]
    assert (left_out["page_number"], left_out["num_pages"], left_out["error_code"]) == (12, 9, "max_pages")
    assert (job.state, job.num_pages, job.num_rows) == ("done", 13, 5)


def test_pages_that_a_document_does_not_have_are_no_rows(tmp_path: Path) -> None:
    async def work() -> tuple[Job, list[Row]]:
        async with desk(tmp_path) as here:
            return await here.done(await here.send(text_pdf(2), pages="7"))

    job, rows = in_loop(work)

    assert (job.state, job.num_pages, rows) == ("done", 0, [])
    assert "the document has 2 pages" in str(job.reason)


@pytest.mark.parametrize("pages", ["0", "4-2", "x"])
def test_pages_that_cannot_be_are_refused(tmp_path: Path, pages: str) -> None:
    async def work() -> None:
        async with desk(tmp_path) as here:
            with pytest.raises(ConfigError, match="--pages"):
                await here.send(text_pdf(1), pages=pages)

    in_loop(work)


def test_a_document_that_cannot_be_opened_is_one_row(tmp_path: Path) -> None:
    async def work() -> tuple[Job, list[Row]]:
        async with desk(tmp_path) as here:
            return await here.done(await here.send(b"%PDF-1.7 and no more", file_name="../../etc/broken.pdf"))

    job, rows = in_loop(work)

    (row,) = plain(rows)
    assert (job.state, job.page_count, job.num_pages) == ("done", None, 1)
    assert (row["status"], row["error_code"], row["source_uri"]) == ("failed", "corrupt", "broken.pdf")
    assert str(row["error_message"]).startswith("broken.pdf is cut off")
    assert str(tmp_path) not in json.dumps(row)


def test_a_password_opens_its_own_job_only(tmp_path: Path) -> None:
    async def work() -> list[tuple[Job, list[Row]]]:
        async with desk(tmp_path, share_results=True) as here:
            locked = encrypted_pdf("sesame")
            opened = await here.done(await here.send(locked, passwords=("sesame",)))
            return [opened, await here.done(await here.send(locked))]

    (_, opened), (_, closed) = in_loop(work)

    assert [row.status for row in opened] == ["ok"]
    assert [row["error_code"] for row in plain(closed)] == ["encrypted"]


def test_the_same_question_is_answered_from_what_was_read(tmp_path: Path) -> None:
    async def work() -> tuple[list[Row], list[Row], Job, int]:
        async with desk(tmp_path) as here:
            data = text_pdf(7)
            _, first = await here.done(await here.send(data, owner="me", file_name="first.pdf"))
            again = await here.send(data, owner="me", file_name="second.pdf")
            other = await here.send(data, owner="you")
            rows = await here.store.rows(again.id)
            await here.done(other)
            return first, rows, again, here.service.load().reused

    first, second, again, reused = in_loop(work)

    assert (again.state, again.num_rows, reused) == ("done", 7, 1)
    assert {row["source_uri"] for row in plain(second)} == {"second.pdf"}
    assert {row["run_id"] for row in plain(second)} == {again.id}
    assert [row["text"] for row in plain(second)] == [row["text"] for row in plain(first)]


def test_an_idempotency_key_makes_one_job(tmp_path: Path) -> None:
    async def work() -> list[Job]:
        async with desk(tmp_path) as here:
            jobs = await asyncio.gather(*(here.send(text_pdf(3), key="k", owner="me") for _ in range(4)))
            other = await here.send(text_pdf(3), key="k", owner="you")
            with pytest.raises(IdempotencyError, match="another document"):
                await here.send(text_pdf(2), key="k", owner="me")
            with pytest.raises(IdempotencyError, match="another document"):
                await here.send(text_pdf(3), key="k", owner="me", pages="1")
            return [*jobs, other]

    *same, other = in_loop(work)

    assert len({job.id for job in same}) == 1
    assert other.id != same[0].id


def test_a_cancelled_job_ends_at_once_and_accounts_for_all_pages(tmp_path: Path) -> None:
    async def work() -> tuple[Job, list[Row]]:
        async with desk(tmp_path) as here:
            job = await here.send(text_pdf(900, lines=30))
            async for _ in here.service.stream(job.id):
                break
            cancelled = await here.service.cancel(job.id, "its client went away")
            assert await here.service.cancel(job.id, "again") == cancelled
            return cancelled, await here.store.rows(job.id)

    job, rows = in_loop(work)

    assert (job.state, job.reason) == ("cancelled", "its client went away")
    assert sum(int(str(row["num_pages"])) for row in plain(rows)) == 900
    skipped = [row for row in plain(rows) if row["status"] == "skipped"]
    assert {row["error_code"] for row in skipped} == {"cancelled"}
    assert sum(int(str(row["num_pages"])) for row in skipped) > 300


def test_a_job_whose_client_left_before_it_had_an_id_ends(tmp_path: Path) -> None:
    async def work() -> list[Job]:
        async with desk(tmp_path) as here:
            for pause in (0.0, 0.002, 0.005, 0.01, 0.02):
                sending = asyncio.create_task(here.send(text_pdf(900, lines=30), owner="me"))
                await asyncio.sleep(pause)
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    job = await sending
                    await here.service.cancel(job.id, "its client went away")
            await asyncio.sleep(0.2)
            while not all(job.is_final for job in here.store.jobs("me")):
                await asyncio.sleep(0.01)
            return here.store.jobs("me")

    jobs = in_loop(work)

    assert jobs
    assert all((job.state, job.reason) == ("cancelled", "its client went away") for job in jobs)


def test_a_deadline_ends_a_job(tmp_path: Path) -> None:
    async def work() -> tuple[Job, list[Row]]:
        async with desk(tmp_path) as here:
            return await here.done(await here.send(text_pdf(900, lines=30), deadline=time.time() + 0.8))

    job, rows = in_loop(work)

    assert job.state == "cancelled"
    assert "deadline" in str(job.reason)
    assert sum(int(str(row["num_pages"])) for row in plain(rows)) == 900


def test_a_removed_job_is_gone(tmp_path: Path) -> None:
    async def work() -> None:
        async with desk(tmp_path) as here:
            job = await here.send(text_pdf(500))
            await here.service.remove(job.id)
            with pytest.raises(NoSuchJobError):
                await here.service.wait(job.id, 5)
            assert here.service.load().jobs == 0

    in_loop(work)


def test_uploads_that_come_in_at_once_have_the_places_of_jobs_and_the_rest_is_counted(tmp_path: Path) -> None:
    async def work() -> tuple[int, int]:
        async with desk(tmp_path, max_jobs=2) as here:
            with here.service.upload(), here.service.upload():
                for _ in range(3):
                    with pytest.raises(BusyError, match="2 uploads are coming in already"), here.service.upload():
                        pass
            with here.service.upload():
                pass
            return here.service.load().accepted, here.service.load().refused

    assert in_loop(work) == (0, 3)


def test_what_there_is_no_room_for_is_refused_and_the_rest_is_done(tmp_path: Path) -> None:
    async def work() -> tuple[list[tuple[Job, list[Row]]], list[BusyError]]:
        async with desk(tmp_path, max_jobs=4) as here:
            jobs, refused = [], []
            for number in range(12):
                try:
                    with here.service.upload():
                        jobs.append(await here.send(text_pdf(20, word=f"paper {number}")))
                except BusyError as error:
                    refused.append(error)
            return [await here.done(job) for job in jobs], refused

    done, refused = in_loop(work)

    assert refused
    assert all(1 <= error.retry_after <= 60 for error in refused)
    assert [(job.state, len(rows)) for job, rows in done] == [("done", 20)] * len(done)


def test_finished_jobs_leave_nothing_in_the_service(tmp_path: Path) -> None:
    async def work() -> tuple[int, int, int, int]:
        async with desk(tmp_path) as here:
            for number in range(20):
                await here.done(await here.send(text_pdf(1, word=f"paper {number}")))
            load = here.service.load()
            await asyncio.sleep(0)
            gc.collect()
            # Not isinstance: asking some of other libraries' objects for their class makes them warn.
            num_kept = sum(type(found) is OpenJob for found in gc.get_objects())
            return load.jobs, load.queued_pages + load.running_pieces, load.finished, num_kept

    assert in_loop(work) == (0, 0, 20, 0)


def test_a_closed_service_leaves_its_jobs_to_the_next(tmp_path: Path) -> None:
    async def work() -> tuple[int, Job, list[Row]]:
        async with desk(tmp_path) as here:
            job = await here.send(text_pdf(600, lines=30))
            async for _ in here.service.stream(job.id):
                break
        async with desk(tmp_path) as there:
            rows_before = len(await there.store.rows(job.id))
            done, rows = await there.done(job)
            return rows_before, done, rows

    rows_before, job, rows = in_loop(work)

    assert 0 < rows_before < 600
    assert job.state == "done"
    assert sorted(row.page_index for row in rows) == list(range(600))
