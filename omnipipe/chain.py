"""All passes of a pipeline, one after the other in this process: for work that is not committed."""

from __future__ import annotations

from collections.abc import Sequence

from omnipipe.engines.thread import EngineHost
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderProcess
from omnipipe.unit import Unit
from omnipipe.worker import Worker, WorkerOptions


class Chain:
    """Takes pages through every pass of a pipeline. Later passes are opened when the first page gets there.

    Use it as a context manager, or call `close`.
    """

    def __init__(self, pipeline: Pipeline, options: WorkerOptions | None = None) -> None:
        self._pipeline = pipeline
        self._options = options
        self._engines = EngineHost()
        self._num_passes = len(pipeline.passes)
        self._workers = [Worker(pipeline, options, engines=self._engines)]
        self._unit: Unit | None = None

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

    def process(self, pages: Sequence[Page]) -> list[Page]:
        """The same pages, finished, in the same order."""
        done = self._workers[0].process(pages)
        for index in range(1, self._num_passes):
            places = [place for place, page in enumerate(done) if page.is_open]
            if not places:
                break
            answered = self._worker(index).process([done[place] for place in places])
            for place, page in zip(places, answered, strict=True):
                done[place] = page
        return done

    def run(self, unit: Unit) -> list[Page]:
        """All rows of `unit`, in its order."""
        return self.process(self.start_pages(unit))

    def close(self) -> None:
        """End the reader processes and the engines."""
        for worker in self._workers:
            worker.close()
        self._engines.close()

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _worker(self, index: int) -> Worker:
        while len(self._workers) <= index:
            worker = Worker(self._pipeline, self._options, pass_index=len(self._workers), engines=self._engines)
            if self._unit is not None:
                worker.start_pages(self._unit)
            self._workers.append(worker)
        return self._workers[index]
