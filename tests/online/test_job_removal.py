"""Removed and expired jobs: nothing of them is left in any file."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import duckdb
import pytest

from omnipipe.online.job import Job, Row
from omnipipe.online.jobs.frame import Kind, encode
from omnipipe.online.jobs.store import JobLostError, JobStore
from tests.online.job_store_kit import created, finished, in_loop, job_of, opened, row, settings_of, upload_of

SMALL = 4_000
"""Bytes of a segment that is packed soon."""


def traces(folder: Path, *words: str) -> list[str]:
    """Files that hold one of `words` in their bytes or in their name, raw or in Parquet's columns."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += repr(duckdb.read_parquet(str(path)).fetchall()).encode()
        if any(word.encode() in data or word in path.name for word in words):
            found.append(path.relative_to(folder).as_posix())
    return found


async def secret_job(store: JobStore, *, is_final: bool) -> Job:
    upload = upload_of(store, b"%PDF SECRET bytes")
    job = job_of(upload).with_(file_name="SECRET.pdf")
    await store.create(job, upload, ("SECRET-password",))
    store.answers_path(job).write_text("SECRET answer")
    await store.update(job.with_(state="running"), [row(0, "SECRET one")])
    await store.update(job.with_(state="done" if is_final else "running"), [row(1, "SECRET two")], durable=True)
    return job


@pytest.mark.parametrize("is_final", [True, False])
@in_loop
async def test_a_removed_job_leaves_no_trace(tmp_path: Path, is_final: bool) -> None:
    async with opened(tmp_path) as store:
        job = await secret_job(store, is_final=is_final)
        other = await finished(store, row(0, "kept"))
        before = traces(tmp_path, "SECRET", job.id)

        await store.remove(job.id)

        assert len(before) >= 2
        assert traces(tmp_path, "SECRET", job.id) == []
        assert store.find(job.id) is None
        assert await store.rows(job.id) == []
        assert store.find_same("me", job.doc_id, job.asked.key) is None
        assert store.jobs("me") == [other]
        with pytest.raises(JobLostError):
            await store.update(job, [row(2, "SECRET late")])
    async with opened(tmp_path) as again:
        assert again.find(job.id) is None
        assert await again.rows(other.id) == [row(0, "kept")]


@in_loop
async def test_passwords_and_answers_go_when_a_job_is_final(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        job = await secret_job(store, is_final=True)

        assert store.passwords(job) == ()
        assert traces(tmp_path, "SECRET-password", "SECRET answer") == []
        assert store.upload_path(job) is not None


@in_loop
async def test_uploads_go_when_a_job_is_final_where_they_are_not_kept(tmp_path: Path) -> None:
    async with opened(tmp_path, keep_uploads=False) as store:
        job = await secret_job(store, is_final=True)

        assert store.upload_path(job) is None
        assert traces(tmp_path, "%PDF SECRET") == []


@in_loop
async def test_any_process_can_remove_a_job_that_is_in_work_at_another(tmp_path: Path) -> None:
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        job = await secret_job(one, is_final=False)

        await asyncio.gather(two.remove(job.id), *(late_update(one, job, n) for n in range(20)))

        assert one.find(job.id) is None
        assert two.find(job.id) is None
        with pytest.raises(JobLostError):
            await one.update(job, [row(2, "SECRET late")], durable=True)
        await one.sweep()
        assert traces(tmp_path, "SECRET") == []


async def late_update(store: JobStore, job: Job, number: int) -> None:
    await asyncio.sleep(number / 200)
    try:
        await store.update(job.with_(state="running"), [row(number, "SECRET more")])
    except JobLostError:
        return


@in_loop
async def test_a_removal_that_a_kill_cut_short_is_finished_by_the_next_sweep(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        job = await secret_job(store, is_final=True)
    word = encode(Kind.REMOVED, bytes.fromhex(job.id), 0, b"")
    (tmp_path / "segments" / "zzz-000000.seg").write_bytes(word)

    async with opened(tmp_path) as again:
        assert again.find(job.id) is None
        await again.sweep()
        assert [path for path in traces(tmp_path, "SECRET") if not path.startswith("uploads/")] == []


@in_loop
async def test_finished_jobs_expire_and_unfinished_do_not(tmp_path: Path) -> None:
    async with opened(tmp_path, keep_seconds=1_000) as store:
        waiting = await created(store)
        old = await finished(store, row(0, "SECRET"), finished_at=time.time() - 2_000)
        new = await finished(store, row(0))
        seen = store.find(old.id)

        num_removed = await store.sweep()

        assert seen is None
        assert num_removed == 1
        assert traces(tmp_path, "SECRET", old.id) == []
        assert store.jobs("me") == [new, waiting]


async def packed_store(folder: Path, num_jobs: int) -> list[tuple[Job, list[Row]]]:
    """Jobs of a process that ended, packed by the next one."""
    async with opened(folder, segment_bytes=SMALL) as store:
        jobs = []
        for number in range(num_jobs):
            rows = [row(index, f"words {number} {index} " + "x" * 300) for index in range(3)]
            jobs.append((await finished(store, *rows, data=b"%d" % number), rows))
    async with opened(folder, segment_bytes=SMALL) as store:
        await store.sweep()
    return jobs


@in_loop
async def test_packed_rows_are_the_same_bytes_and_a_table_for_others(tmp_path: Path) -> None:
    jobs = await packed_store(tmp_path, 12)

    assert list((tmp_path / "segments").iterdir()) == []
    async with opened(tmp_path) as store:
        for job, rows in jobs:
            assert store.find(job.id) == job
            assert await store.rows(job.id) == rows
            assert await store.rows(job.id, 2) == rows[2:]
        assert store.find_same("me", jobs[3][0].doc_id, jobs[3][0].asked.key) == jobs[3][0]
    table = f"'{tmp_path}/pages/*.parquet'"
    query = f"SELECT job_id, page_index, status, text FROM {table} ORDER BY job_id, page_index"
    expected = [
        (job.id, r.page_index, "ok", f"words {n} {r.page_index} " + "x" * 300)
        for n, (job, rows) in enumerate(jobs)
        for r in rows
    ]
    assert duckdb.connect().execute(query).fetchall() == sorted(expected)


@in_loop
async def test_a_process_that_read_before_the_packing_reads_on_after_it(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=SMALL) as one, opened(tmp_path) as two:
        jobs = [await finished(one, row(0, "x" * 500)) for _ in range(20)]
        before = [two.find(job.id) for job in jobs]

        await one.sweep()

        assert len(list((tmp_path / "pages").glob("*.parquet"))) == 1
        assert before == jobs
        assert [two.find(job.id) for job in jobs] == jobs
        assert [await two.rows(job.id) for job in jobs] == [[row(0, "x" * 500)]] * 20
        assert [await one.rows(job.id) for job in jobs] == [[row(0, "x" * 500)]] * 20


@in_loop
async def test_a_packed_job_is_removed_and_its_neighbours_stay(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=SMALL) as one, opened(tmp_path) as two:
        kept = [await finished(one, row(0, f"kept {n} " + "x" * 500)) for n in range(20)]
        secret = await secret_job(one, is_final=True)
        more = [await finished(one, row(0, "more " + "x" * 500)) for _ in range(20)]
        await one.sweep()
        packed = traces(tmp_path, "SECRET")

        await two.remove(secret.id)

        assert any(path.startswith("pages/") for path in packed)
        assert traces(tmp_path, "SECRET", secret.id) == []
        for store in (one, two):
            assert store.find(secret.id) is None
            assert [await store.rows(job.id) for job in kept] == [[row(0, f"kept {n} " + "x" * 500)] for n in range(20)]
            assert all(store.find(job.id) == job for job in more)
    async with opened(tmp_path) as again:
        assert again.find(secret.id) is None
        assert all(again.find(job.id) == job for job in kept)


@in_loop
async def test_a_segment_with_an_unfinished_job_is_not_packed(tmp_path: Path) -> None:
    async with opened(tmp_path, segment_bytes=SMALL) as store:
        waiting = await created(store)
        jobs = [await finished(store, row(0, "x" * 500)) for _ in range(20)]
        first = sorted((tmp_path / "segments").iterdir())[0]

        await store.sweep()

        assert first.exists()
        assert store.find(waiting.id) == waiting
        assert all(store.find(job.id) == job for job in jobs)
        await store.update(waiting.with_(state="done"), [row(4)])
        await store.sweep()
        assert not first.exists()
        assert await store.rows(waiting.id) == [row(4)]


@in_loop
async def test_expired_packed_jobs_go_with_their_file(tmp_path: Path) -> None:
    jobs = await packed_store(tmp_path, 12)
    async with opened(tmp_path, keep_seconds=0.001) as store:
        assert all(store.find(job.id) is None for job, _ in jobs)
        assert await store.sweep() == 12
    assert list((tmp_path / "pages").iterdir()) == []
    assert list((tmp_path / "uploads").iterdir()) == []
    assert traces(tmp_path, "words 3") == []


@in_loop
async def test_a_dead_process_half_written_upload_is_swept(tmp_path: Path) -> None:
    dead = JobStore(settings_of(tmp_path))
    await dead.open()
    dead.uploads.writer().write(b"half an upload")
    async with opened(tmp_path) as store:
        mine = store.uploads.writer()
        await store.sweep()
        while_alive = len(list((tmp_path / "uploads").iterdir()))
        await dead.close()
        await store.sweep()

        assert while_alive == 2
        assert len(list((tmp_path / "uploads").iterdir())) == 1
        mine.discard()
