"""Reads what all writers of a data directory appended into the index; only what is new since the last time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from omnipipe.online.job import Job
from omnipipe.online.jobs.frame import Frame, Kind, count_rows
from omnipipe.online.jobs.index import Final, Index, Live, Part, Record
from omnipipe.online.jobs.layout import DataLayout
from omnipipe.online.jobs.segment import PACKED_SUFFIX, SEGMENT_SUFFIX, Place, read_frames, read_payload

_STEP_SECONDS = 2.0


class State(NamedTuple):
    """The payload of a `JOB` record: the job, who has it, and how many rows of earlier owners hold."""

    job: Job
    writer: str
    base: int

    def encode(self) -> bytes:
        """JSON."""
        plain = {"job": self.job.to_plain(), "writer": self.writer, "base": self.base}
        return json.dumps(plain, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, payload: bytes) -> State:
        """What `encode` was given."""
        plain = json.loads(payload)
        return cls(Job.from_plain(plain["job"]), plain["writer"], plain["base"])


class Follower:
    """Follows every segment but the own ones, and the lists of packed jobs. Callers hold the store's lock.

    `removed` are jobs that must not come back, with the monotonic times when that became known, and `told` the segments
    that say so, with the time of the last word. `leftovers` are places
    of records that ought to be erased, because their job was removed or packed; `unwanted` are removed jobs that are
    packed still, with the names of the lists.
    """

    def __init__(self, layout: DataLayout, index: Index, own_prefix: str) -> None:
        self._layout = layout
        self._index = index
        self._own_prefix = own_prefix
        self._read_to: dict[str, int] = {}
        self._folder_times: dict[str, float] = {}
        self._paths: dict[str, Path] = {}
        # Said once: this is asked for with every look at a job.
        self._folders = ((str(layout.segments), SEGMENT_SUFFIX), (str(layout.pages), PACKED_SUFFIX))
        self._touched: set[bytes] = set()
        self.removed: dict[bytes, float] = {}
        self.told: dict[str, float] = {}
        self.leftovers: list[Place] = []
        self.unwanted: dict[bytes, str] = {}

    @property
    def packs(self) -> list[str]:
        """Names of the lists of packed jobs."""
        return [name for name in self._read_to if name.endswith(PACKED_SUFFIX)]

    def refresh(self) -> None:
        """Read what is new. Some calls of `stat` where nothing is."""
        # The segments first: one that has gone was packed before.
        gone = [name for folder, suffix in self._folders for name in self._list(folder, suffix)]
        # In order: a writer's later segments speak of jobs of its earlier ones.
        for name in sorted(self._read_to):
            self._read(name, self.path(name))
        touched, self._touched = self._touched, set()
        for job_id in touched:
            live = self._index.live.get(job_id)
            if live is not None and live.job.is_final and not self._index.freeze(job_id):
                self._touched.add(job_id)
        if gone:
            self._index.discard_of({self._index.number(name) for name in gone})

    def path(self, file: str) -> Path:
        """Where a segment or a list of packed jobs is."""
        path = self._paths.get(file)
        if path is None:
            folder = self._layout.pages if file.endswith(PACKED_SUFFIX) else self._layout.segments
            path = self._paths[file] = folder / file
        return path

    def _list(self, folder: str, suffix: str) -> list[str]:
        """Notice new files; the names of those that have gone."""
        changed = os.stat(folder).st_mtime  # noqa: PTH116 - half the time of Path.stat
        if self._folder_times.get(folder) == changed:
            return []
        # The time of a folder has steps: two changes within one would look like one.
        self._folder_times[folder] = changed if abs(time.time() - changed) > _STEP_SECONDS else -1.0
        names = {name for name in os.listdir(folder) if name.endswith(suffix)}  # noqa: PTH208
        if any(known not in names for known in self._read_to if known.endswith(suffix)):
            # A file's successor may have come behind the first look's back; it was there before the file went.
            names = {name for name in os.listdir(folder) if name.endswith(suffix)}  # noqa: PTH208
        for name in names:
            if name not in self._read_to and not (suffix == SEGMENT_SUFFIX and name.startswith(self._own_prefix)):
                self._read_to[name] = 0
        gone = [known for known in self._read_to if known.endswith(suffix) and known not in names]
        for name in gone:
            del self._read_to[name]
            self._paths.pop(name, None)
            self.told.pop(name, None)
        return gone

    def _read(self, name: str, path: Path) -> None:
        start = self._read_to[name]
        try:
            if os.stat(path).st_size <= start:  # noqa: PTH116
                return
            opened = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return
        number = self._index.number(name)
        try:
            size = os.fstat(opened).st_size
            self._read_to[name] = read_frames(opened, start, size, lambda frame, data: self._take(number, frame, data))
        finally:
            os.close(opened)

    def _take(self, file: int, frame: Frame, payload: memoryview) -> None:
        if frame.is_erased or not frame.is_whole:
            return
        if frame.kind is Kind.REMOVED:
            self.told[self._index.files[file]] = time.monotonic()
            self._take_removed(frame.job_id)
        elif frame.kind is Kind.PACKED:
            self._take_packed(file, frame, bytes(payload))
        elif frame.job_id in self.removed or self._is_packed(frame.job_id):
            self.leftovers.append(Place(self._index.files[file], frame.offset, frame.length))
        elif frame.kind is Kind.JOB:
            self._take_state(file, frame, State.decode(bytes(payload)))
        else:
            self._take_rows(Record(file, frame.offset, frame.length, frame.generation, count_rows(payload)), frame)

    def _is_packed(self, job_id: bytes) -> bool:
        final = self._index.find_final(job_id)
        return final is not None and self._index.files[final.head.file].endswith(PACKED_SUFFIX)

    def _take_state(self, file: int, frame: Frame, state: State) -> None:
        record = Record(file, frame.offset, frame.length, frame.generation, 0)
        live = self._index.live.get(frame.job_id)
        if live is None:
            final = self._index.find_final(frame.job_id)
            if final is not None and frame.generation <= final.generation:
                # A late word of an owner that lost the job long ago.
                self.leftovers.append(Place(self._index.files[file], frame.offset, frame.length))
                return
            live = Live(state.job, frame.generation, state.writer)
            if final is None:
                self._index.add(frame.job_id, live)
            else:
                # Its owner ended it just when another one took it over, who has the last word.
                self._index.thaw(frame.job_id, live, final)
        live.records.append(record)
        live.bases[frame.generation] = state.base
        if frame.generation >= live.generation:
            if live.writer != state.writer:
                live.pending.clear()
            live.job, live.generation, live.writer, live.head = state.job, frame.generation, state.writer, record
        self._touched.add(frame.job_id)

    def _take_rows(self, record: Record, frame: Frame) -> None:
        live = self._index.live.get(frame.job_id)
        if live is None:
            self.leftovers.append(Place(self._index.files[record.file], record.offset, record.length))
            return
        live.records.append(record)
        self._touched.add(frame.job_id)

    def _take_removed(self, job_id: bytes) -> None:
        job, places = job_places(self._index, job_id, self.path)
        self._index.discard(job_id, job)
        self.removed[job_id] = time.monotonic()
        for place in places:
            if place.file.endswith(PACKED_SUFFIX):
                self.unwanted[job_id] = place.file
            else:
                self.leftovers.append(place)

    def _take_packed(self, file: int, frame: Frame, payload: bytes) -> None:
        if frame.job_id in self.removed:
            self.unwanted[frame.job_id] = self._index.files[file]
            return
        final = self._index.find_final(frame.job_id)
        if (
            final is not None
            and self._index.files[final.head.file] > self._index.files[file]
            and self._is_packed(frame.job_id)
        ):
            # Of a pack and its successor the later name counts, whichever is read first.
            return
        plain = json.loads(payload)
        job = Job.from_plain(plain["job"])
        _, places = job_places(self._index, frame.job_id, self.path)
        self.leftovers += [place for place in places if place.file.endswith(SEGMENT_SUFFIX)]
        head = Part(file, frame.offset, frame.length, 0)
        rows = Part(file, plain["start"], 0, plain["num_rows"])
        self._index.freeze_as(frame.job_id, job, frame.generation, [head, rows])


def job_places(index: Index, job_id: bytes, path: Callable[[str], Path]) -> tuple[Job | None, list[Place]]:
    """A job's last state, where it can be had, and the places of all its records."""
    live = index.live.get(job_id)
    if live is not None:
        return live.job, [Place(index.files[record.file], record.offset, record.length) for record in live.records]
    final = index.find_final(job_id)
    if final is None:
        return None, []
    parts = [final.head, *final.others]
    if not index.files[final.head.file].endswith(PACKED_SUFFIX):
        parts += final.parts
    job = read_final(index, final, path)
    return job, [Place(index.files[part.file], part.offset, part.length) for part in parts]


def read_final(index: Index, final: Final, path: Callable[[str], Path]) -> Job | None:
    """The last state of a finished job; None where its bytes are gone."""
    payload = read_payload(path(index.files[final.head.file]), final.head.offset, final.head.length)
    return None if payload is None else Job.from_plain(json.loads(payload)["job"])
