"""What committing costs, and what happens when the disk says no."""

from __future__ import annotations

import asyncio
import resource
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe.errors import RunStopped
from omnipipe.online.busy import BusyError
from omnipipe.online.job import Row
from omnipipe.online.jobs.follow import State
from omnipipe.online.jobs.frame import Kind, encode, encode_rows
from omnipipe.online.jobs.journal import Journal, Write
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.jobs.uploads import TooLargeError
from tests.online.job_store_kit import created, in_loop, job_of, opened, row, settings_of, upload_of


@in_loop
async def test_jobs_that_come_together_are_committed_together(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await asyncio.gather(*(created(store) for _ in range(100)))

        assert store.num_commits <= 20
        assert store.num_jobs == 100


@in_loop
async def test_rows_that_nobody_waits_for_are_written_soon_and_together(tmp_path: Path) -> None:
    async with opened(tmp_path) as store, opened(tmp_path) as other:
        job = await created(store)
        before = store.num_commits
        for index in range(50):
            await store.update(job, [row(index)])
        seen_at_once = await store.rows(job.id)
        await asyncio.sleep(0.4)

        assert len(seen_at_once) == 50
        assert store.num_commits - before <= 5
        assert len(await other.rows(job.id)) == 50


@in_loop
async def test_a_finished_job_takes_little_memory_however_long_its_rows(tmp_path: Path) -> None:
    num_jobs = 4_000
    async with opened(tmp_path) as maker:
        upload = upload_of(maker)
    records = []
    for number in range(num_jobs):
        job = job_of(upload).with_(state="done", doc_id=f"{number:064x}", finished_at=2e9)
        key = bytes.fromhex(job.id)
        state = encode(Kind.JOB, key, 0, State(job, "w", 0).encode())
        rows = encode(Kind.ROWS, key, 0, encode_rows([Row(0, "ok", b"x" * 500)]))
        records += [state, rows, state]
    journal = Journal(tmp_path / "segments", "w-00000000")
    journal.start()
    write = Write(records, is_urgent=True)
    journal.put(write)
    write.done.result()
    journal.close()
    del records, write
    store = JobStore(settings_of(tmp_path))

    tracemalloc.start()
    await store.open()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await store.close()

    assert store.num_jobs == num_jobs
    print(f"{size / num_jobs:.0f} bytes a finished job")
    assert size / num_jobs < 700


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond 64 KiB: the kernel's own way to say that there is no room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
@in_loop
async def test_a_full_disk_refuses_new_jobs_and_tears_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        good = await created(store)
        upload = upload_of(store)
        large = job_of(upload).with_(file_name="x" * 70_000)

        with pytest.raises(RunStopped, match="full"):
            await store.create(large, upload)

        assert store.find(large.id) is None
        assert not upload.path.exists()
        assert store.upload_path(large) is None
        after = await created(store)
    async with opened(tmp_path) as again:
        assert again.find(good.id) == good
        assert again.find(after.id) == after
        assert again.find(large.id) is None


@in_loop
async def test_rows_wait_for_a_disk_with_room(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with opened(tmp_path) as store:
        job = await created(store)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
        try:
            update = asyncio.create_task(store.update(job.with_(state="done"), [row(0, "x" * 70_000)]))
            await asyncio.sleep(0.3)
            is_done_without_room = update.done()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        await asyncio.wait_for(update, 10)

        assert not is_done_without_room
    async with opened(tmp_path) as again:
        assert await again.rows(job.id) == [row(0, "x" * 70_000)]


@in_loop
async def test_an_upload_beyond_the_limit_is_refused_at_once_and_gone(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=1_000) as store:
        writer = store.uploads.writer()
        writer.write(b"x" * 1_000)

        with pytest.raises(TooLargeError, match="1000 bytes") as caught:
            writer.write(b"x")

        assert caught.value.max_bytes == 1_000
        assert list((tmp_path / "uploads").iterdir()) == []
        assert store.uploads.bytes_used == 0


@in_loop
async def test_uploads_are_refused_while_the_spool_is_full(tmp_path: Path) -> None:
    async with opened(tmp_path, max_spool_bytes=3_000) as store:
        job = await created(store, b"x" * 2_000)
        writer = store.uploads.writer()

        with pytest.raises(BusyError) as caught:
            writer.write(b"x" * 1_500)
        await store.remove(job.id)

        assert caught.value.retry_after > 0
        assert store.uploads.bytes_used == 0
        await created(store, b"x" * 2_000)


@in_loop
async def test_files_are_for_the_server_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        upload = upload_of(store)
        await store.create(job_of(upload), upload, ("secret",))

        modes = {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
        folders = {path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.is_dir()}
        assert (modes, folders) == ({0o600}, {0o700})
