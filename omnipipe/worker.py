"""A worker: neighbouring stages in one process, and the promise that every page that goes in comes out."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omnipipe.errors import EngineDeadError, RunStopped
from omnipipe.page import Page, ProblemError
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.sources.fetch import Fetcher
from omnipipe.stages.base import Stage
from omnipipe.unit import DocumentRef, Unit

# Pages whose pixels exist at once in a worker: a raw page for OCR is 2 to 7 MB.
_PAGES_WITH_PIXELS = 4

# What ends a worker or a run, and is never one page's fault.
_NOT_THE_PAGES_FAULT = (EngineDeadError, RunStopped)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How a worker does its work; nothing here changes a row. Passwords are never written or shown."""

    limits: ReaderLimits = field(default_factory=ReaderLimits)
    passwords: tuple[str, ...] = field(default=(), repr=False)
    cache_dir: Path | None = None


class Worker:
    """Runs all stages of a pipeline over pages, in this process.

    A stage that raises costs one page: its batch is repeated page by page and the culprit becomes an error row.
    Use it as a context manager, or call `close`.
    """

    def __init__(self, pipeline: Pipeline, options: WorkerOptions | None = None) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.stage_seconds: dict[str, float] = {}
        self._pipeline = pipeline
        self._options = options or WorkerOptions()
        self._reader: ReaderProcess | None = None
        self._fetcher = Fetcher(self._options.cache_dir)
        self._documents: dict[str, DocumentRef] = {}
        for stage in pipeline.stages:
            stage.open(self)

    @property
    def reader(self) -> ReaderProcess:
        """The child process that reads documents, started at first use."""
        if self._reader is None:
            self._reader = ReaderProcess(self._options.limits, self._options.passwords)
        return self._reader

    def local_path(self, page: Page) -> str:
        """A local file with the bytes of the page's document; see `StageContext`."""
        return self._fetcher.local_path(self._documents[page.doc_id])

    def start_pages(self, unit: Unit) -> list[Page]:
        """The unit's rows before any stage saw them; problems and skipped ranges are finished rows already."""
        self._documents = {member.document.doc_id: member.document for member in unit.members}
        return list(_start_pages(unit))

    def process(self, pages: Sequence[Page]) -> list[Page]:
        """The same pages, finished: as many, in the same order, none of them open, without pixels."""
        head, tail = _split(self._pipeline.stages)
        done = list(pages)
        for stage in head:
            done = self._apply(stage, done)
        if tail:
            for chunk in _chunks(done, tail):
                part = [done[i] for i in chunk]
                for stage in tail:
                    part = self._apply(stage, part)
                for i, page in zip(chunk, part, strict=True):
                    done[i] = page.with_(image=None) if page.image is not None else page
        return [self._end(page) if page.is_open else page for page in done]

    def run(self, unit: Unit) -> list[Page]:
        """All rows of `unit`, in its order."""
        return self.process(self.start_pages(unit))

    def close(self) -> None:
        for stage in self._pipeline.stages:
            stage.close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._fetcher.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _apply(self, stage: Stage, pages: list[Page]) -> list[Page]:
        wanted = [i for i, page in enumerate(pages) if stage.wants(page)]
        if not wanted:
            return pages
        started = time.perf_counter()
        done = list(pages)
        for first in range(0, len(wanted), stage.batch_size):
            batch = wanted[first : first + stage.batch_size]
            for i, page in zip(batch, _isolated(stage, [pages[i] for i in batch]), strict=True):
                done[i] = page
        name = type(stage).__name__
        self.stage_seconds[name] = self.stage_seconds.get(name, 0.0) + time.perf_counter() - started
        return done

    def _end(self, page: Page) -> Page:
        if page.text is not None:
            return page.with_(status="fallback", image=None)
        reason = page.route_reason or "it is still open"
        message = f"no stage of pipeline {self._pipeline.name!r} reads this page ({reason}). Use a pipeline with OCR."
        return page.failed("unanswered", message).with_(status="skipped")


def _start_pages(unit: Unit) -> Iterator[Page]:
    for document, start, stop, kind, problem in unit.members:
        if kind == "read":
            for index in range(start, stop):
                yield Page(doc_id=document.doc_id, uri=document.uri, index=index, count=document.count)
            continue
        page = Page(doc_id=document.doc_id, uri=document.uri, index=start, count=document.count, num_pages=stop - start)
        if kind == "problem" and problem is not None:
            yield page.failed(problem.code, problem.message)
        else:
            message = f"pages {start + 1} to {stop} were not read. Raise --max-pages to read them."
            yield page.failed("max_pages", message).with_(status="skipped")


def _split(stages: Sequence[Stage]) -> tuple[Sequence[Stage], Sequence[Stage]]:
    first = next((i for i, stage in enumerate(stages) if stage.makes_pixels), len(stages))
    return stages[:first], stages[first:]


def _chunks(pages: Sequence[Page], stages: Sequence[Stage]) -> Iterator[list[int]]:
    # Only the pages that get pixels count: chunks of text pages may be long.
    chunk: list[int] = []
    with_pixels = 0
    for i, page in enumerate(pages):
        chunk.append(i)
        with_pixels += stages[0].wants(page)
        if with_pixels == _PAGES_WITH_PIXELS:
            yield chunk
            chunk, with_pixels = [], 0
    if chunk:
        yield chunk


def _isolated(stage: Stage, pages: Sequence[Page]) -> Sequence[Page]:
    """What `stage` makes of `pages`; a page that makes it raise is an error row, its neighbours are not."""
    try:
        return _checked(stage, pages, stage.process(pages))
    except _NOT_THE_PAGES_FAULT:
        raise
    except Exception as error:
        if len(pages) == 1:
            return [_error_row(stage, pages[0], error)]
        return [_isolated(stage, [page])[0] for page in pages]


def _checked(stage: Stage, before: Sequence[Page], after: Sequence[Page]) -> Sequence[Page]:
    if [page.id for page in after] != [page.id for page in before]:
        raise ValueError(
            f"stage {type(stage).__name__} returned {len(after)} pages for {len(before)}, or in another order. "
            "A stage returns the pages that it was given, one to one."
        )
    return after


def _error_row(stage: Stage, page: Page, error: Exception) -> Page:
    if isinstance(error, ProblemError):
        return page.failed(error.error.code, error.error.message)
    if isinstance(error, MemoryError):
        return page.failed("oom", f"stage {type(stage).__name__} ran out of memory on this page")
    return page.failed("stage_error", f"stage {type(stage).__name__} raised {type(error).__name__}: {error}")
