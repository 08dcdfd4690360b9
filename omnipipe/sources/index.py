"""From sources to records: hash, format, page count."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from omnipipe.page import PageError, ProblemError
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.sources.bounded import waiting_for
from omnipipe.sources.fetch import Fetcher
from omnipipe.sources.place import find_local_path
from omnipipe.sources.source import TRANSIENT_CODES, Source, SourceRecord
from omnipipe.sources.walk import find_stat

_AHEAD = 256
_CLOSE_SECONDS = 5.0


def index_source(
    source: Source, reader: ReaderProcess, fetcher: Fetcher, *, with_ocr_share: bool = False
) -> SourceRecord:
    """What is at `source`. A document's trouble is its `problem`, never an exception.

    `with_ocr_share` costs the load of a page or more of each document.

    Raises:
        RunStopped: The disk with the fetcher's cache is full, or no storage answers any more.
    """
    try:
        # A file that is just being written may be whole at the second look.
        with waiting_for(source.uri):
            record = _read(source, reader, fetcher, with_ocr_share) or _read(source, reader, fetcher, with_ocr_share)
    except ProblemError as problem:
        return _lost(source, problem.error)
    if record is None:
        return _lost(source, PageError.of("changed", f"{source.uri} was being written while it was read"))
    return record


def index_sources(
    sources: Iterable[Source],
    *,
    num_processes: int,
    limits: ReaderLimits,
    passwords: Sequence[str] = (),
    known: Callable[[Source], SourceRecord | None] = lambda source: None,
    with_ocr_share: bool = False,
) -> Iterator[SourceRecord]:
    """The records of `sources`, in order, read by `num_processes` reader processes at most 256 ahead of the caller.

    What `known` returns is taken as it is, and nothing is read; no process is started before the first source that it
    does not know. Close the iterator to end the processes early.

    Raises:
        RunStopped: The disk with the cache for remote documents is full, or no storage answers any more.
        InputError: `sources` raised it.
    """
    pool = _Pool(num_processes, limits, passwords, with_ocr_share=with_ocr_share)
    waiting: deque[SourceRecord | Future[SourceRecord]] = deque()
    try:
        for source in sources:
            record = known(source)
            if record is not None and not waiting:
                yield record
                continue
            waiting.append(pool.submit(source) if record is None else record)
            while waiting and (len(waiting) >= _AHEAD or _is_done(waiting[0])):
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())
    finally:
        pool.close()


def _read(source: Source, reader: ReaderProcess, fetcher: Fetcher, with_ocr_share: bool) -> SourceRecord | None:
    """None if the file changed meanwhile."""
    path = fetcher.local_path(source)
    before, doc_id = fetcher.hashed(path, source.uri)
    stamp = source.stamp if find_local_path(source.uri) is None else str(before.st_mtime_ns)
    record = SourceRecord(source.uri, doc_id, before.st_size, stamp, user=source.user)
    try:
        facts = reader.inspect(path, with_ocr_share=with_ocr_share)
    except ProblemError as problem:
        if problem.error.code in TRANSIENT_CODES:
            raise
        found = replace(record, problem=problem.error)
    else:
        found = replace(
            record,
            format=facts.format,
            page_count=facts.page_count,
            ocr_share=facts.ocr_share or 0.0,
            metadata=facts.metadata,
        )
    after = find_stat(path)
    is_same = after is not None and (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    return found if is_same else None


def _lost(source: Source, problem: PageError) -> SourceRecord:
    doc_id = hashlib.sha256(f"uri:{source.uri}".encode()).hexdigest()
    return SourceRecord(source.uri, doc_id, None, source.stamp, user=source.user, problem=problem)


def _is_done(entry: SourceRecord | Future[SourceRecord]) -> bool:
    return isinstance(entry, SourceRecord) or entry.done()


def _result(entry: SourceRecord | Future[SourceRecord]) -> SourceRecord:
    return entry if isinstance(entry, SourceRecord) else entry.result()


_Order = tuple[Source, "Future[SourceRecord]"] | None


class _Pool:
    """Threads with a reader process and a fetcher each, started as they are needed.

    Daemons, so that a document that takes its two minutes does not hold up the end of the program.
    """

    def __init__(self, size: int, limits: ReaderLimits, passwords: Sequence[str], *, with_ocr_share: bool) -> None:
        self._size = max(size, 1)
        self._limits = limits
        self._passwords = passwords
        self._with_ocr_share = with_ocr_share
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def submit(self, source: Source) -> Future[SourceRecord]:
        future: Future[SourceRecord] = Future()
        self._orders.put((source, future))
        if len(self._threads) < self._size:
            self._threads.append(threading.Thread(target=self._serve, name="omnipipe-index", daemon=True))
            self._threads[-1].start()
        return future

    def close(self) -> None:
        self._is_closed = True
        for _ in self._threads:
            self._orders.put(None)
        end = time.monotonic() + _CLOSE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _serve(self) -> None:
        fetcher = Fetcher(silent_seconds=self._limits.document_seconds)
        try:
            with ReaderProcess(self._limits, self._passwords) as reader:
                while (order := self._orders.get()) is not None:
                    if not self._is_closed:
                        work = partial(index_source, order[0], reader, fetcher, with_ocr_share=self._with_ocr_share)
                        _answer(order[1], work)
        finally:
            fetcher.close()


def _answer(future: Future[SourceRecord], work: Callable[[], SourceRecord]) -> None:
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - raised again in the thread that waits for it
        future.set_exception(error)
