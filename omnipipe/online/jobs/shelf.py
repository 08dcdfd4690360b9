"""What the parts of a job store share."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omnipipe.online.job import Job, Row
from omnipipe.online.jobs.follow import Follower, State, job_places
from omnipipe.online.jobs.frame import Kind, decode_rows, encode, encode_rows
from omnipipe.online.jobs.index import Index, Live, Part, Record
from omnipipe.online.jobs.journal import Journal, Placed, Write
from omnipipe.online.jobs.layout import DataLayout
from omnipipe.online.jobs.lease import Claims, JobLostError, Lease
from omnipipe.online.jobs.pack import read_packed
from omnipipe.online.jobs.segment import PACKED_SUFFIX, Place, read_payload
from omnipipe.online.jobs.side_files import SideFiles
from omnipipe.online.jobs.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Shelf:
    """The index with its lock, what fills it, and the files.

    `index` and `follower` are used with `lock` held only; one thread at a time, with `claiming` held, takes jobs over.
    """

    writer: str
    layout: DataLayout
    index: Index
    follower: Follower
    journal: Journal
    lease: Lease
    claims: Claims
    uploads: Uploads
    side: SideFiles
    lock: threading.RLock = field(default_factory=threading.RLock)
    claiming: threading.Lock = field(default_factory=threading.Lock)

    def write(self, key: bytes, live: Live, rows: Sequence[Row] = (), *, is_urgent: bool) -> Write:
        """The records of a job's state and of new rows, to be put into the journal. Callers hold `lock`."""
        generation = live.generation
        state = State(live.job, self.writer, live.bases[generation])
        records = [encode(Kind.ROWS, key, generation, encode_rows(rows))] if rows else []
        records.append(encode(Kind.JOB, key, generation, state.encode()))
        live.num_queued += 1

        def placed(places: Sequence[Placed]) -> None:
            with self.lock:
                self._place(key, live, generation, len(rows), places)

        return Write(records, lambda: self._check(key, live, generation), placed=placed, is_urgent=is_urgent)

    def _check(self, key: bytes, live: Live, generation: int) -> None:
        """Refuse to write about a job that another process has claimed.

        Raises:
            JobLostError: It has.
        """
        if not self.claims.exists(key.hex(), generation + 1):
            return
        with self.lock:
            live.num_queued -= 1
            live.is_lost = True
            if live.generation == generation:
                live.pending.clear()
                state = None if live.head is None else self._state(live.head)
                live.job = live.job if state is None else state.job
        raise JobLostError(f"Job {key.hex()} was taken over by another process.")

    def _place(self, key: bytes, live: Live, generation: int, num_rows: int, places: Sequence[Placed]) -> None:
        """Note where records of this process came to be."""
        if self.index.live.get(key) is not live:
            self.follower.leftovers += [Place(*place) for place in places]
            return
        *of_rows, of_state = (Record(self.index.number(place.segment), *place[1:], generation, 0) for place in places)
        live.records += [record._replace(num_rows=num_rows) for record in of_rows]
        live.records.append(of_state)
        live.num_queued -= 1
        if live.generation == generation:
            live.head = of_state
            del live.pending[:num_rows]
            self.index.freeze(key)

    def is_there(self, live: Live) -> bool:
        """Whether a job of another process can be read still. Callers hold `lock`."""
        return live.head is not None and self._state(live.head) is not None

    def _state(self, head: Record) -> State | None:
        payload = read_payload(self.follower.path(self.index.files[head.file]), head.offset, head.length)
        return None if payload is None else State.decode(payload)

    def places_of(self, key: bytes) -> tuple[Job | None, list[Place]]:
        """A job's last state, where it can be had, and the places of all its records. Callers hold `lock`."""
        return job_places(self.index, key, self.follower.path)


def read_rows(parts: list[tuple[Part, Path]]) -> list[Row] | None:
    """The rows of `parts`, each with its file; None where some have gone."""
    rows: list[Row] = []
    for part, path in parts:
        if path.suffix == PACKED_SUFFIX:
            found = read_packed(path.with_suffix(".parquet"), part.offset, part.take)
        else:
            payload = read_payload(path, part.offset, part.length)
            found = None if payload is None else decode_rows(payload)[: part.take]
        if found is None:
            return None
        rows += found
    return rows
