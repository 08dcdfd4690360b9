"""One job in work: which of its pages are done, with a worker, waiting, or under suspicion."""

from __future__ import annotations

import asyncio
import json
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omnipipe.online.job import Job, Row
from omnipipe.online.piece import Opened, Piece, PieceResult
from omnipipe.online.row_json import row_of
from omnipipe.online.spans import Span, cut, first_of, num_pages, without
from omnipipe.online.watch import Watch
from omnipipe.page import Page
from omnipipe.sources.pages import PageSelection, split

FIRST_PAGES = 4
_PIECE_SECONDS = 0.25
_SMALL_PIECE_SECONDS = 0.05
_LARGEST_PIECE = 64
_MOST_LOSSES = 2


@dataclass(frozen=True, slots=True)
class Work:
    """Pages for one worker. With `spans` None it opens the document and reads its first `first_pages`.

    `num_lost` counts the workers that died of it, or beside it.
    """

    spans: tuple[Span, ...] | None
    first_pages: int = FIRST_PAGES
    num_lost: int = 0
    alone: bool = False

    @property
    def num_pages(self) -> int:
        return self.first_pages if self.spans is None else num_pages(self.spans)


class OpenJob:
    """A job that is not final. `reason` is set when its open pages are not to be read any more."""

    def __init__(
        self,
        job: Job,
        upload: Path,
        config_hash: str,
        *,
        passwords: tuple[str, ...] = (),
        answers: Path | None = None,
        rows: Sequence[Row] = (),
    ) -> None:
        self.job = job
        self.watch = Watch()
        self.reading: dict[asyncio.Task[PieceResult], Work] = {}
        self.reason: str | None = None
        self.last_turn = 0
        self.is_closed = False
        self.num_durable = len(rows)
        """Rows that are on the disk: only these are told, so that a stream can be taken up at the same row later."""
        self._upload = upload
        self._config_hash = config_hash
        self._passwords = passwords
        self._answers = answers
        self._done = _pages_of(rows)
        self._again: deque[Work] = deque()
        self._suspects: deque[Work] = deque()
        self._queued: list[Span] = []
        self._seconds_a_page: float | None = None
        if job.num_pages is None or job.page_count is None:
            self._again.append(Work(None))
        else:
            self._queued = without(self._split()[0], self._done)

    @property
    def is_complete(self) -> bool:
        """Whether no page waits or is with a worker."""
        return not (self.reading or self._again or self._queued or self._suspects)

    @property
    def queued_pages(self) -> int:
        """Pages that no worker has; a document that was not opened yet counts as one."""
        waiting = (*self._again, *self._suspects)
        return num_pages(self._queued) + sum(1 if work.spans is None else work.num_pages for work in waiting)

    def has_work(self, *, suspects: bool) -> bool:
        """Whether there is something for a worker; `suspects` says whether one may be used alone now."""
        return bool(self._again or self._queued or (suspects and self._suspects))

    def take(self, workers: int, smallest: int, first_pages: int = FIRST_PAGES) -> Work:
        """The pages for the next worker: about a quarter of a second, and at least `smallest` where there are so many.

        `workers` share this job's pages; who opens the document reads its `first_pages`. Work that lost a worker goes
        first. Call it only if `has_work`.
        """
        if self._again:
            work = self._again.popleft()
            return work if work.num_lost or work.spans is not None else replace(work, first_pages=first_pages)
        if not self._queued:
            return self._suspects.popleft()
        first, self._queued = cut(self._queued, max(smallest, self._piece_pages(workers)))
        return Work(tuple(first))

    def put_back(self, work: Work) -> None:
        """`work` was not begun."""
        (self._suspects if work.alone else self._again).appendleft(work)

    def piece(self, work: Work) -> Piece:
        """What the worker is told."""
        return Piece(
            job_id=self.job.id,
            upload=self._upload,
            file_name=self.job.file_name,
            doc_id=self.job.doc_id,
            asked=self.job.asked,
            spans=work.spans,
            first_pages=work.first_pages,
            page_count=self.job.page_count,
            passwords=self._passwords,
            deadline=self.job.asked.deadline,
            answers=self._answers,
            alone=work.alone,
        )

    def finish(self, work: Work, result: PieceResult) -> list[Row]:
        """The new rows of a piece that was done; rows that were there before are left out."""
        if result.opened is not None:
            self._open(result.opened, result.rows, work)
        rows = [row for row in result.rows if row.page_index not in self._done]
        self._done |= _pages_of(rows)
        if rows and not work.alone:
            seconds = result.seconds / len(rows)
            known = self._seconds_a_page
            self._seconds_a_page = seconds if known is None else (known + seconds) / 2
        self._count(rows)
        return rows

    def lose(self, work: Work) -> list[Row]:
        """`work` lost its worker: it is done again; rows for a page that is given up."""
        work = replace(work, num_lost=work.num_lost + 1)
        if work.num_lost < _MOST_LOSSES:
            (self._suspects if work.alone else self._again).append(work)
            return []
        if not work.alone:
            self._suspects.extend(_one_by_one(work))
            return []
        index = 0 if work.spans is None else work.spans[0][0]
        if work.spans is None:
            self.job = self.job.with_(num_pages=1)
        what = "while it opened the document" if work.spans is None else "while it read this page"
        page = self._page(index).failed("worker_died", f"its worker died twice {what} alone.")
        rows = [self._row(page)]
        self._done.add(index)
        self._count(rows)
        return rows

    def give_up(self, reason: str) -> None:
        """Read nothing more: pages that no worker has will be rows that say `reason`."""
        if self.reason is None:
            self.reason = reason

    def drop_waiting(self) -> None:
        """Take all work back that no worker has; its pages stay open."""
        self._again.clear()
        self._suspects.clear()
        self._queued = []

    def last_rows(self) -> list[Row]:
        """Rows for all pages that have none, a row for each range, when the job was given up."""
        if self.reason is None:
            return []
        message = f"{self.reason} before this was read."
        if self.job.num_pages is None or self.job.page_count is None:
            self.job = self.job.with_(num_pages=1)
            left: Iterable[Span] = [] if self._done else [(0, 1)]
        else:
            wanted, left_out = self._split()
            left = without([*wanted, *left_out], self._done)
        rows = []
        for start, stop in left:
            page = self._page(start, stop - start).failed("cancelled", message).with_(status="skipped")
            rows.append(self._row(page))
        self._count(rows)
        return rows

    def _open(self, opened: Opened, rows: Sequence[Row], work: Work) -> None:
        self.job = self.job.with_(page_count=opened.page_count, num_pages=opened.num_pages, state="running")
        if opened.num_pages == 0:
            reason = f"the document has {opened.page_count} pages, and none of those that are asked for"
            self.job = self.job.with_(reason=reason)
        if self.reason is not None:
            return
        done = self._done | _pages_of(rows)
        if work.alone:
            # One of the pages that the document was opened with may be what took the workers down.
            suspects = without(first_of(opened.wanted, FIRST_PAGES), done)
            self._suspects.extend(_one_by_one(Work(tuple(suspects))))
            done = done | {index for start, stop in suspects for index in range(start, stop)}
        self._queued = without(opened.wanted, done)

    def _count(self, rows: Sequence[Row]) -> None:
        state = "running" if self.job.state == "queued" else self.job.state
        self.job = self.job.with_(num_rows=self.job.num_rows + len(rows), state=state)

    def _split(self) -> tuple[list[Span], list[Span]]:
        asked = self.job.asked
        selection = PageSelection.parse(asked.pages) if asked.pages else None
        return split(self.job.page_count or 0, selection, asked.max_pages)

    def _piece_pages(self, workers: int) -> int:
        seconds = self._seconds_a_page
        if not seconds:
            return FIRST_PAGES
        # Shared out among the workers towards the end, as long as a piece is worth its way.
        share = max(math.ceil(num_pages(self._queued) / workers), round(_SMALL_PIECE_SECONDS / seconds))
        return max(1, min(share, round(_PIECE_SECONDS / seconds), _LARGEST_PIECE))

    def _page(self, index: int, pages: int = 1) -> Page:
        job = self.job
        return Page(doc_id=job.doc_id, uri=job.file_name, index=index, count=job.page_count, num_pages=pages)

    def _row(self, page: Page) -> Row:
        return row_of(page, config_hash=self._config_hash, run_id=self.job.id)


def _one_by_one(work: Work) -> list[Work]:
    if work.spans is None:
        return [Work(None, first_pages=0, alone=True)]
    return [Work(((index, index + 1),), alone=True) for start, stop in work.spans for index in range(start, stop)]


def _pages_of(rows: Iterable[Row]) -> set[int]:
    pages: set[int] = set()
    for row in rows:
        count = json.loads(row.json)["num_pages"] if row.status == "skipped" else 1
        pages.update(range(row.page_index, row.page_index + count))
    return pages
