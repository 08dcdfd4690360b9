"""How much each key may ask: pages a minute, and jobs in work."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from omnipipe.online.job import Job
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.web.auth import Caller, Key, Keys
from omnipipe.online.web.errors import ApiProblem

_JOBS_LOOKED_AT = 256
_JOBS_REMEMBERED = 4096
_BUSY_RETRY = 2.0


@dataclass(slots=True)
class _Bucket:
    """Pages that a key has asked for, less what its rate has let go since. `pages` has what each job was counted as."""

    level: float = 0.0
    at: float = 0.0
    pages: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def drain(self, now: float, rate: float) -> None:
        self.level = max(0.0, self.level - max(0.0, now - self.at) * rate)
        self.at = max(self.at, now)


class Quotas:
    """The quotas of all keys, from the jobs in the store: those of other replicas count as well.

    How many pages a document has is known only when it was opened, so one document may be asked for more pages than
    the quota; its key waits the longer afterwards.
    """

    def __init__(self, store: JobStore, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self._buckets: dict[str, _Bucket] = {}
        self._uploading: Counter[str] = Counter()

    @contextmanager
    def admit(self, who: Caller) -> Iterator[None]:
        """Count an upload of `who` while it lasts.

        Raises:
            ApiProblem: 429 with Retry-After, where a quota is used up.
        """
        key = self._keys.of_owner(who.owner) if len(self._keys) else None
        if key is not None:
            self._check_jobs(key)
            self._check_pages(key)
        self._uploading[who.owner] += 1
        try:
            yield
        finally:
            self._uploading[who.owner] -= 1
            if not self._uploading[who.owner]:
                del self._uploading[who.owner]

    def count_pages(self, who: Caller, num_pages: int) -> None:
        """Take note of pages that `who` asks for without a job."""
        key = self._keys.of_owner(who.owner) if len(self._keys) else None
        if key is not None and key.pages_per_minute is not None:
            bucket = self._bucket(key)
            bucket.drain(time.time(), key.pages_per_minute / 60)
            bucket.level += num_pages

    def count_before_removal(self, job: Job) -> None:
        """Take note of `job`, which will soon be nowhere: removing a job gives no pages back."""
        key = self._keys.of_owner(job.owner) if len(self._keys) else None
        if key is not None and key.pages_per_minute is not None:
            self._count(self._bucket(key), [job], key.pages_per_minute / 60)

    def _check_jobs(self, key: Key) -> None:
        if key.jobs is None:
            return
        jobs = self._store.jobs(key.digest, limit=max(_JOBS_LOOKED_AT, key.jobs + 1))
        at_work = sum(not job.is_final for job in jobs) + self._uploading[key.digest]
        if at_work >= key.jobs:
            message = f"The key {key.name!r} has {at_work} jobs in work and may have {key.jobs}. Wait for one to end."
            raise ApiProblem(429, "quota_jobs", message, _BUSY_RETRY)

    def _check_pages(self, key: Key) -> None:
        if key.pages_per_minute is None:
            return
        rate = key.pages_per_minute / 60
        bucket = self._bucket(key)
        self._count(bucket, self._store.jobs(key.digest, limit=_JOBS_LOOKED_AT), rate)
        bucket.drain(time.time(), rate)
        over = bucket.level + self._uploading[key.digest] - key.pages_per_minute
        if over > -1e-6:
            message = f"The key {key.name!r} may ask for {key.pages_per_minute} pages a minute, and has."
            raise ApiProblem(429, "quota_pages", message, round(over / rate + 1, 1))

    def _bucket(self, key: Key) -> _Bucket:
        return self._buckets.setdefault(key.digest, _Bucket())

    def _count(self, bucket: _Bucket, jobs: list[Job], rate: float) -> None:
        for job in sorted(jobs, key=lambda job: job.created_at):
            pages = max(1, job.num_pages or 1)
            before = bucket.pages.get(job.id, 0)
            if pages > before:
                bucket.drain(job.created_at, rate)
                bucket.level += pages - before
                bucket.pages[job.id] = pages
            if job.id in bucket.pages:
                bucket.pages.move_to_end(job.id)
        while len(bucket.pages) > _JOBS_REMEMBERED:
            bucket.pages.popitem(last=False)
