"""Jobs, their rows and their uploads on the disk: one object for each process that shares the data directory."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from omnipipe.errors import OmnipipeError
from omnipipe.ledger.files import stopping, sync_folder
from omnipipe.online.job import Job, Row
from omnipipe.online.jobs.follow import Follower, read_final
from omnipipe.online.jobs.index import Index, Live, Part
from omnipipe.online.jobs.journal import SEGMENT_BYTES, Journal
from omnipipe.online.jobs.layout import DataLayout
from omnipipe.online.jobs.lease import Claims, JobLostError, Lease
from omnipipe.online.jobs.pack import load_arrow
from omnipipe.online.jobs.removal import remove
from omnipipe.online.jobs.shelf import Shelf, read_rows
from omnipipe.online.jobs.side_files import SideFiles
from omnipipe.online.jobs.sweep import sweep
from omnipipe.online.jobs.takeover import claim, take_over
from omnipipe.online.jobs.uploads import Upload, Uploads, sync_file
from omnipipe.online.settings import ServeSettings

__all__ = ["JobLostError", "JobStore"]

_NUM_CACHED = 2_000
_DISORDER = 32
_TRIES = 5
_INLINE_BYTES = 256 << 10


class JobStore:
    """The jobs of all processes below `settings.data_dir`; this one's changes are written by a thread of its own.

    `writer` is a name for this process, for people; each store is a new writer, whatever its name. Methods may be
    called from any thread, the asynchronous ones from any event loop.
    """

    def __init__(
        self, settings: ServeSettings, *, writer: str | None = None, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._settings = settings
        name = "".join(c if c.isalnum() else "_" for c in writer or f"{socket.gethostname()}_{os.getpid()}")
        self.writer = f"{name}-{secrets.token_hex(4)}"
        layout = DataLayout(settings.data_dir.absolute())
        index = Index()
        sizes = {"max_bytes": settings.max_bytes, "max_spool_bytes": settings.max_spool_bytes}
        self.uploads = Uploads(layout.uploads, self.writer, **sizes)
        self._shelf = Shelf(
            writer=self.writer,
            layout=layout,
            index=index,
            follower=Follower(layout, index, f"{self.writer}-"),
            journal=Journal(layout.segments, self.writer, segment_bytes=segment_bytes),
            lease=Lease(layout.writers, self.writer),
            claims=Claims(layout.claims, self.writer),
            uploads=self.uploads,
            side=SideFiles(layout),
        )
        self._index = self._shelf.index
        self._follower = self._shelf.follower
        self._journal = self._shelf.journal
        self._side = self._shelf.side
        self._lock = self._shelf.lock
        self._pack_bytes = segment_bytes // 4
        self._cached: OrderedDict[bytes, Job] = OrderedDict()

    @property
    def num_commits(self) -> int:
        """Groups of records that were written and synced."""
        return self._journal.num_commits

    @property
    def num_jobs(self) -> int:
        """Jobs that are known, final or not."""
        return len(self._index)

    async def open(self) -> None:
        """Make the folders, read what is there, start writing."""
        await asyncio.to_thread(self._open)

    def _open(self) -> None:
        # Packing needs it, minutes later and under load: its import then stalls all requests, and takes 80 MiB at once.
        load_arrow()
        self._shelf.layout.make()
        self._shelf.lease.take()
        with self._lock:
            self._follower.refresh()
        self._journal.start()

    async def close(self) -> None:
        """Write what waits, and end. Unfinished jobs are others' from now on."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._journal.close()
        self._shelf.lease.release()

    async def create(self, job: Job, upload: Upload, passwords: tuple[str, ...] = ()) -> None:
        """Keep a new job; it is on the disk when this returns, and the upload is its own.

        Cancelling the call may leave the job made.

        Raises:
            RunStopped: The disk is full; nothing was kept, the upload is removed.
        """
        job_id = bytes.fromhex(job.id)
        live = Live(job, 0, self.writer, bases={0: 0})
        try:
            # In a thread of its own: several wait for the disk at once, and the disk takes them together.
            await asyncio.to_thread(self._sync_files, job, upload, passwords)
            with self._lock:
                if self._index.has(job_id):
                    raise ValueError(f"There is a job {job.id} already.")
                self._index.add(job_id, live)
                write = self._shelf.write(job_id, live, is_urgent=True)
                write.prepare = lambda: self.uploads.keep(upload, job.id)
                write.folder = self._shelf.layout.uploads
                write.is_vital = True
                self._journal.put(write)
            await asyncio.wrap_future(write.done)
        except (OSError, OmnipipeError):
            with self._lock:
                if self._index.live.get(job_id) is live:
                    self._index.discard(job_id, job)
            self._side.remove(job.id)
            self.uploads.remove(job.id)
            upload.path.unlink(missing_ok=True)
            raise

    def _sync_files(self, job: Job, upload: Upload, passwords: tuple[str, ...]) -> None:
        with stopping(self._shelf.layout.root):
            sync_file(upload.path)
            if passwords:
                self._side.keep_passwords(job.id, passwords)
                sync_folder(self._shelf.layout.passwords)

    def upload_path(self, job: Job) -> Path | None:
        """Where the job's document is; None once it was removed."""
        path = self.uploads.path(job.id)
        return path if path.exists() else None

    def passwords(self, job: Job) -> tuple[str, ...]:
        """What `create` was given; empty once the job is final."""
        return self._side.passwords(job.id)

    def answers_path(self, job: Job) -> Path:
        """The file for dear answers of the job; it goes when the job is final."""
        return self._side.answers(job.id)

    async def update(self, job: Job, rows: Sequence[Row] = (), *, durable: bool = False) -> None:
        """Keep a new state of a job, and further rows of it; readers of this process see both at once.

        With `durable`, and for a final state, they are on the disk when this returns; a full disk is waited for.

        Raises:
            JobLostError: The job is not this process's any more; nothing of it counts.
        """
        job_id = bytes.fromhex(job.id)
        with self._lock:
            live = self._index.live.get(job_id)
            if live is None or live.writer != self.writer or live.is_lost or live.job.is_final:
                raise JobLostError(f"Job {job.id} was finished, removed, or taken over by another process.")
            live.job = job
            live.pending += rows
            write = self._shelf.write(job_id, live, rows, is_urgent=durable or job.is_final)
            if job.is_final:
                write.done.add_done_callback(lambda done: self._end(job, done))
            self._journal.put(write)
        if durable or job.is_final:
            await asyncio.wrap_future(write.done)

    def _end(self, job: Job, done: Future[None]) -> None:
        if done.exception() is None:
            self._side.remove(job.id)
            if not self._settings.keep_uploads:
                self.uploads.remove(job.id)

    def find(self, job_id: str) -> Job | None:
        """The job as it is now, whoever has it."""
        with self._lock:
            live = self._find_live(job_id)
            if live is not None:
                return live.job
            key = _key(job_id)
            return None if key is None else self._find_final(key)

    async def rows(self, job_id: str, start: int = 0) -> list[Row]:
        """The job's rows from row number `start` on, in the order they came; empty for an unknown job."""
        for _ in range(_TRIES):
            with self._lock:
                parts, pending = self._parts(job_id)
            left, skip = _skip(parts, start)
            is_quick = sum(part.length or _INLINE_BYTES for part, _ in left) < _INLINE_BYTES
            rows = read_rows(left) if is_quick else await asyncio.to_thread(read_rows, left)
            if rows is not None:
                return (rows + pending)[skip:]
            # Erased or compacted meanwhile.
        return []

    def find_same(self, owner: str | None, doc_id: str, asked_key: str) -> Job | None:
        """The newest `done` job of `owner` (None: of anybody) that read the same bytes and was asked the same."""
        with self._lock:
            self._follower.refresh()
            for job_id in self._index.same(doc_id, asked_key):
                job = self._find_final(job_id)
                if job is None or job.doc_id != doc_id or job.asked.key != asked_key:
                    continue
                if owner is None or job.owner == owner:
                    return job
        return None

    def find_idempotent(self, owner: str, key: str) -> Job | None:
        """The job that `owner` made with that idempotency key."""
        with self._lock:
            self._follower.refresh()
            job_id = self._index.idempotent(owner, key)
            job = None if job_id is None else self.find(job_id.hex())
        return job if job is not None and (job.owner, job.idempotency_key) == (owner, key) else None

    def jobs(self, owner: str, limit: int = 100) -> list[Job]:
        """An owner's jobs, newest first."""
        found: list[Job] = []
        unsure: list[bytes] = []
        with self._lock:
            self._follower.refresh()
            for job_id in self._index.owned(owner):
                live = self._index.live.get(job_id)
                job = self._find_final(job_id, tries=1) if live is None else live.job
                if job is None:
                    unsure.append(job_id)
                else:
                    found.append(job)
                if len(found) >= limit + _DISORDER:
                    # Jobs of other processes become known a little out of order.
                    break
            for job_id in unsure:
                job = self._find_final(job_id)
                if job is not None:
                    found.append(job)
                elif not self._index.has(job_id):
                    self._index.unlist(job_id, owner)
        return sorted(found, key=lambda job: job.created_at, reverse=True)[:limit]

    def take_over(self) -> list[Job]:
        """Unfinished jobs whose process is gone: they are this one's from now on, each job one process's only."""
        return take_over(self._shelf)

    def claim(self, job_id: str) -> Job | None:
        """Take an unfinished job from the process that has it, which learns of it at its next update.

        None where there is no such job, it is final, or another process was faster.
        """
        key = _key(job_id)
        if key is None:
            return None
        with self._lock:
            live = self._find_live(job_id)
            if live is None or live.job.is_final:
                return None
            if live.writer == self.writer and not live.is_lost:
                return live.job
        return next(iter(claim(self._shelf, [key], lambda _: True)), None)

    async def remove(self, job_id: str) -> None:
        """Remove a job; its bytes, text, answers and passwords are gone from the disk when this returns."""
        key = _key(job_id)
        if key is None:
            return
        await asyncio.to_thread(self._remove, key)

    def _remove(self, key: bytes) -> None:
        remove(self._shelf, [key])
        with self._lock:
            self._cached.pop(key, None)

    async def sweep(self) -> int:
        """Remove what is old, tidy up; how many jobs were removed. For a call every minute or so."""
        return await asyncio.to_thread(sweep, self._shelf, self._settings.keep_seconds, self._pack_bytes)

    def _find_live(self, job_id: str) -> Live | None:
        """The entry of an unfinished job, after what others wrote was read: they may have taken or removed it."""
        key = _key(job_id)
        if key is None:
            return None
        self._follower.refresh()
        if not self._index.has(key):
            # Packed just between the looks at the one folder and at the other.
            self._follower.refresh()
        return self._index.live.get(key)

    def _find_final(self, key: bytes, tries: int = _TRIES) -> Job | None:
        for left in reversed(range(tries)):
            final = self._index.find_final(key)
            if final is None or final.finished_at < time.time() - self._settings.keep_seconds:
                break
            job = self._cached.pop(key, None) or read_final(self._index, final, self._follower.path)
            if job is not None:
                self._cached[key] = job
                if len(self._cached) > _NUM_CACHED:
                    self._cached.popitem(last=False)
                return job
            if left:
                # Packed, or the pack written again, since the last look.
                self._follower.refresh()
        self._cached.pop(key, None)
        return None

    def _parts(self, job_id: str) -> tuple[list[tuple[Part, Path]], list[Row]]:
        """Where a job's rows are, and those that are not on the disk yet."""
        live = self._find_live(job_id)
        if live is not None:
            parts, pending = live.parts(), list(live.pending)
        else:
            key = _key(job_id)
            final = None if key is None else self._index.find_final(key)
            parts, pending = [] if final is None else final.parts, []
        return [(part, self._follower.path(self._index.files[part.file])) for part in parts], pending


def _key(job_id: str) -> bytes | None:
    """The 16 bytes of a job's id; None where it is none."""
    try:
        key = bytes.fromhex(job_id)
    except ValueError:
        return None
    return key if len(key) == 16 and key.hex() == job_id else None


def _skip(parts: list[tuple[Part, Path]], start: int) -> tuple[list[tuple[Part, Path]], int]:
    """`parts` without those that end before row number `start`, and the rows to leave out of what is left."""
    for place, (part, _) in enumerate(parts):
        if start < part.take:
            return parts[place:], start
        start -= part.take
    return [], start
