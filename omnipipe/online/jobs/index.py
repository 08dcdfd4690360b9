"""Which jobs there are and where their rows lie; the rows themselves stay on the disk."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from omnipipe.online.job import Job, Row

_HEAD = struct.Struct("<Id")
_PLACE = struct.Struct("<IQII")
_FILE = struct.Struct("<I")
_ID_BYTES = 16


class Record(NamedTuple):
    """A record of a job: its file's number, its offset, its payload's length, the rows in it (0: a state)."""

    file: int
    offset: int
    length: int
    generation: int
    num_rows: int


class Part(NamedTuple):
    """The first `take` rows of the record at `offset` of file number `file`; of a packed job, rows from `offset` on."""

    file: int
    offset: int
    length: int
    take: int


@dataclass(slots=True)
class Live:
    """A job that may change still, or whose last records are not all known yet.

    `generation` counts its owners and `writer` is the last. `bases` says for each generation how many rows of those
    before it hold. `pending` are rows of this process that are not on the disk yet, `num_queued` its writes that are
    not; `head` is the record of the last state. `is_lost` is set where this process learns that another has claimed it.
    """

    job: Job
    generation: int
    writer: str
    records: list[Record] = field(default_factory=list)
    bases: dict[int, int] = field(default_factory=dict)
    pending: list[Row] = field(default_factory=list)
    num_queued: int = 0
    head: Record | None = None
    is_lost: bool = False

    def parts(self) -> list[Part]:
        """Where the rows that count are, in order."""
        return self._sorted_parts()[0]

    @property
    def is_complete(self) -> bool:
        """Whether all rows are known that its last owner knew of."""
        return self._sorted_parts()[1]

    def _sorted_parts(self) -> tuple[list[Part], bool]:
        parts: list[Part] = []
        is_complete = True
        for generation in sorted({record.generation for record in self.records} | set(self.bases)):
            parts, missing = _first_rows(parts, self.bases.get(generation, 0))
            is_complete = is_complete and not missing
            parts += [
                Part(record.file, record.offset, record.length, record.num_rows)
                for record in self.records
                if record.generation == generation and record.num_rows
            ]
        return parts, is_complete


def _first_rows(parts: Sequence[Part], count: int) -> tuple[list[Part], int]:
    """The parts of the first `count` rows, and how many rows are missing."""
    kept = []
    for part in parts:
        take = min(count, part.take)
        if take:
            kept.append(part._replace(take=take))
        count -= take
    return kept, count


class Final(NamedTuple):
    """A finished job, read from the few bytes that are kept of it. `others` are its remaining records, for erasing."""

    generation: int
    finished_at: float
    head: Part
    parts: list[Part]
    others: list[Part]


class Index:
    """All jobs by id, and the ways to find some. Callers hold the store's lock."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self._numbers: dict[str, int] = {}
        self.live: dict[bytes, Live] = {}
        self._final: dict[bytes, bytes] = {}
        self._same: dict[int, bytes] = {}
        self._idempotent: dict[int, bytes] = {}
        self._owned: defaultdict[str, dict[bytes, None]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self.live) + len(self._final)

    def has(self, job_id: bytes) -> bool:
        """Whether the job is there."""
        return job_id in self.live or job_id in self._final

    def number(self, file: str) -> int:
        """The number that stands for `file`."""
        number = self._numbers.get(file)
        if number is None:
            number = self._numbers[file] = len(self.files)
            self.files.append(file)
        return number

    def add(self, job_id: bytes, live: Live) -> None:
        """A job that was not there before."""
        self.live[job_id] = live
        self._list(job_id, live.job)

    def find_final(self, job_id: bytes) -> Final | None:
        """What is known of a finished job."""
        packed = self._final.get(job_id)
        return None if packed is None else _unpack(packed)

    def finals(self) -> Iterator[tuple[bytes, Final]]:
        """All finished jobs as they are now; to be gone through without the lock."""
        packed = list(self._final.items())
        return ((job_id, _unpack(places)) for job_id, places in packed)

    def finals_before(self, finished_at: float) -> Iterator[bytes]:
        """Ids of the jobs that were finished before `finished_at`; to be gone through without the lock."""
        packed = list(self._final.items())
        return (job_id for job_id, head in packed if _HEAD.unpack_from(head)[1] < finished_at)

    def freeze(self, job_id: bytes) -> bool:
        """Keep only the places of a finished job; False where it is not ready for that."""
        live = self.live.get(job_id)
        if live is None or not live.job.is_final or live.num_queued or live.head is None:
            return False
        if not live.is_complete:
            return False
        parts = live.parts()
        at = {(part.file, part.offset) for part in parts}
        head = Part(live.head.file, live.head.offset, live.head.length, 0)
        others = [
            Part(record.file, record.offset, record.length, 0)
            for record in live.records
            if record != live.head and (record.file, record.offset) not in at
        ]
        self.freeze_as(job_id, live.job, live.generation, [head, *parts, *others])
        return True

    def freeze_as(self, job_id: bytes, job: Job, generation: int, parts: Sequence[Part]) -> None:
        """Keep `parts` (the job's last state first) of a finished job, which may be new."""
        if job_id not in self.live and job_id not in self._final:
            self._list(job_id, job)
        self.live.pop(job_id, None)
        finished_at = job.created_at if job.finished_at is None else job.finished_at
        packed = b"".join(_PLACE.pack(*part) for part in parts)
        self._final[job_id] = _HEAD.pack(generation, finished_at) + packed
        if job.state == "done":
            key = _hash(job.doc_id, job.asked.key)
            ids = self._same.get(key, b"")
            if job_id not in _split(ids):
                self._same[key] = ids + job_id

    def thaw(self, job_id: bytes, live: Live, final: Final) -> None:
        """Take a finished job for unfinished again; its known rows come before all of `live`."""
        generation = final.generation
        for part in (final.head, *final.others, *final.parts):
            live.records.append(Record(part.file, part.offset, part.length, generation, part.take))
        live.bases[generation] = 0
        del self._final[job_id]
        self.live[job_id] = live

    def discard(self, job_id: bytes, job: Job | None) -> None:
        """Forget a job. `job` is its state where that is known."""
        self.live.pop(job_id, None)
        self._final.pop(job_id, None)
        if job is None:
            return
        self.unlist(job_id, job.owner)
        key = _hash(job.doc_id, job.asked.key)
        ids = b"".join(found for found in _split(self._same.get(key, b"")) if found != job_id)
        if ids:
            self._same[key] = ids
        else:
            self._same.pop(key, None)
        if job.idempotency_key is not None:
            key = _hash(job.owner, job.idempotency_key)
            if self._idempotent.get(key) == job_id:
                del self._idempotent[key]

    def unlist(self, job_id: bytes, owner: str) -> None:
        """Take a job from its owner's list."""
        self._owned[owner].pop(job_id, None)
        if not self._owned[owner]:
            del self._owned[owner]

    def discard_of(self, files: set[int]) -> None:
        """Forget the jobs whose last state is in a file that has gone: they were removed while nobody looked."""
        for job_id, live in list(self.live.items()):
            if live.head is not None and live.head.file in files:
                self.discard(job_id, live.job)
        at = _HEAD.size
        gone = [job_id for job_id, packed in self._final.items() if _FILE.unpack_from(packed, at)[0] in files]
        for job_id in gone:
            # Its other entries are found out when they are used.
            self.discard(job_id, None)

    def same(self, doc_id: str, asked_key: str) -> list[bytes]:
        """Ids of finished jobs that seem to have read the same, newest first."""
        return _split(self._same.get(_hash(doc_id, asked_key), b""))[::-1]

    def idempotent(self, owner: str, key: str) -> bytes | None:
        """The id of the job that seems to have been made with `key`."""
        return self._idempotent.get(_hash(owner, key))

    def owned(self, owner: str) -> Iterator[bytes]:
        """Ids of an owner's jobs, the last that became known first."""
        # Without a copy: the caller holds the lock, and looks at the last ones only.
        return reversed(self._owned[owner]) if owner in self._owned else iter(())

    def _list(self, job_id: bytes, job: Job) -> None:
        self._owned[job.owner][job_id] = None
        if job.idempotency_key is not None:
            self._idempotent[_hash(job.owner, job.idempotency_key)] = job_id


def _unpack(packed: bytes) -> Final:
    generation, finished_at = _HEAD.unpack_from(packed)
    head, *rest = (Part(*fields) for fields in _PLACE.iter_unpack(packed[_HEAD.size :]))
    parts = [part for part in rest if part.take]
    return Final(generation, finished_at, head, parts, [part for part in rest if not part.take])


def _hash(*parts: str) -> int:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def _split(ids: bytes) -> list[bytes]:
    return [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)]
