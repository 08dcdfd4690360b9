"""Units on a real local Ray: everything once, whoever dies on the way."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnipipe import batch
from omnipipe.errors import RunStopped
from omnipipe.ledger.verify import verify_run
from omnipipe.pipeline import load_pipeline
from omnipipe.runners import local, ray_data
from omnipipe.runners.job import Job
from omnipipe.runners.ray_options import RayOptions
from omnipipe.unit import Receipt, Unit
from tests.pdfs import pdf_of_texts
from tests.ray_local import own_ray
from tests.ray_stage import NUM_PAGES, SayName, job_in, rows_of, units_of
from tests.rows import column

# Ray warns of its own deprecations and of small datasets, from threads of its own.
pytestmark = pytest.mark.filterwarnings(r"ignore::Warning:ray\.")


@pytest.fixture(scope="module", autouse=True)
def ray_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Ray for all tests here, on loopback only; a run that finds one leaves it as it is."""
    from omnipipe.runners.ray_session import RaySession

    with own_ray(), RaySession(RayOptions(address="local"), tmp_path_factory.mktemp("ray")):
        yield


def run(job: Job, units: list[Unit]) -> list[Receipt]:
    receipts: list[Receipt] = []
    ray_data.execute(job, units, on_receipt=receipts.append, options=RayOptions(concurrency=(2, 2)))
    return receipts


@pytest.mark.parametrize("size", [1, 7, 64])
def test_rows_are_those_of_the_local_runner_whatever_the_unit_size(tmp_path: Path, size: int) -> None:
    beside: list[Receipt] = []
    local.execute(job_in(tmp_path / "local", SayName()), units_of(5), on_receipt=beside.append)

    receipts = run(job_in(tmp_path / "ray", SayName()), units_of(size))

    assert rows_of(tmp_path / "ray").equals(rows_of(tmp_path / "local"))
    assert sum(receipt.num_pages for receipt in receipts) == NUM_PAGES
    assert Counter(receipt.unit_id for receipt in receipts) == Counter(unit.id for unit in units_of(size))


def test_units_run_while_later_ones_are_still_planned(tmp_path: Path) -> None:
    """The planner gives its second window only when the first is done: waiting for its end would be for ever."""
    receipts: list[Receipt] = []
    units = units_of(2)

    def planned() -> Iterator[Unit]:
        for place, unit in enumerate(units):
            while place >= 4 and len(receipts) < place - 3:
                time.sleep(0.01)
            yield unit

    ray_data.execute(
        job_in(tmp_path, SayName()), planned(), on_receipt=receipts.append, options=RayOptions(concurrency=(1, 1))
    )

    assert len(receipts) == len(units)


def test_no_units_are_no_work(tmp_path: Path) -> None:
    assert run(job_in(tmp_path, SayName()), []) == []


def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    stage = SayName(deadly_once=str(tmp_path / "died"))

    receipts = run(job_in(tmp_path / "run", stage), units_of(4))

    rows = rows_of(tmp_path / "run")
    assert (tmp_path / "died").exists()
    assert rows["page_index"].to_pylist() == list(range(NUM_PAGES))
    assert set(rows["status"].to_pylist()) == {"ok"}
    assert len(receipts) == 6


def test_a_page_that_always_kills_its_worker_ends_as_an_error_row(tmp_path: Path) -> None:
    receipts = run(job_in(tmp_path, SayName(deadly=(9,))), units_of(4))

    rows = rows_of(tmp_path).to_pylist()
    assert [row["page_index"] for row in rows if row["status"] == "failed"] == [9]
    assert rows[9]["error_code"] == "worker_died"
    assert [row["text"] for row in rows if row["page_index"] != 9] == [
        f"{'d' * 64}#{index}" for index in range(NUM_PAGES) if index != 9
    ]
    assert sum(receipt.num_pages for receipt in receipts) == NUM_PAGES


def test_a_full_disk_stops_the_run_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(RunStopped, match="the disk is full"):
        run(job_in(tmp_path, SayName(disk_full_at=6)), units_of(4))


def test_what_the_planner_raises_is_raised_when_the_rest_is_done(tmp_path: Path) -> None:
    receipts: list[Receipt] = []

    def planned() -> Iterator[Unit]:
        yield from units_of(4)
        raise RunStopped("the plan cannot be written")

    with pytest.raises(RunStopped, match="the plan cannot be written"):
        ray_data.execute(job_in(tmp_path, SayName()), planned(), on_receipt=receipts.append)

    assert sum(receipt.num_pages for receipt in receipts) == NUM_PAGES


def test_what_a_receipt_brings_up_ends_the_run(tmp_path: Path) -> None:
    def refuse(receipt: Receipt) -> None:
        raise RunStopped(f"too many failed after {receipt.num_pages} pages")

    with pytest.raises(RunStopped, match="too many failed after 4 pages"):
        ray_data.execute(job_in(tmp_path, SayName()), units_of(4), on_receipt=refuse)


def test_a_stage_in_a_file_of_the_users_own_runs_on_workers(tmp_path: Path) -> None:
    file = tmp_path / "shout.py"
    file.write_text(
        "from omnipipe import Page, Pipeline, Stage\n"
        "from omnipipe.stages.read import Read\n"
        "class Shout(Stage):\n"
        "    word: str = 'hello'\n"
        "    def wants(self, page):\n"
        "        return True\n"
        "    def process(self, pages):\n"
        "        return [page.with_(status='ok', text=shouted(self.word)) for page in pages]\n"
        "def shouted(word):\n"
        "    return word.upper()\n"
        "pipeline = Pipeline('shout', (Read(), Shout(word='hey')))\n"
    )

    run(job_in(tmp_path / "run", load_pipeline(file)), units_of(12))

    assert set(rows_of(tmp_path / "run")["text"].to_pylist()) == {"HEY"}


USERS_FILE = """
from collections.abc import Sequence

from omnipipe import Page, Pipeline, Stage
from omnipipe.stages.read import Read


class Shout(Stage):
    def wants(self, page: Page) -> bool:
        return page.status == "ok"

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        return [page.with_(text=(page.text or "").upper()) for page in pages]


pipeline = Pipeline("shout", (Read(), Shout()))
"""


def test_a_users_own_stage_runs_on_ray_and_its_run_verifies(tmp_path: Path) -> None:
    """Workers have the class by value and not its source, which is part of the config hash."""
    (tmp_path / "shout.py").write_text(USERS_FILE)
    (tmp_path / "a.pdf").write_bytes(pdf_of_texts(["a page of quiet words"]))

    batch.run(tmp_path / "shout.py", tmp_path / "a.pdf", tmp_path / "out", batch.RunOptions(concurrency=(1, 1)))

    assert column(tmp_path / "out", "text") == ["A PAGE OF QUIET WORDS"]
    assert verify_run(tmp_path / "out").problems == []
    dataset = ray_data.to_dataset(tmp_path / "shout.py", tmp_path / "a.pdf")
    assert [row["config_hash"] for row in dataset.take_all()] == column(tmp_path / "out", "config_hash")
