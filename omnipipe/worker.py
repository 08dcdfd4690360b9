"""A worker: neighbouring stages in one process, and the promise that every page that goes in comes out."""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omnipipe.engines.thread import EngineHost
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits, ReaderProcess
from omnipipe.sources.fetch import Fetcher
from omnipipe.stages.base import Answers, Stage, WaitingStage
from omnipipe.stages.deadline import find_limit
from omnipipe.stages.isolation import choose, close_stage, isolated, may_want, open_stage
from omnipipe.unit import DocumentRef, Unit

if TYPE_CHECKING:
    from omnipipe.engines.base import EngineConfig
    from omnipipe.engines.thread import EngineThread
    from omnipipe.model import Completion

# Pages whose pixels exist at once in a worker: a raw page for OCR is 2 to 7 MB.
_PAGES_WITH_PIXELS = 4

# Pages that are drawn before they are sent to an engine together: small, so that it gets its first pages soon.
_PAGES_TO_SEND = 8


class NoAnswers:
    """Keeps nothing: for work that is not committed, and engines whose answers cost nothing."""

    def find(self, key: str) -> Completion | None:
        """None."""
        return None

    def keep(self, key: str, completion: Completion) -> None:
        """Forget it."""


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

    def __init__(
        self,
        pipeline: Pipeline,
        options: WorkerOptions | None = None,
        *,
        pass_index: int = 0,
        engines: EngineHost | None = None,
    ) -> None:
        passes = pipeline.passes
        self._stages, self._afterwards, _ = passes[pass_index]
        self._is_last = pass_index == len(passes) - 1
        self._own_engines = EngineHost() if engines is None else None
        self._engines = engines or self._own_engines or EngineHost()
        self.answers: Answers = NoAnswers()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.stage_seconds: dict[str, float] = {}
        self.lent_files: dict[str, str] = {}
        """Local files by `doc_id` that the caller knows to be right: read without a look at the document's uri."""
        self._pipeline = pipeline
        self._options = options or WorkerOptions()
        self._reader: ReaderProcess | None = None
        silent_seconds = self._options.limits.document_seconds
        self._fetcher = Fetcher(self._options.cache_dir, silent_seconds=silent_seconds)
        self._documents: dict[str, DocumentRef] = {}
        self._one_by_one: set[int] = set()
        for stage in (*self._stages, *self._afterwards):
            open_stage(stage, self)

    def engine(self, config: EngineConfig) -> EngineThread:
        """The engine of `config`; see `StageContext`."""
        return self._engines.engine(config)

    def wait(self) -> None:
        """Return when the engines are loaded.

        Raises:
            UserError: One cannot be loaded.
        """
        self._engines.wait()

    @property
    def reader(self) -> ReaderProcess:
        """The child process that reads documents, started at first use."""
        if self._reader is None:
            self._reader = ReaderProcess(self._options.limits, self._options.passwords)
        return self._reader

    def local_path(self, page: Page) -> str:
        """A local file with the bytes of the page's document; see `StageContext`."""
        lent = self.lent_files.get(page.doc_id)
        return lent if lent is not None else self._fetcher.local_path(self._documents[page.doc_id])

    def start_pages(self, unit: Unit, known: Sequence[Page] | None = None) -> list[Page]:
        """The unit's rows before this pass saw them; problems and skipped ranges are finished rows already.

        `known` are the same pages as an earlier pass left them, in any order.
        """
        self._documents = {member.document.doc_id: member.document for member in unit.members}
        pages = list(_start_pages(unit))
        if known is None:
            return pages
        left = {page.id: page for page in known}
        # The document may have moved since: its place is the unit's, all else the earlier pass's.
        return [left[page.id].with_(uri=page.uri) if page.id in left else page for page in pages]

    def process(self, pages: Sequence[Page], answers: Answers | None = None) -> list[Page]:
        """The same pages, finished, in the same order and without pixels; open only where a later pass takes them."""
        self.answers = answers or NoAnswers()
        head, tail = _split(self._stages)
        done = list(pages)
        for stage in head:
            done = self._apply(stage, done)
        if tail:
            self._process_pictures(tail, done)
        if self._is_last:
            done = [self._end(page) if page.is_open else page for page in done]
        for stage in self._afterwards:
            done = self._apply_to_finished(stage, done)
        return done

    def _process_pictures(self, tail: Sequence[Stage], done: list[Page]) -> None:
        waiting: list[tuple[list[int], Callable[[], list[Page]]]] = []
        for chunk in _chunks(done, tail):
            part = [done[i] for i in chunk]
            for place, stage in enumerate(tail):
                if isinstance(stage, WaitingStage):
                    waiting.append((chunk, self._handed_over(stage, part, tail[place + 1 :])))
                    break
                part = self._apply(stage, part)
            else:
                _put(done, chunk, _without_pictures(part))
        for chunk, wait in waiting:
            _put(done, chunk, _without_pictures(wait()))

    def _handed_over(self, stage: WaitingStage, pages: list[Page], rest: Sequence[Stage]) -> Callable[[], list[Page]]:
        wanted, kept = choose(stage, pages)
        given = [pages[i] for i in wanted]
        wait = stage.start(given) if given else None

        def answered() -> list[Page]:
            done = list(kept)
            if wait is not None:
                started = time.perf_counter()
                for i, page in zip(wanted, isolated(stage, given, wait, self), strict=True):
                    done[i] = page
                self._spent(stage, time.perf_counter() - started)
            for later in rest:
                done = self._apply(later, done)
            return done

        return answered

    def _apply_to_finished(self, stage: Stage, pages: list[Page]) -> list[Page]:
        finished = [i for i, page in enumerate(pages) if not page.is_open]
        done = list(pages)
        _put(done, finished, self._apply(stage, [pages[i] for i in finished]))
        return done

    def run(self, unit: Unit) -> list[Page]:
        """All rows of `unit`, in its order."""
        return self.process(self.start_pages(unit))

    def close(self) -> None:
        for stage in (*self._stages, *self._afterwards):
            close_stage(stage)
        if self._own_engines is not None:
            self._own_engines.close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._fetcher.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _apply(self, stage: Stage, pages: list[Page]) -> list[Page]:
        wanted, done = choose(stage, pages)
        if not wanted:
            return done
        started = time.perf_counter()
        rest = deque(wanted)
        while rest:
            batch = [rest.popleft() for _ in range(min(len(rest), self._batch_size(stage)))]
            given = [pages[i] for i in batch]
            began = time.perf_counter()
            finished = isolated(stage, given, lambda given=given: stage.process(given), self)  # type: ignore[misc]
            self._note_pace(stage, finished, time.perf_counter() - began)
            _put(done, batch, finished)
        self._spent(stage, time.perf_counter() - started)
        return done

    def _batch_size(self, stage: Stage) -> int:
        return 1 if id(stage) in self._one_by_one else stage.batch_size

    def _note_pace(self, stage: Stage, finished: Sequence[Page], seconds: float) -> None:
        limit = find_limit(stage)
        if limit is None or seconds <= limit:
            return
        # Where no page was late alone, the stage is slow: the next batch would be cut off as well, for nothing.
        if not any(page.error is not None and page.error.code == "stage_timeout" for page in finished):
            self._one_by_one.add(id(stage))

    def _spent(self, stage: Stage, seconds: float) -> None:
        name = type(stage).__name__
        self.stage_seconds[name] = self.stage_seconds.get(name, 0.0) + seconds

    def _end(self, page: Page) -> Page:
        if page.text is not None:
            return page.with_(status="fallback", image=None)
        if page.error is not None:
            return page.failed(page.error.code, page.error.message)
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


def _without_pictures(pages: Sequence[Page]) -> list[Page]:
    return [page.with_(image=None) if page.image is not None else page for page in pages]


def _put(pages: list[Page], places: Sequence[int], changed: Sequence[Page]) -> None:
    for place, page in zip(places, changed, strict=True):
        pages[place] = page


def _chunks(pages: Sequence[Page], stages: Sequence[Stage]) -> Iterator[list[int]]:
    # Only the pages that get pixels count: chunks of text pages may be long.
    most = _PAGES_TO_SEND if any(isinstance(stage, WaitingStage) for stage in stages) else _PAGES_WITH_PIXELS
    chunk: list[int] = []
    with_pixels = 0
    for i, page in enumerate(pages):
        chunk.append(i)
        with_pixels += may_want(stages[0], page)
        if with_pixels == most:
            yield chunk
            chunk, with_pixels = [], 0
    if chunk:
        yield chunk
