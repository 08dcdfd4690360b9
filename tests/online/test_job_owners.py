"""Several processes on one data directory: everybody sees every job, and each job has one owner."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from omnipipe.online.jobs.lease import LEASE_SECONDS
from omnipipe.online.jobs.store import JobLostError, JobStore
from tests.online.job_store_kit import created, finished, in_loop, job_of, opened, row, settings_of, upload_of


def stand_still(store: JobStore, folder: Path) -> None:
    """What others see of a process that was stopped for long: its lock is held, its heart beats no more."""
    path = folder / "writers" / f"{store.writer}.lock"
    long_ago = path.stat().st_mtime - 2 * LEASE_SECONDS
    os.utime(path, (long_ago, long_ago))


@in_loop
async def test_every_process_answers_for_every_job(tmp_path: Path) -> None:
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        job = await created(one)
        seen_at_once = two.find(job.id)
        await one.update(job.with_(state="running"), [row(0)], durable=True)
        seen_running = two.find(job.id)
        rows_running = await two.rows(job.id)
        done = job.with_(state="done")
        await one.update(done, [row(1)])

        assert seen_at_once == job
        assert seen_running == job.with_(state="running")
        assert rows_running == [row(0)]
        assert two.find(job.id) == done
        assert await two.rows(job.id) == [row(0), row(1)]
        assert two.find_same("me", job.doc_id, job.asked.key) == done
        assert two.find_same("you", job.doc_id, job.asked.key) is None
        assert two.find_same(None, job.doc_id, job.asked.key) == done
        assert two.jobs("me") == [done]


@in_loop
async def test_the_job_of_a_living_process_is_not_taken_over(tmp_path: Path) -> None:
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        await created(one)

        assert two.take_over() == []


@in_loop
async def test_a_closed_process_leaves_its_open_jobs_to_the_next_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as one:
        job = await created(one)
        await one.update(job.with_(state="running"), [row(0), row(1)])
        done = await finished(one, row(9))

    async with opened(tmp_path) as two:
        assert two.take_over() == [job.with_(state="running")]
        assert two.take_over() == []
        await two.update(job.with_(state="done"), [row(2)])
        assert await two.rows(job.id) == [row(0), row(1), row(2)]
        assert two.find(done.id) == done

    async with opened(tmp_path) as three:
        assert three.take_over() == []
        assert await three.rows(job.id) == [row(0), row(1), row(2)]


@in_loop
async def test_a_process_that_stood_still_cannot_write_about_a_job_that_it_lost(tmp_path: Path) -> None:
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        job = await created(one)
        running = job.with_(state="running")
        await one.update(running, [row(0)], durable=True)
        stand_still(one, tmp_path)
        taken = two.take_over()

        with pytest.raises(JobLostError, match="taken over"):
            await one.update(job.with_(state="done", reason="late"), [row(5)])
        with pytest.raises(JobLostError):
            await one.update(running)
        await two.update(job.with_(state="done"), [row(1)])

        assert taken == [running]
        for store in (one, two):
            assert store.find(job.id) == job.with_(state="done")
            assert await store.rows(job.id) == [row(0), row(1)]
    async with opened(tmp_path) as three:
        assert await three.rows(job.id) == [row(0), row(1)]


@in_loop
async def test_late_rows_of_a_lost_owner_are_read_by_nobody(tmp_path: Path) -> None:
    """It was stopped between its look for a claim and its write: only the reader can tell."""
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        job = await created(one)
        await one.update(job, [row(0)], durable=True)
        segment = next((tmp_path / "segments").glob(f"{one.writer}-*"))
        size = segment.stat().st_size
        await one.update(job.with_(state="done", reason="late"), [row(7)])
        late = segment.read_bytes()[size:]
        os.truncate(segment, size)

        stand_still(one, tmp_path)
        assert two.take_over() == [job]
        with segment.open("ab") as file:
            file.write(late)
        await two.update(job.with_(state="done"), [row(1)])

        assert await two.rows(job.id) == [row(0), row(1)]
    for _ in range(2):
        async with opened(tmp_path) as three:
            assert three.find(job.id) == job.with_(state="done")
            assert await three.rows(job.id) == [row(0), row(1)]
            await three.sweep()


@in_loop
async def test_of_many_claimants_each_job_goes_to_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as dead:
        ids = {(await created(dead)).id for _ in range(30)}
    stores = [JobStore(settings_of(tmp_path)) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))

    taken = await asyncio.gather(*(asyncio.to_thread(store.take_over) for store in stores))

    claimed = [job.id for jobs in taken for job in jobs]
    assert sorted(claimed) == sorted(ids)
    for store in stores:
        await store.close()


@in_loop
async def test_a_job_can_be_claimed_from_a_living_process(tmp_path: Path) -> None:
    """To cancel it where the client's request came in."""
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        job = await created(one)

        claimed = two.claim(job.id)
        await two.update(job.with_(state="cancelled"))

        assert claimed == job
        with pytest.raises(JobLostError):
            await one.update(job.with_(state="running"), [row(0)], durable=True)
        assert one.find(job.id) == job.with_(state="cancelled")
        assert one.claim(job.id) is None


@in_loop
async def test_a_claimant_that_died_before_its_first_word_blocks_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path) as dead:
        job = await created(dead)
    (tmp_path / "claims" / f"{job.id}.1").write_text("somebody-who-died")

    async with opened(tmp_path) as store:
        assert store.take_over() == [job]
        await store.update(job.with_(state="done"), [row(0)])
        assert await store.rows(job.id) == [row(0)]


@in_loop
async def test_rows_of_three_owners_are_one_list(tmp_path: Path) -> None:
    async with opened(tmp_path) as first:
        job = await created(first)
        await first.update(job, [row(0), row(1)])
    for index in (2, 3):
        async with opened(tmp_path) as store:
            store.take_over()
            await store.update(job, [row(index)])

    async with opened(tmp_path) as last:
        assert await last.rows(job.id) == [row(0), row(1), row(2), row(3)]
        last.take_over()
        await last.update(job.with_(state="done"), [row(4)])
        assert await last.rows(job.id, 1) == [row(1), row(2), row(3), row(4)]


@in_loop
async def test_an_idempotency_key_is_known_to_all_processes(tmp_path: Path) -> None:
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        upload = upload_of(one)
        job = job_of(upload, key="k")
        await one.create(job, upload)

        assert two.find_idempotent("me", "k") == job
        assert two.find_idempotent("me", "other") is None
