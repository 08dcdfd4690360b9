"""Which job's pages go to a worker next: every job has its turn, whatever the others' sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from omnipipe.online.open_job import FIRST_PAGES, OpenJob, Work
from omnipipe.pipeline import Pipeline

_LARGEST_PIECE = 64


class Schedule:
    """The jobs in work of one service."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._jobs: dict[str, OpenJob] = {}
        self._turn = 0
        self._engine_pages = sum(2 * config.num_running for config in pipeline.engines)
        self.num_alone = 0
        """Pieces that run alone now: one at most, or one document could take all workers down at once."""

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[OpenJob]:
        return iter(list(self._jobs.values()))

    def add(self, job: OpenJob) -> None:
        """Take a job in."""
        self._jobs[job.job.id] = job

    def remove(self, job: OpenJob) -> None:
        """Let a job go."""
        if self._jobs.get(job.job.id) is job:
            del self._jobs[job.job.id]

    def find(self, job_id: str) -> OpenJob | None:
        """The job of that id, if it is in work here."""
        return self._jobs.get(job_id)

    @property
    def queued_pages(self) -> int:
        """Known pages that no worker has."""
        return sum(job.queued_pages for job in self._jobs.values())

    def next(self, slots: int, num_running: int) -> tuple[OpenJob, Work] | None:
        """The next piece of the job with the fewest pieces at work; of equals, the one that waits longest.

        Where more jobs wait than workers are free pieces are as large as they may be: small ones only cost.
        """
        suspects = self.num_alone == 0
        waiting = [job for job in self._jobs.values() if job.has_work(suspects=suspects)]
        if not waiting:
            return None
        chosen = min(waiting, key=lambda job: (len(job.reading), job.last_turn))
        self._turn += 1
        chosen.last_turn = self._turn
        # Enough pages for the engines' batches to be full when all slots are taken.
        smallest = min(_LARGEST_PIECE, max(1, math.ceil(self._engine_pages / slots)))
        first_pages = FIRST_PAGES
        if len(waiting) > slots - num_running:
            first_pages = max(FIRST_PAGES, smallest if self._engine_pages else _LARGEST_PIECE)
        return chosen, chosen.take(max(1, slots // len(waiting)), smallest, first_pages)
