"""One piece, read with one chain."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Self

from omnipipe.chain import Chain
from omnipipe.engines.thread import EngineHost
from omnipipe.ledger.spool import Spool
from omnipipe.online.piece import Opened, Piece, PieceResult
from omnipipe.online.row_json import row_of
from omnipipe.online.shown_name import ShownName
from omnipipe.online.spans import Span, first_of
from omnipipe.page import Page, PageError, ProblemError
from omnipipe.pipeline import Pipeline
from omnipipe.sources.pages import PageSelection, split
from omnipipe.unit import DocumentRef, Member, Unit
from omnipipe.worker import NoAnswers, WorkerOptions

# Between groups a piece looks whether it is still wanted. Groups grow while they take less than this many seconds.
_GROUP_SECONDS = 0.1
_FIRST_SECONDS = 0.2
_FIRST_GROUP = 4
_LARGEST_GROUP = 64


class Desk:
    """A chain and what belongs to it, for one thread at a time."""

    def __init__(self, pipeline: Pipeline, config_hash: str, options: WorkerOptions, engines: EngineHost) -> None:
        self._config_hash = config_hash
        self._chain = Chain(pipeline, options, engines=engines)
        self._names = ShownName()
        most = max((config.num_running for config in pipeline.engines), default=0)
        # Pages that wait for an engine are handed to it together.
        self._smallest_group = min(_LARGEST_GROUP, max(_FIRST_GROUP, most))

    def start(self) -> None:
        """Start the reader's process, without waiting for it."""
        self._chain.reader.start()

    def read(self, piece: Piece, cancelled: threading.Event) -> PieceResult:
        """See `PieceWorker.read`."""
        started = time.perf_counter()
        before = self._chain.stage_seconds
        path = self._names.link(piece.job_id, piece.upload, piece.file_name)
        self._chain.lend({piece.doc_id: path})
        opened = None
        if piece.spans is None:
            opened, members = self._open(piece, path)
        else:
            members = _members(_document(piece, piece.page_count, piece.format), piece.spans)
        pages = [self._without_paths(page) for page in self._process(piece, members, cancelled)]
        rows = tuple(row_of(page, config_hash=self._config_hash, run_id=piece.job_id) for page in pages)
        after = self._chain.stage_seconds
        return PieceResult(
            rows=rows,
            opened=opened,
            seconds=time.perf_counter() - started,
            stage_seconds={name: spent - before.get(name, 0.0) for name, spent in after.items()},
            routes=dict(Counter(str(page.route) for page in pages)),
            prompt_tokens=sum(page.prompt_tokens or 0 for page in pages),
            completion_tokens=sum(page.completion_tokens or 0 for page in pages),
        )

    def close(self) -> None:
        """End its processes."""
        self._chain.close()
        self._names.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, piece: Piece, path: str) -> tuple[Opened, list[Member]]:
        try:
            facts = self._chain.reader.inspect(path)
        except ProblemError as problem:
            lost = PageError.of(problem.error.code, self._names.hide(problem.error.message))
            member = Member(_document(piece, None, None), 0, 1, "problem", lost)
            return Opened(page_count=None, format=None, num_pages=1, wanted=(), problem=lost), [member]
        document = _document(piece, facts.page_count, facts.format)
        wanted, left_out = wanted_pages(piece, facts.page_count)
        opened = Opened(
            page_count=facts.page_count,
            format=facts.format,
            num_pages=sum(stop - start for start, stop in (*wanted, *left_out)),
            wanted=tuple(wanted),
        )
        members = _members(document, first_of(wanted, piece.first_pages))
        return opened, [*members, *(Member(document, start, stop, "skipped") for start, stop in left_out)]

    def _process(self, piece: Piece, members: Sequence[Member], cancelled: threading.Event) -> Iterator[Page]:
        pages = self._chain.start_pages(Unit(id=piece.job_id, members=tuple(members)))
        waiting = [page for page in pages if page.is_open]
        answers = NoAnswers() if piece.answers is None else Spool(piece.answers)
        size = 1 if piece.alone else self._smallest_group
        began = time.perf_counter()
        while waiting:
            reason = why_not(piece, cancelled)
            if reason is not None:
                yield from (not_read(page, reason) for page in waiting)
                break
            group, waiting = waiting[:size], waiting[size:]
            started = time.perf_counter()
            yield from self._chain.process(group, answers)
            ended = time.perf_counter()
            if piece.spans is None and ended - began > _FIRST_SECONDS:
                # Its owner waits to know what there is to read; the rest of the first pages can be read by others.
                break
            if ended - started < _GROUP_SECONDS and not piece.alone:
                size = min(_LARGEST_GROUP, 2 * size)
        # Ranges that are left out come after all pages that are read.
        finished = [page for page in pages if not page.is_open]
        if finished:
            yield from self._chain.process(finished, answers)

    def _without_paths(self, page: Page) -> Page:
        if page.error is None:
            return page
        message = self._names.hide(page.error.message)
        return page if message == page.error.message else page.with_(error=PageError.of(page.error.code, message))


def wanted_pages(piece: Piece, page_count: int) -> tuple[list[Span], list[Span]]:
    """The spans that a piece's job wants of its document, and those that are left out for `max_pages`."""
    selection = PageSelection.parse(piece.asked.pages) if piece.asked.pages else None
    return split(page_count, selection, piece.asked.max_pages)


def why_not(piece: Piece, cancelled: threading.Event) -> str | None:
    """Why the pages of `piece` that are not begun are not to be read; None while they are."""
    if cancelled.is_set():
        return "the job was cancelled before this page was read."
    if piece.deadline is not None and time.time() >= piece.deadline:
        return "the job's deadline passed before this page was read."
    return None


def not_read(page: Page, reason: str) -> Page:
    """`page` as a row that says why it was not read."""
    return page.failed("cancelled", reason).with_(status="skipped")


def _document(piece: Piece, count: int | None, format: str | None) -> DocumentRef:
    return DocumentRef(doc_id=piece.doc_id, uri=piece.file_name, count=count, format=format)


def _members(document: DocumentRef, spans: Sequence[Span]) -> list[Member]:
    return [Member(document, start, stop) for start, stop in spans]
