"""Units of one worker, one after the other: what is committed, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from omnipipe import Page, Stage
from omnipipe.errors import RunStopped
from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.packing import UnitSize
from omnipipe.pipeline import Pipeline
from omnipipe.reading.process import ReaderLimits
from omnipipe.runners.crew import Crew
from omnipipe.runners.job import Job
from omnipipe.sources.expand import expand
from omnipipe.sources.index import index_sources
from omnipipe.stages.read import Read
from omnipipe.unit import Unit
from tests.pdfs import pdf_of_contents

TEXT = b"BT /F1 11 Tf 72 700 Td (A page with a few words that anybody can read in peace.) Tj ET"


class Stopping(Stage):
    """Ends the run at the page of that index."""

    at: int

    def wants(self, page: Page) -> bool:
        return page.index == self.at

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        raise RunStopped("as was asked")


@contextmanager
def units_of(tmp_path: Path, pipeline: Pipeline) -> Iterator[tuple[Crew, list[Unit], Path]]:
    """A crew, three units of two pages each, and the folder that holds the committed ones."""
    document = tmp_path / "six.pdf"
    document.write_bytes(pdf_of_contents([TEXT] * 6))
    with Ledger.open(tmp_path / "out", pipeline) as ledger:
        records = list(index_sources(expand([document]), num_processes=1, limits=ReaderLimits()))
        ledger.add_sources(records)
        job = Job(pipeline=pipeline, run_dir=ledger.run_dir, run_id=ledger.run_id, boot_id=ledger.boot_id)
        units = list(ledger.plan(records, size=UnitSize(max_pages=2)))
        assert [unit.num_pages for unit in units] == [2, 2, 2]
        with closing(Crew(job, 0)) as crew:
            yield crew, units, ledger.run_dir / "pages"


def committed(folder: Path) -> int:
    return len(list(folder.rglob("*.parquet")))


def test_a_unit_is_committed_while_the_next_one_is_worked_on(tmp_path: Path) -> None:
    taken: list[str] = []

    def noted(units: Sequence[Unit]) -> Iterator[Unit]:
        for unit in units:
            taken.append(unit.id)
            yield unit

    with units_of(tmp_path, Pipeline("p", (Read(),))) as (crew, units, folder):
        seen = []
        for number, receipt in enumerate(crew.run(noted(units)), start=1):
            assert committed(folder) >= number
            seen.append((receipt.unit_id, len(taken)))

    assert seen == [(units[0].id, 2), (units[1].id, 3), (units[2].id, 3)]


def test_what_was_worked_on_is_committed_before_the_next_units_error_is_raised(tmp_path: Path) -> None:
    with units_of(tmp_path, Pipeline("p", (Read(), Stopping(at=3)))) as (crew, units, folder):
        receipts = crew.run(units)

        assert next(receipts).unit_id == units[0].id
        assert committed(folder) == 1
        with pytest.raises(RunStopped, match="as was asked"):
            next(receipts)


def test_a_commit_that_fails_ends_the_units_after_it(tmp_path: Path) -> None:
    with units_of(tmp_path, Pipeline("p", (Read(),))) as (crew, units, folder):
        folder.rename(folder.with_name("elsewhere"))
        with pytest.raises(RunStopped):
            list(crew.run(units))

        folder.with_name("elsewhere").rename(folder)
        assert [receipt.num_pages for receipt in crew.run(units)] == [2, 2, 2]
        assert committed(folder) == 3
