"""Documents become jobs, jobs become pieces, pieces become rows: admission, turns, waiting, ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager

from omnipipe.errors import OmnipipeError
from omnipipe.online.admission import Admission
from omnipipe.online.dispatch import Dispatcher
from omnipipe.online.intake import Coming, Intake
from omnipipe.online.job import Asked, Job, Row
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.jobs.uploads import Upload
from omnipipe.online.load import Load
from omnipipe.online.open_job import OpenJob
from omnipipe.online.piece import PageService
from omnipipe.online.refusal import NoSuchJobError
from omnipipe.online.settings import ServeSettings
from omnipipe.online.shown_name import without_folder
from omnipipe.pipeline import Pipeline

_log = logging.getLogger(__name__)

_TAKE_OVER_SECONDS = 3.0
_SWEEP_SECONDS = 60.0
_FIRST_LOOK_SECONDS = 0.05
_LAST_LOOK_SECONDS = 0.5


class DocumentService:
    """Takes documents and gives their rows, on the server's event loop. `name` is this replica's.

    What it answered for is in `store`; a service that ends in the middle of jobs leaves them to the next one.
    """

    def __init__(
        self, store: JobStore, pages: PageService, settings: ServeSettings, pipeline: Pipeline, *, name: str
    ) -> None:
        self.name = name
        self.pipeline = pipeline
        self.pipeline_name = pipeline.name
        self.config_hash = pipeline.config_hash
        self._store = store
        self._pages = pages
        self._settings = settings
        self._work = Dispatcher(store, pages, pipeline)
        self._admission = Admission(settings, self._work, store)
        self._intake = Intake(self._open, store, self._work, self._admission, settings, pipeline)
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with the jobs that other processes left, and look for such jobs from now on."""
        await self._take_over()
        self._keeper = asyncio.create_task(self._keep())

    async def close(self, drain_seconds: float = 20.0) -> None:
        """Take nothing more, give the jobs in work so long, and leave what is open then to the next start."""
        self._admission.close()
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._work.close(drain_seconds)

    async def health(self) -> None:
        """Return if documents can be read.

        Raises:
            WorkerLostError: They cannot at the moment.
            UserError: They cannot before the operator has put something right.
            EngineDeadError: They cannot.
        """
        self._work.check()
        await self._pages.health()

    def upload(self) -> AbstractContextManager[None]:
        """A place for a document while its bytes come in.

        Raises:
            BusyError: There is none, or the document would not be taken.
        """
        return self._admission.upload()

    async def submit(
        self,
        upload: Upload,
        asked: Asked,
        *,
        owner: str,
        file_name: str,
        idempotency_key: str | None = None,
        passwords: tuple[str, ...] = (),
    ) -> Job:
        """The job that reads `upload`; it is durable, and may be final already.

        The same owner and `idempotency_key` give the same job again. `upload` belongs to the job afterwards, but where
        this raises or an older job is returned: `UploadWriter.discard` is right then. When the call is cancelled the
        upload is cared for, and a job without an `idempotency_key` ends.

        Raises:
            BusyError: There is no room.
            IdempotencyError: `idempotency_key` came before with something else.
            ConfigError: `asked` cannot be done.
        """
        return await self._intake.submit(
            Coming(upload, asked, owner, without_folder(file_name), idempotency_key, passwords)
        )

    async def wait(self, job_id: str, seconds: float) -> Job:
        """The job when it is final, or as it is after `seconds`, or when this service closes.

        Raises:
            NoSuchJobError: There is none, or it was removed meanwhile.
        """
        end = time.monotonic() + seconds
        pause = _FIRST_LOOK_SECONDS
        while True:
            here = self._work.find(job_id)
            version = 0 if here is None else here.watch.version
            job = self._told(job_id)
            left = end - time.monotonic()
            if job.is_final or left <= 0 or self._work.is_closed:
                return job
            if here is not None:
                await here.watch.changed(version, left)
            else:
                await asyncio.sleep(min(pause, left))
                pause = min(2 * pause, _LAST_LOOK_SECONDS)

    async def stream(self, job_id: str, start: int = 0) -> AsyncIterator[Row]:
        """The job's rows from row `start` on, as they come; ends when the job is final, or when this service closes.

        Raises:
            NoSuchJobError: There is none, or it was removed meanwhile.
        """
        pause = _FIRST_LOOK_SECONDS
        while True:
            here = self._work.find(job_id)
            version = 0 if here is None else here.watch.version
            job = self._told(job_id)
            most = None if here is None else max(0, here.num_durable - start)
            rows = (await self._store.rows(job_id, start))[:most]
            for row in rows:
                yield row
            start += len(rows)
            if job.is_final or self._work.is_closed:
                return
            if rows:
                pause = _FIRST_LOOK_SECONDS
            if here is not None:
                await here.watch.changed(version)
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LAST_LOOK_SECONDS)

    async def cancel(self, job_id: str, reason: str) -> Job:
        """The job, final: pages without a row are `skipped` rows. A job that was final already stays as it is.

        A job that another process works on is taken from it.

        Raises:
            NoSuchJobError: There is none.
        """
        here = self._work.find(job_id) or await self._claimed(job_id, reason)
        if here is not None:
            await self._work.cancel(here, reason)
        return self._found(job_id)

    async def remove(self, job_id: str) -> None:
        """End the job if it is in work, and remove all that is kept of it."""
        here = self._work.find(job_id)
        if here is not None:
            await self._work.cancel(here, "the job was removed")
        await self._store.remove(job_id)
        if here is not None:
            here.watch.wake()

    def load(self) -> Load:
        """What there is to do, and what was done."""
        return self._work.load(
            spool_bytes=self._store.uploads.bytes_used,
            accepted=self._admission.accepted,
            refused=self._admission.refused,
            reused=self._admission.reused,
        )

    def _open(self, job: Job, passwords: tuple[str, ...], rows: Sequence[Row] = ()) -> OpenJob:
        # Where the bytes are gone the reader says so in a row.
        upload = self._store.upload_path(job) or self._settings.data_dir / "missing"
        answers = self._store.answers_path(job)
        return OpenJob(job, upload, self.config_hash, passwords=passwords, answers=answers, rows=rows)

    def _told(self, job_id: str) -> Job:
        """The job; it is not final before that is on the disk."""
        job = self._found(job_id)
        here = self._work.find(job_id)
        if here is None or not job.is_final:
            return job
        return job.with_(state="running", finished_at=None, reason=None, num_rows=here.num_durable)

    def _found(self, job_id: str) -> Job:
        job = self._store.find(job_id)
        if job is None:
            raise NoSuchJobError(f"There is no job {job_id[:40]!r}.")
        return job

    async def _take_over(self) -> None:
        for job in await asyncio.to_thread(self._store.take_over):
            _log.info("job %s is taken over", job.id)
            self._work.add(await self._continued(job))

    async def _claimed(self, job_id: str, reason: str) -> OpenJob | None:
        """A job of another process, given up; None where it is final or there is none."""
        job = await asyncio.to_thread(self._store.claim, job_id)
        if job is None:
            return None
        opened = await self._continued(job)
        opened.give_up(reason)
        opened.drop_waiting()
        self._work.add(opened)
        return opened

    async def _continued(self, job: Job) -> OpenJob:
        rows = await self._store.rows(job.id)
        return self._open(job.with_(num_rows=len(rows)), self._store.passwords(job), rows)

    async def _keep(self) -> None:
        swept = time.monotonic()
        while True:
            await asyncio.sleep(_TAKE_OVER_SECONDS)
            try:
                await self._take_over()
                if time.monotonic() - swept >= _SWEEP_SECONDS:
                    await self._store.sweep()
                    swept = time.monotonic()
            except (OSError, OmnipipeError):
                _log.exception("the jobs of all processes cannot be looked after")
