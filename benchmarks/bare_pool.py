"""The least that could do the work: a process pool over the same library that keeps and writes nothing.

`stage_rate` calls the very stages of a pipeline, in the pool's own processes; `raw_text_rate` only takes the text that
PDFium gives. Neither has a deadline, a memory limit or a second try: one bad document ends them.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from omnipipe.page import Page, PageError, Pixels
    from omnipipe.reading.facts import DocumentFacts, PageFacts, ReadOptions, RenderPolicy
    from omnipipe.stages.base import Stage, StageContext

_stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """What a pool did. `chars` shows that the text was really taken."""

    pages: int
    chars: int
    seconds: float

    @property
    def pages_per_second(self) -> float:
        return self.pages / self.seconds


def stage_rate(
    paths: Sequence[Path], pipeline: str = "text_layer", *, processes: int = 2, documents_a_task: int = 6
) -> Rate:
    """Pages per second of the named pipeline's stages in a bare pool, its start not counted."""
    return _rate(_run_stages, paths, processes, pipeline, documents_a_task)


def raw_text_rate(paths: Sequence[Path], *, processes: int = 2) -> Rate:
    """Pages per second of a bare pool that asks PDFium for each page's text and nothing else."""
    return _rate(_take_raw_text, paths, processes, None, 6)


def _rate(
    work: Callable[[list[str]], tuple[int, int]],
    paths: Sequence[Path],
    processes: int,
    pipeline: str | None,
    documents_a_task: int,
) -> Rate:
    names = [str(path) for path in paths]
    tasks = [names[i : i + documents_a_task] for i in range(0, len(names), documents_a_task)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=_open, initargs=(pipeline, names[0])) as pool:
        # Processes that are still loading take no task: after this all have opened their stages and read a page.
        list(pool.map(time.sleep, [0.5] * processes * 2))
        started = time.perf_counter()
        done = list(pool.map(work, tasks))
        seconds = time.perf_counter() - started
    return Rate(sum(pages for pages, _ in done), sum(chars for _, chars in done), seconds)


def _open(pipeline: str | None, sample: str) -> None:
    global _stages
    if pipeline is None:
        _take_raw_text([sample])
        return
    from omnipipe.pipeline import load_pipeline

    _stages = load_pipeline(pipeline).stages
    context = cast("StageContext", _Context())
    for stage in _stages:
        stage.open(context)
    _through_stages(_start(sample)[:1])


def _run_stages(names: list[str]) -> tuple[int, int]:
    num_pages = num_chars = 0
    for name in names:
        pages = _through_stages(_start(name))
        num_pages += len(pages)
        num_chars += sum(len(page.text or "") for page in pages)
    return num_pages, num_chars


def _through_stages(pages: list[Page]) -> list[Page]:
    for stage in _stages:
        pages = _apply(stage, pages)
    return pages


def _start(name: str) -> list[Page]:
    from omnipipe.page import Page
    from omnipipe.reading.opening import open_source

    source = open_source(name, ())
    count = source.page_count
    source.close()
    return [Page(doc_id=name, uri=name, index=i, count=count) for i in range(count)]


def _apply(stage: Stage, pages: list[Page]) -> list[Page]:
    wanted = [i for i, page in enumerate(pages) if stage.wants(page)]
    done = list(pages)
    for first in range(0, len(wanted), stage.batch_size):
        batch = wanted[first : first + stage.batch_size]
        for i, page in zip(batch, stage.process([pages[i] for i in batch]), strict=True):
            done[i] = page
    return done


def _take_raw_text(names: list[str]) -> tuple[int, int]:
    import pypdfium2

    num_pages = num_chars = 0
    for name in names:
        document = pypdfium2.PdfDocument(name)
        for page in document:
            textpage = page.get_textpage()
            num_chars += len(textpage.get_text_bounded())
            num_pages += 1
            textpage.close()
            page.close()
        document.close()
    return num_pages, num_chars


class _InProcessReader:
    """What a stage asks of the reader process, done in this process."""

    def inspect(self, path: str) -> DocumentFacts:
        raise NotImplementedError(f"{path}: stages do not index documents")

    def read_pages(self, path: str, indices: Sequence[int], options: ReadOptions) -> Iterator[PageFacts | PageError]:
        from omnipipe.reading.opening import open_source
        from omnipipe.reading.source import Watch

        source = open_source(path, ())
        watch = Watch(early=lambda facts: None, sampling=lambda index: None)
        for index in indices:
            yield source.read(index, options, watch)
        source.close()

    def render_pages(self, path: str, indices: Sequence[int], policy: RenderPolicy) -> Iterator[Pixels | PageError]:
        from omnipipe.reading.opening import open_source

        source = open_source(path, ())
        for index in indices:
            yield source.render(index, policy)
        source.close()


class _Context:
    def __init__(self) -> None:
        self.reader = _InProcessReader()

    def local_path(self, page: Page) -> str:
        return page.uri
