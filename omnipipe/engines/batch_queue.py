"""Which requests go into a batch together: by count, by a budget of tokens, after a short wait."""

from __future__ import annotations

import threading
import time
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from omnipipe.model import Completion, Request

BatchStrategy = Literal["static", "dynamic"]


@dataclass(kw_only=True)
class Prepared:
    """A request as the library wants it; engines add fields of their own. `num_tokens` is the length of its prompt.

    `is_wanted` turns False, in another thread, when nobody waits for the answer any more: generation may end there.
    `say`, where it is set, takes each new piece of the answer's text as soon as it is known.
    """

    request: Request
    num_tokens: int
    is_wanted: bool = True
    say: Callable[[str], None] | None = None


@dataclass(eq=False)
class Job:
    """One call that waits for its answer."""

    request: Request
    group: Hashable
    number: int
    future: Future[Completion]
    loop: AbstractEventLoop
    say: Callable[[str], None] | None = None
    arrived: float = field(default_factory=time.perf_counter)
    is_wanted: bool = True
    prepared: Prepared | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """Where the job stands in the queue: priority first, then arrival."""
        return -self.request.priority, self.number

    @property
    def num_tokens(self) -> int:
        """Length of the prompt, once prepared."""
        return 0 if self.prepared is None else self.prepared.num_tokens

    def drop(self) -> None:
        """Nobody waits any more."""
        self.is_wanted = False
        if self.prepared is not None:
            self.prepared.is_wanted = False


class BatchQueue:
    """Jobs from any thread in, batches for one worker thread out.

    A job is *new* until it is prepared, then *ready*. The worker prepares by itself, or a second thread does, ahead.
    `limit` may change while jobs wait.
    """

    def __init__(
        self, *, limit: int, max_tokens: int | None, wait: float, strategy: BatchStrategy, prepares_ahead: bool
    ) -> None:
        self.limit = limit
        self._max_tokens = max_tokens
        self._wait = wait
        self._strategy = strategy
        self._prepares_ahead = prepares_ahead
        # A choice of lengths needs more jobs than a batch holds; without one, a batch ahead is enough.
        self._reach = limit * (4 if strategy == "dynamic" else 2 if prepares_ahead else 1)
        self._new: list[Job] = []
        self._ready: list[Job] = []
        self._preparing: Job | None = None
        self._is_closed = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """Jobs that wait, cancelled ones left out."""
        with self._changed:
            self._forget_dropped()
            return len(self._new) + len(self._ready) + (self._preparing is not None)

    def add(self, job: Job) -> None:
        """Put `job` in its place."""
        with self._changed:
            self._new.append(job)
            self._new.sort(key=lambda job: job.rank)
            self._changed.notify_all()

    def close(self) -> list[Job]:
        """End all waiting; the jobs that were left."""
        with self._changed:
            self._is_closed = True
            left = [*self._new, *self._ready, *([] if self._preparing is None else [self._preparing])]
            self._new, self._ready = [], []
            self._changed.notify_all()
            return left

    def next_new(self, *, block: bool) -> Job | None:
        """The next job to prepare, to be handed back by `put_ready`; None at the end, or where none waits."""
        with self._changed:
            while not self._is_closed:
                self._forget_dropped()
                if self._new and len(self._ready) < self._reach:
                    self._preparing = self._new.pop(0)
                    return self._preparing
                if not block:
                    return None
                self._changed.wait()
            return None

    def put_ready(self, job: Job, prepared: Prepared | None) -> None:
        """`job` is prepared; with None it has ended."""
        with self._changed:
            self._preparing = None
            if prepared is not None:
                prepared.is_wanted = job.is_wanted
                prepared.say = job.say
                job.prepared = prepared
                self._ready.append(job)
            self._changed.notify_all()

    def await_enough(self) -> bool:
        """Block until a batch is full or has waited long enough; False at the end."""
        with self._changed:
            while not self._is_closed:
                self._forget_dropped()
                counted = self._ready if self._prepares_ahead else [*self._new, *self._ready]
                is_more_coming = self._prepares_ahead and bool(self._new or self._preparing)
                rest = None
                if counted and not is_more_coming:
                    rest = min(job.arrived for job in counted) + self._wait - time.perf_counter()
                if len(counted) >= self.limit or (rest is not None and rest <= 0):
                    return True
                self._changed.wait(rest)
            return False

    def take(self) -> list[Job]:
        """The next batch out of the jobs that are ready: the first in rank, and those that go with it."""
        with self._changed:
            self._forget_dropped()
            if not self._ready:
                return []
            self._ready.sort(key=lambda job: job.rank)
            batch = self._fill(self._ready[0])
            self._ready = [job for job in self._ready if job not in batch]
            self._changed.notify_all()
            return batch

    def _fill(self, first: Job) -> list[Job]:
        others: Sequence[Job] = [job for job in self._ready[1:] if job.group == first.group]
        if self._strategy == "dynamic":
            # Stable: among equally near ones the order of arrival stays.
            others = sorted(others, key=lambda job: (job.rank[0], abs(job.num_tokens - first.num_tokens)))
        batch = [first]
        longest = first.num_tokens
        for job in others:
            if len(batch) >= self.limit:
                break
            longest_with = max(longest, job.num_tokens)
            if self._max_tokens is None or longest_with * (len(batch) + 1) <= self._max_tokens:
                batch.append(job)
                longest = longest_with
        return sorted(batch, key=lambda job: -job.num_tokens) if self._strategy == "dynamic" else batch

    def _forget_dropped(self) -> None:
        self._new = [job for job in self._new if job.is_wanted]
        self._ready = [job for job in self._ready if job.is_wanted]
