"""The store of jobs as its callers see it: what was kept is there, for this process and after a restart."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from omnipipe.online.jobs.store import JobLostError
from tests.online.job_store_kit import created, finished, in_loop, job_of, opened, row, upload_of


@in_loop
async def test_rows_come_back_as_they_were_in_the_order_they_came(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        job = await created(store)
        await store.update(job.with_(state="running"), [row(3), row(1)])
        seen_at_once = await store.rows(job.id)
        await store.update(job.with_(state="done", num_rows=3), [row(0)])

        assert seen_at_once == [row(3), row(1)]
        assert await store.rows(job.id) == [row(3), row(1), row(0)]
        assert await store.rows(job.id, 1) == [row(1), row(0)]
        assert await store.rows(job.id, 2) == [row(0)]
        assert await store.rows(job.id, 7) == []
        assert store.find(job.id) == job.with_(state="done", num_rows=3)


@in_loop
async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        upload = upload_of(store, b"bytes of a document")
        job = job_of(upload, key="once")
        await store.create(job, upload, ("secret",))
        await store.update(job.with_(state="running", num_pages=9), [row(0), row(1)])
        done = await finished(store, row(5))

    async with opened(tmp_path) as again:
        assert again.find(job.id) == job.with_(state="running", num_pages=9)
        assert await again.rows(job.id, 1) == [row(1)]
        assert again.passwords(job) == ("secret",)
        path = again.upload_path(job)
        assert path is not None
        assert hashlib.sha256(path.read_bytes()).hexdigest() == job.doc_id
        assert again.find_idempotent("me", "once") == again.find(job.id)
        assert again.find_idempotent("you", "once") is None
        assert again.jobs("me") == [done, again.find(job.id)]
        assert await again.rows(done.id) == [row(5)]


@in_loop
async def test_a_final_job_takes_no_more_rows(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        job = await finished(store, row(0))

        with pytest.raises(JobLostError, match=job.id):
            await store.update(job.with_(state="running"), [row(1)])

        assert await store.rows(job.id) == [row(0)]
