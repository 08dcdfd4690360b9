"""How an unfinished job comes to another process: claimed by one, with the rows that are there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable

from omnipipe.errors import RunStopped
from omnipipe.online.job import Job
from omnipipe.online.jobs.index import Live
from omnipipe.online.jobs.shelf import Shelf


def take_over(shelf: Shelf) -> list[Job]:
    """Claim the unfinished jobs of writers that are gone, each for one process."""
    with shelf.lock:
        shelf.follower.refresh()
        foreign = {
            key: live.writer
            for key, live in shelf.index.live.items()
            if live.writer != shelf.writer and not live.job.is_final
        }
    gone = {writer for writer in set(foreign.values()) if shelf.lease.is_gone(writer)}
    return claim(shelf, [key for key, writer in foreign.items() if writer in gone], shelf.lease.is_gone)


def claim(shelf: Shelf, keys: Iterable[bytes], may_take: Callable[[str], bool]) -> list[Job]:
    """Make unfinished jobs this process's own; those that became so.

    `may_take` is asked about another claimant that has not written a word about the job yet.
    """
    with shelf.claiming:
        return _claim_all(shelf, keys, may_take)


def _claim_all(shelf: Shelf, keys: Iterable[bytes], may_take: Callable[[str], bool]) -> list[Job]:
    claimed = {key: generation for key in keys if (generation := _claim(shelf, key, may_take))}
    with shelf.lock:
        files = {record.file for key in claimed if (live := shelf.index.live.get(key)) for record in live.records}
        paths = [shelf.follower.path(shelf.index.files[file]) for file in files]
    for path in paths:
        # What is counted on from now on must not be lost with the power.
        with contextlib.suppress(FileNotFoundError):
            opened = os.open(path, os.O_RDWR)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)
    jobs = []
    with shelf.lock:
        shelf.follower.refresh()
        for key, generation in claimed.items():
            live = shelf.index.live.get(key)
            if live is None or live.job.is_final or live.generation >= generation:
                shelf.claims.remove(key.hex(), generation)
                continue
            if not shelf.is_there(live):
                # Removed, and every word of it is gone, while this process stood still.
                shelf.index.discard(key, live.job)
                continue
            _own(shelf, key, live, generation)
            jobs.append(live.job)
    return jobs


def _claim(shelf: Shelf, key: bytes, may_take: Callable[[str], bool]) -> int:
    """The generation that this process has now; 0 where somebody else has the job."""
    job_id = key.hex()
    with shelf.lock:
        live = shelf.index.live.get(key)
        if live is None or (live.writer == shelf.writer and not live.is_lost):
            return 0
        generation = live.generation + 1
    while (holder := shelf.claims.holder(job_id, generation)) is not None:
        if holder != shelf.writer and not may_take(holder):
            return 0
        generation += 1
    try:
        return generation if shelf.claims.take(job_id, generation) else 0
    except RunStopped:
        # The disk is full: later, or by another process.
        return 0


def _own(shelf: Shelf, key: bytes, live: Live, generation: int) -> None:
    live.bases[generation] = sum(part.take for part in live.parts())
    live.generation = generation
    live.writer = shelf.writer
    live.pending.clear()
    live.is_lost = False
    shelf.journal.put(shelf.write(key, live, is_urgent=True))
