"""All passes of a pipeline, one after the other in this process: for work that is not committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from omnipipe.engines.thread import EngineHost
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderProcess
from omnipipe.stages.base import Answers
from omnipipe.unit import Unit
from omnipipe.worker import Worker, WorkerOptions


class Chain:
    """Takes pages through every pass of a pipeline. Later passes are opened when the first page gets there.

    `engines` are those that several chains of a process share; they stay open. A chain opens the stages of the pipeline
    that it is given: two chains need a copy each. Use it as a context manager, or call `close`.
    """

    def __init__(
        self, pipeline: Pipeline, options: WorkerOptions | None = None, *, engines: EngineHost | None = None
    ) -> None:
        self._pipeline = pipeline
        self._options = options
        self._own_engines = EngineHost() if engines is None else None
        self._engines = engines or self._own_engines or EngineHost()
        self._num_passes = len(pipeline.passes)
        self._workers = [Worker(pipeline, options, engines=self._engines)]
        self._unit: Unit | None = None
        self._files: dict[str, str] = {}

    @property
    def reader(self) -> ReaderProcess:
        """The first pass's child process that reads documents."""
        return self._workers[0].reader

    def start_pages(self, unit: Unit) -> list[Page]:
        """See `Worker.start_pages`."""
        self._unit = unit
        for worker in self._workers[1:]:
            worker.start_pages(unit)
        return self._workers[0].start_pages(unit)

    def lend(self, files: dict[str, str]) -> None:
        """Read the documents of these `doc_id`s from these local files, unchecked, whatever their uri says."""
        self._files = files
        for worker in self._workers:
            worker.lent_files = files

    @property
    def stage_seconds(self) -> dict[str, float]:
        """Seconds that each stage took so far, in all passes."""
        total: Counter[str] = Counter()
        for worker in self._workers:
            total.update(worker.stage_seconds)
        return dict(total)

    def process(self, pages: Sequence[Page], answers: Answers | None = None) -> list[Page]:
        """The same pages, finished, in the same order; `answers` keeps dear ones."""
        done = self._workers[0].process(pages, answers)
        for index in range(1, self._num_passes):
            places = [place for place, page in enumerate(done) if page.is_open]
            if not places:
                break
            answered = self._worker(index).process([done[place] for place in places], answers)
            for place, page in zip(places, answered, strict=True):
                done[place] = page
        return done

    def run(self, unit: Unit) -> list[Page]:
        """All rows of `unit`, in its order."""
        return self.process(self.start_pages(unit))

    def close(self) -> None:
        """End the reader processes and the engines that it opened."""
        for worker in self._workers:
            worker.close()
        if self._own_engines is not None:
            self._own_engines.close()

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _worker(self, index: int) -> Worker:
        while len(self._workers) <= index:
            worker = Worker(self._pipeline, self._options, pass_index=len(self._workers), engines=self._engines)
            worker.lent_files = self._files
            if self._unit is not None:
                worker.start_pages(self._unit)
            self._workers.append(worker)
        return self._workers[index]
