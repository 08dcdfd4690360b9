"""Three stores at once on one data directory: writing, reading, removing, sweeping, and never a wrong answer."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from omnipipe.online.job import Job, Row
from omnipipe.online.jobs.store import JobStore
from tests.online.job_store_kit import created, in_loop, opened, row, settings_of

SECONDS = 2.0
SEGMENT_BYTES = 8_000


class Worker:
    """What one process does, and what it must find."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.store = JobStore(settings_of(folder), segment_bytes=SEGMENT_BYTES)
        self.done: dict[str, tuple[Job, list[Row]]] = {}
        self.chance = random.Random(seed)
        self.end = 0.0

    async def run(self) -> None:
        await self.store.open()
        self.end = time.monotonic() + SECONDS
        await asyncio.gather(self.make(), self.make(), self.read(), self.remove(), self.sweep())
        await self.store.close()

    async def make(self) -> None:
        while time.monotonic() < self.end:
            job = await created(self.store)
            rows: list[Row] = []
            for index in range(self.chance.randrange(1, 5)):
                new = [row(index, "x" * self.chance.randrange(300))]
                rows += new
                await self.store.update(job.with_(state="running"), new, durable=self.chance.random() < 0.5)
                assert await self.store.rows(job.id) == rows
            job = job.with_(state="done", finished_at=time.time())
            await self.store.update(job)
            self.done[job.id] = (job, rows)

    async def read(self) -> None:
        while time.monotonic() < self.end:
            await asyncio.sleep(0.001)
            for job_id in self.chance.sample(list(self.done), min(3, len(self.done))):
                found, rows = self.store.find(job_id), await self.store.rows(job_id)
                assert job_id not in self.done or (found, rows) == self.done[job_id]

    async def remove(self) -> None:
        while time.monotonic() < self.end:
            await asyncio.sleep(0.1)
            if self.done:
                job_id = self.chance.choice(list(self.done))
                del self.done[job_id]
                await self.store.remove(job_id)
                assert self.store.find(job_id) is None

    async def sweep(self) -> None:
        while time.monotonic() < self.end:
            await asyncio.sleep(self.chance.random() / 5)
            await self.store.sweep()
            assert self.store.take_over() == []


@in_loop
async def test_processes_that_write_and_sweep_at_once_lose_nothing(tmp_path: Path) -> None:
    workers = [Worker(tmp_path, seed) for seed in range(3)]

    await asyncio.gather(*(worker.run() for worker in workers))

    async with opened(tmp_path) as store:
        known = {job_id: done for worker in workers for job_id, done in worker.done.items()}
        assert store.take_over() == []
        assert {job_id: (store.find(job_id), await store.rows(job_id)) for job_id in known} == known
        assert store.num_jobs == len(known)
        assert len(list((tmp_path / "pages").glob("*.parquet"))) > 0
