"""A job whose pages say who they are, and that can die or run out of disk where a test wants it to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from omnipipe.errors import RunStopped
from omnipipe.ledger.ledger import Ledger
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline
from omnipipe.runners.job import Job
from omnipipe.schema import RESULT_COLUMNS
from omnipipe.stages.base import Stage
from omnipipe.unit import DocumentRef, Member, Unit

NUM_PAGES = 24


class SayName(Stage):
    """Each page's text is its id. Indices in `deadly` kill the process; `deadly_once` does so until the file exists."""

    seconds: float = 0.0
    deadly: tuple[int, ...] = ()
    deadly_once: str | None = None
    disk_full_at: int | None = None

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        return [self._name(page) for page in pages]

    def _name(self, page: Page) -> Page:
        time.sleep(self.seconds)
        if page.index in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.deadly_once is not None and page.index == 1 and not Path(self.deadly_once).exists():
            Path(self.deadly_once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if page.index == self.disk_full_at:
            raise RunStopped("the disk is full")
        return page.with_(status="ok", route="text_layer", text=page.id, text_format="markdown")


def units_of(size: int, num_pages: int = NUM_PAGES) -> list[Unit]:
    """Units of `size` pages of one document that only its reference is needed of."""
    document = DocumentRef(doc_id="d" * 64, uri="document.pdf", count=num_pages, format="pdf")
    return [
        Unit(id=f"{start:04d}-{size:04d}", members=(Member(document, start, min(start + size, num_pages)),))
        for start in range(0, num_pages, size)
    ]


def job_in(folder: Path, stage: SayName | Pipeline) -> Job:
    """A run directory and the job that fills it."""
    pipeline = stage if isinstance(stage, Pipeline) else Pipeline("names", (stage,))
    with Ledger.open(folder, pipeline) as ledger:
        return Job(pipeline=pipeline, run_dir=ledger.run_dir, run_id=ledger.run_id, boot_id=ledger.boot_id)


def rows_of(folder: Path) -> pa.Table:
    """The result columns of all committed rows, by page."""
    files = sorted((folder / "pages").glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(file) for file in files])
    return table.select(list(RESULT_COLUMNS)).sort_by("page_index")
