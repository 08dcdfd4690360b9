"""Three processes do random things to one data directory, beside a plain model of what must be true after each."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from omnipipe.online.job import Job, Row
from omnipipe.online.jobs.store import JobLostError, JobStore
from tests.online.job_store_kit import created, in_loop, row, settings_of

SEGMENT_BYTES = 6_000
STEPS = {
    "create": 6.0,
    "update": 10.0,
    "end": 6.0,
    "remove": 1.5,
    "sweep": 1.5,
    "restart": 0.6,
    "claim": 1.0,
    "look": 2.0,
}


@dataclass
class Known:
    """A job as it must be, and the store that has it."""

    job: Job
    owner: JobStore
    rows: list[Row] = field(default_factory=list)


class World:
    """Three stores and the model."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.stores: list[JobStore] = []
        self.known: dict[str, Known] = {}
        self.removed: set[str] = set()

    async def open_store(self) -> JobStore:
        store = JobStore(settings_of(self.folder), segment_bytes=SEGMENT_BYTES)
        await store.open()
        return store

    @property
    def open_jobs(self) -> list[Known]:
        return [known for known in self.known.values() if not known.job.is_final]

    async def step(self, what: str) -> None:
        store = self.chance.choice(self.stores)
        if what == "create":
            job = await created(store, b"%d" % len(self.known))
            self.known[job.id] = Known(job, store)
        elif what in ("update", "end") and self.open_jobs:
            await self.update(self.chance.choice(self.open_jobs), is_end=what == "end")
        elif what == "claim" and self.open_jobs:
            await self.claim(self.chance.choice(self.open_jobs), store)
        elif what == "remove" and self.known:
            job_id = self.chance.choice(list(self.known))
            await store.remove(job_id)
            del self.known[job_id]
            self.removed.add(job_id)
        elif what == "sweep":
            await store.sweep()
        elif what == "restart":
            await self.restart(self.chance.randrange(3))
        elif what == "look":
            await self.look()

    async def update(self, known: Known, *, is_end: bool) -> None:
        count = self.chance.randrange(4)
        rows = [
            row(len(known.rows) + n, f"of {known.job.id} " + "x" * self.chance.randrange(200)) for n in range(count)
        ]
        known.rows += rows
        known.job = known.job.with_(
            state="done" if is_end else "running",
            num_rows=len(known.rows),
            finished_at=time.time() if is_end else None,
        )
        await known.owner.update(known.job, rows, durable=True)

    async def claim(self, known: Known, store: JobStore) -> None:
        assert store.claim(known.job.id) == known.job
        if known.owner is not store:
            with pytest.raises(JobLostError):
                await known.owner.update(known.job, [row(99)], durable=True)
        known.owner = store

    async def restart(self, number: int) -> None:
        old = self.stores[number]
        await old.close()
        self.stores[number] = await self.open_store()
        heir = self.chance.choice(self.stores)
        orphans = {known.job.id for known in self.open_jobs if known.owner is old}
        assert {job.id for job in heir.take_over()} == orphans
        for job_id in orphans:
            self.known[job_id].owner = heir

    async def look(self) -> None:
        for store in self.stores:
            for job_id, known in self.known.items():
                assert store.find(job_id) == known.job
                assert await store.rows(job_id) == known.rows
            assert not any(store.find(job_id) for job_id in self.removed)
            assert {job.id for job in store.jobs("me", limit=10_000)} == set(self.known)
            assert store.num_jobs == len(self.known)


@asynccontextmanager
async def world(folder: Path, seed: int) -> AsyncIterator[World]:
    made = World(folder, seed)
    made.stores = [await made.open_store() for _ in range(3)]
    yield made
    for store in made.stores:
        await store.close()


@pytest.mark.parametrize("seed", [8, 2026])
@in_loop
async def test_whatever_happens_every_process_answers_the_same(tmp_path: Path, seed: int) -> None:
    async with world(tmp_path, seed) as made:
        for what in made.chance.choices(list(STEPS), list(STEPS.values()), k=150):
            await made.step(what)
        await made.look()
        for job_id in made.removed:
            for path in (path for path in tmp_path.rglob("*") if path.is_file() and path.suffix == ".seg"):
                assert f"of {job_id}".encode() not in path.read_bytes()
