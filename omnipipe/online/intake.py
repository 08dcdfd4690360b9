"""How an upload becomes a job: checked, admitted, made durable, or answered from what is known."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from omnipipe.errors import ConfigError
from omnipipe.online.admission import Admission
from omnipipe.online.dispatch import Dispatcher
from omnipipe.online.job import Asked, Job, Row, new_job_id
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.jobs.uploads import Upload
from omnipipe.online.open_job import OpenJob
from omnipipe.online.refusal import IdempotencyError
from omnipipe.online.reuse import copied_rows
from omnipipe.online.settings import ServeSettings
from omnipipe.pipeline import Pipeline
from omnipipe.sources.pages import PageSelection

_FEW_ROWS = 32


class Coming(NamedTuple):
    """What is to become a job."""

    upload: Upload
    asked: Asked
    owner: str
    file_name: str
    idempotency_key: str | None
    passwords: tuple[str, ...]

    def job(self) -> Job:
        """A new one."""
        return Job(
            id=new_job_id(),
            owner=self.owner,
            file_name=self.file_name,
            size=self.upload.size,
            doc_id=self.upload.doc_id,
            asked=self.asked,
            created_at=time.time(),
            idempotency_key=self.idempotency_key,
        )


class Intake:
    """Makes jobs and gives them to `work`; `open` makes what works on one."""

    def __init__(
        self,
        open: Callable[[Job, tuple[str, ...]], OpenJob],
        store: JobStore,
        work: Dispatcher,
        admission: Admission,
        settings: ServeSettings,
        pipeline: Pipeline,
    ) -> None:
        self._open = open
        self._store = store
        self._work = work
        self._admission = admission
        self._settings = settings
        self._pipeline_name = pipeline.name
        self._config_hash = pipeline.config_hash
        self._creating: dict[tuple[str, str], asyncio.Lock] = {}

    async def submit(self, coming: Coming) -> Job:
        """See `DocumentService.submit`."""
        made = asyncio.create_task(self._made(self._checked(coming)))
        try:
            # Shielded: a job on the disk that nobody works on would wait for the next start.
            return await asyncio.shield(made)
        except asyncio.CancelledError:
            made.add_done_callback(partial(self._forget, coming))
            raise

    def _checked(self, coming: Coming) -> Coming:
        asked = coming.asked
        if (asked.pipeline, asked.config_hash) != (self._pipeline_name, self._config_hash):
            raise ConfigError(f"pipeline {asked.pipeline[:80]!r} is not served. Use {self._pipeline_name!r}.")
        if asked.pages is not None:
            PageSelection.parse(asked.pages)
        most = self._settings.max_pages
        asked = replace(
            asked,
            max_pages=most if asked.max_pages is None else min(asked.max_pages, most),
            deadline=time.time() + self._settings.default_deadline if asked.deadline is None else asked.deadline,
            has_passwords=bool(coming.passwords),
        )
        return coming._replace(asked=asked)

    async def _made(self, coming: Coming) -> Job:
        if coming.idempotency_key is None:
            return await self._create(coming)
        key = (coming.owner, coming.idempotency_key)
        lock = self._creating.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                known = self._store.find_idempotent(*key)
                return await self._create(coming) if known is None else _same_question(known, coming)
        finally:
            if not lock.locked():
                self._creating.pop(key, None)

    async def _create(self, coming: Coming) -> Job:
        with self._admission.place():
            job = coming.job()
            known = await self._known_rows(job)
            await self._store.create(job, coming.upload, coming.passwords)
            if known is not None:
                same, rows = known
                self._admission.reused += 1
                return await self._answered(job, same, rows)
            self._work.add(self._open(job, coming.passwords))
        return job

    def _forget(self, coming: Coming, made: asyncio.Task[Job]) -> None:
        """End a job whose id nobody was told, and remove bytes that became no job's."""
        coming.upload.path.unlink(missing_ok=True)
        if made.cancelled() or made.exception() is not None or coming.idempotency_key is not None:
            return
        here = self._work.find(made.result().id)
        if here is not None:
            self._work.end(here, "its client went away")

    async def _known_rows(self, job: Job) -> tuple[Job, list[Row]] | None:
        """What another job read for the same question, if its rows can be this job's."""
        if job.asked.has_passwords:
            return None
        owner = None if self._settings.share_results else job.owner
        same = self._store.find_same(owner, job.doc_id, job.asked.key)
        if same is None:
            return None
        found = await self._store.rows(same.id)
        copied = asyncio.to_thread(copied_rows, found, same, job) if len(found) > _FEW_ROWS else None
        rows = copied_rows(found, same, job) if copied is None else await copied
        return None if rows is None else (same, rows)

    async def _answered(self, job: Job, same: Job, rows: list[Row]) -> Job:
        job = job.with_(
            state="done",
            finished_at=time.time(),
            page_count=same.page_count,
            num_pages=same.num_pages,
            num_rows=len(rows),
        )
        await self._store.update(job, rows, durable=True)
        return job


def _same_question(known: Job, coming: Coming) -> Job:
    if (known.doc_id, known.asked.key) != (coming.upload.doc_id, coming.asked.key):
        raise IdempotencyError(
            f"this idempotency key made job {known.id} with another document or question. Use a new key for new work."
        )
    return known
