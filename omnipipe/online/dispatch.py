"""Pieces on their way to the workers and back, and what follows when a worker is lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Coroutine

from omnipipe.errors import EngineDeadError, OmnipipeError, RunStopped, UserError
from omnipipe.online.job import Row
from omnipipe.online.jobs.store import JobLostError, JobStore
from omnipipe.online.load import Load, Rate
from omnipipe.online.open_job import OpenJob, Work
from omnipipe.online.piece import PageService, PieceResult, WorkerLostError
from omnipipe.online.schedule import Schedule
from omnipipe.online.tracing import trace_job, traced_pages
from omnipipe.pipeline import Pipeline

_log = logging.getLogger(__name__)

# What running pieces get beyond a job's deadline: they know it, and end by themselves.
_GRACE_SECONDS = 5.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 30.0
_STUCK_SECONDS = 2.0

DEADLINE_PASSED = "the job's deadline passed"


class Dispatcher:
    """Keeps the workers busy with the jobs that it was given, until each is final. For one event loop."""

    def __init__(self, store: JobStore, pages: PageService, pipeline: Pipeline) -> None:
        self._store = store
        self._pages = traced_pages(pages)
        self._schedule = Schedule(pipeline)
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._num_running = 0
        self._num_troubles = 0
        self._recovering = False
        self._done = 0
        self._lost = 0
        self._statuses: Counter[str] = Counter()
        self._routes: Counter[str] = Counter()
        self._stage_seconds: Counter[str] = Counter()
        self._tokens = (0, 0)
        self._troubled_at = 0.0
        self.trouble: str | None = None
        """Why nothing is read at the moment; for the operator, not for clients."""
        self.is_closed = False
        self.jobs_done = Rate()
        self.pages_done = Rate()

    @property
    def num_jobs(self) -> int:
        """Jobs that are not final."""
        return len(self._schedule)

    @property
    def queued_pages(self) -> int:
        """Known pages that no worker has."""
        return self._schedule.queued_pages

    @property
    def is_stuck(self) -> bool:
        """Whether nothing was read for some seconds because the workers are not well."""
        return self.trouble is not None and time.monotonic() - self._troubled_at > _STUCK_SECONDS

    def find(self, job_id: str) -> OpenJob | None:
        """The job of that id, if it is in work here."""
        return self._schedule.find(job_id)

    def add(self, job: OpenJob) -> None:
        """Bring `job` to its end."""
        self._schedule.add(job)
        deadline = job.job.asked.deadline
        if deadline is not None:
            loop = asyncio.get_running_loop()
            self._timers[job.job.id] = loop.call_later(max(0.0, deadline - time.time()), self._expire, job)
        if job.is_complete:
            self._spawn(self._settle(job, []))
        self._dispatch()

    def end(self, job: OpenJob, reason: str) -> None:
        """Let `job` end soon."""
        self._give_up(job, reason)
        self._cancel_reading(job)

    async def cancel(self, job: OpenJob, reason: str) -> None:
        """End `job` now; it is final when this returns."""
        version = job.watch.version
        self.end(job, reason)
        while self._schedule.find(job.job.id) is job and not self.is_closed:
            await job.watch.changed(version)
            version = job.watch.version

    def check(self) -> None:
        """Return if pieces are given out.

        Raises:
            WorkerLostError: They are not.
        """
        if self.trouble is not None:
            raise WorkerLostError(self.trouble, began=False)

    async def close(self, drain_seconds: float) -> None:
        """Give the jobs in work so long, then stop; what is open then stays so."""
        end = time.monotonic() + drain_seconds
        while len(self._schedule) and self._tasks and time.monotonic() < end:
            await asyncio.wait(self._tasks, timeout=end - time.monotonic(), return_when=asyncio.FIRST_COMPLETED)
        self.is_closed = True
        for timer in self._timers.values():
            timer.cancel()
        for job in self._schedule:
            for task in job.reading:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_SECONDS)
        for late in self._tasks:
            late.cancel()
        for job in self._schedule:
            job.watch.wake()

    def load(self, *, spool_bytes: int, accepted: int, refused: int, reused: int) -> Load:
        """All numbers."""
        return Load(
            jobs=self.num_jobs,
            queued_pages=self.queued_pages,
            running_pieces=self._num_running,
            slots=self._pages.slots,
            spool_bytes=spool_bytes,
            accepted=accepted,
            refused=refused,
            reused=reused,
            finished=self._done,
            rows_by_status=dict(self._statuses),
            rows_by_route=dict(self._routes),
            stage_seconds=dict(self._stage_seconds),
            prompt_tokens=self._tokens[0],
            completion_tokens=self._tokens[1],
            workers_lost=self._lost,
            pages_per_second=self.pages_done.per_second,
            trouble=self.trouble,
        )

    def _dispatch(self) -> None:
        slots = max(1, self._pages.slots)
        # A little more than can be worked on: a worker that ends a piece finds the next one.
        while not self.is_closed and self.trouble is None and self._num_running < slots + max(1, slots // 4):
            found = self._schedule.next(slots, self._num_running)
            if found is None:
                return
            job, work = found
            self._num_running += 1
            self._schedule.num_alone += work.alone
            task = asyncio.create_task(self._pages.read(job.piece(work)))
            job.reading[task] = work
            self._spawn(self._follow(job, work, task))

    async def _follow(self, job: OpenJob, work: Work, task: asyncio.Task[PieceResult]) -> None:
        await asyncio.wait((task,))
        rows = self._rows_of(job, work, task)
        del job.reading[task]
        self._num_running -= 1
        self._schedule.num_alone -= work.alone
        self._dispatch()
        await self._settle(job, rows)

    def _rows_of(self, job: OpenJob, work: Work, task: asyncio.Task[PieceResult]) -> list[Row]:
        if task.cancelled():
            if job.reason is None:
                job.put_back(work)
            return []
        error = task.exception()
        if error is None:
            self._num_troubles = 0
            return self._counted(job, work, task.result())
        if job.reason is not None:
            return []
        if isinstance(error, UserError | EngineDeadError | RunStopped):
            job.put_back(work)
            self._pause(error)
            return []
        if isinstance(error, WorkerLostError):
            self._pause(error)
            if not error.began:
                job.put_back(work)
                return []
        else:
            _log.error("a piece of job %s ended with an error", job.job.id, exc_info=error)
        self._lost += 1
        return job.lose(work)

    def _counted(self, job: OpenJob, work: Work, result: PieceResult) -> list[Row]:
        rows = job.finish(work, result)
        self._statuses.update(row.status for row in rows)
        self._routes.update(result.routes)
        self._stage_seconds.update(result.stage_seconds)
        self._tokens = (self._tokens[0] + result.prompt_tokens, self._tokens[1] + result.completion_tokens)
        self.pages_done.count(len(rows))
        if any(_is_late(row) for row in rows):
            self._give_up(job, DEADLINE_PASSED)
        return rows

    async def _settle(self, job: OpenJob, rows: list[Row]) -> None:
        is_final = job.is_complete and not job.is_closed
        if is_final:
            job.is_closed = True
            rows = [*rows, *job.last_rows()]
            state = "done" if job.reason is None else "cancelled"
            job.job = job.job.with_(state=state, finished_at=time.time(), reason=job.reason or job.job.reason)
        if rows or is_final:
            num_rows = job.job.num_rows
            try:
                # Each write wakes the journal at once; what comes while it syncs is written together after that.
                await self._store.update(job.job, rows, durable=True)
            except JobLostError:
                self._abandon(job)
                return
            job.num_durable = max(job.num_durable, num_rows)
        if is_final:
            self._let_go(job)
            self._done += 1
            self.jobs_done.count()
            trace_job(job.job)
        job.watch.wake()

    def _abandon(self, job: OpenJob) -> None:
        """The job is another process's now, or was removed."""
        job.is_closed = True
        self._give_up(job, "the job is not this process's any more")
        self._cancel_reading(job)
        self._let_go(job)
        job.watch.wake()

    def _let_go(self, job: OpenJob) -> None:
        self._schedule.remove(job)
        timer = self._timers.pop(job.job.id, None)
        if timer is not None:
            timer.cancel()

    def _give_up(self, job: OpenJob, reason: str) -> None:
        job.give_up(reason)
        had_work = not job.is_complete
        job.drop_waiting()
        if had_work and job.is_complete:
            self._spawn(self._settle(job, []))

    def _expire(self, job: OpenJob) -> None:
        self._give_up(job, f"{DEADLINE_PASSED} while documents could not be read" if self.is_stuck else DEADLINE_PASSED)
        loop = asyncio.get_running_loop()
        self._timers[job.job.id] = loop.call_later(_GRACE_SECONDS, self._cancel_reading, job)

    def _cancel_reading(self, job: OpenJob) -> None:
        for task in job.reading:
            task.cancel()

    def _pause(self, error: BaseException) -> None:
        """Give nothing out until the workers say that they are well."""
        self._num_troubles += 1
        if self.trouble is None:
            self._troubled_at = time.monotonic()
        self.trouble = f"{type(error).__name__}: {error}"
        _log.warning("pieces wait: %s", self.trouble)
        if not self._recovering:
            self._recovering = True
            self._spawn(self._recover(1.0 if not isinstance(error, WorkerLostError) else 0.0))

    async def _recover(self, pause: float) -> None:
        while not self.is_closed:
            # Workers that say they are well and are lost at once again must not be asked without end.
            again = 0.0 if self._num_troubles <= 2 else _FIRST_PAUSE * 2 ** min(self._num_troubles, 10)
            await asyncio.sleep(min(_LONGEST_PAUSE, max(pause, again)))
            try:
                await self._pages.health()
                break
            except OmnipipeError as error:
                self.trouble = f"{type(error).__name__}: {error}"
                pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * pause))
        self._recovering = False
        self.trouble = None
        self._dispatch()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a task of the document service ended with an error", exc_info=task.exception())


def _is_late(row: Row) -> bool:
    # No text of a page can hold this: its quotes are escaped.
    return row.status == "skipped" and b'"error_code":"cancelled"' in row.json
