"""Parts of `documents/` that other processes write: the same files, and nothing is lost with such a process."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import weakref
from contextlib import closing
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from omnipipe.ledger import documents
from omnipipe.ledger.beside import Beside, num_spare
from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.packing import UnitSize
from tests.ledgerkit import PIPELINE, record, run_all

ROOT = Path(__file__).resolve().parents[2]


def finished(folder: Path) -> list[dict[str, object]]:
    """The rows of `documents/` of a run of 20 documents in 10 parts, by document, without the id of their run."""
    with Ledger.open(folder, PIPELINE) as ledger:
        records = [record(f"/in/{number}.pdf", 3) for number in range(20)]
        ledger.add_sources(records)
        list(ledger.plan(records, size=UnitSize(max_pages=7)))
        run_all(ledger)
        assert ledger.finish().num_documents == 20
    parts = sorted((folder / "documents").iterdir())
    assert len(parts) == 10
    rows = [row for part in parts for row in pq.read_table(part).drop_columns("run_id").to_pylist()]
    return sorted(rows, key=lambda row: str(row["id"]))


def write_and_tell(part: documents.PartTask) -> None:
    """Write a part, and beside its run which process did."""
    _write_part(part)
    part.root.with_suffix(".by").mkdir(exist_ok=True)
    (part.root.with_suffix(".by") / part.name).write_text(str(os.getpid()))


_write_part = documents.write_part


def die_elsewhere(part: documents.PartTask) -> None:
    """Write a part in the process of the test; any other ends."""
    if os.environ["HERE"] != str(os.getpid()):
        os._exit(3)
    write_and_tell(part)


def writers(folder: Path) -> set[int]:
    return {int(path.read_text()) for path in folder.with_suffix(".by").iterdir()}


def write_file(path: Path) -> None:
    """What a process does here: say who wrote it, and take its time, or end."""
    path.write_text(str(os.getpid()))
    if path.name == "slow":
        time.sleep(600)
    if path.name == "fails":
        raise ValueError(path)


class Kept:
    """A task that can be seen to be let go."""

    def __init__(self, number: int) -> None:
        self.number = number


def keep(task: object) -> None:
    """Do nothing."""


def wait_for(path: Path) -> int:
    """The process that wrote `path`."""
    end = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return int(path.read_text())


def ends(pid: int) -> bool:
    """Whether a process ends within a minute."""
    end = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_parts_are_the_same_whoever_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "PART_DOCUMENTS", 2)
    monkeypatch.setattr(documents, "write_part", write_and_tell)
    rows = {}
    for count in (0, 1, 3):
        monkeypatch.setattr(documents, "num_spare", lambda num_parts, count=count: count)
        rows[count] = finished(tmp_path / str(count))

    assert rows[0] == rows[1] == rows[3]
    assert writers(tmp_path / "0") == {os.getpid()}
    # The first parts are offered before this process writes one.
    assert len(writers(tmp_path / "3") - {os.getpid()}) == 3


def test_what_an_ended_process_was_given_is_written_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "PART_DOCUMENTS", 2)
    monkeypatch.setattr(documents, "num_spare", lambda num_parts: 2)
    monkeypatch.setattr(documents, "write_part", die_elsewhere)
    monkeypatch.setenv("HERE", str(os.getpid()))
    assert len(finished(tmp_path / "run")) == 20
    assert writers(tmp_path / "run") == {os.getpid()}


def test_a_process_takes_one_task_after_the_other(tmp_path: Path) -> None:
    with closing(Beside(1, write_file)) as beside:
        assert beside.offer(tmp_path / "first")
        first = wait_for(tmp_path / "first")
        assert not beside.undone()
        assert beside.offer(tmp_path / "second")
        assert not beside.undone()

    assert wait_for(tmp_path / "second") == first != os.getpid()
    assert not psutil.pid_exists(first)


def test_tasks_that_failed_are_told(tmp_path: Path) -> None:
    with closing(Beside(1, write_file)) as beside:
        assert beside.offer(tmp_path / "fails")
        assert beside.undone() == [tmp_path / "fails"]
        # Another process takes the next one.
        assert beside.offer(tmp_path / "second")
        assert beside.undone() == [tmp_path / "fails"]


LARGE = [str(number) for number in range(500_000)]
"""A task of many small pieces, more than a pipe holds."""


def test_a_process_that_ends_before_it_has_its_task_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "__module__", "tests.no_such_module")
    with closing(Beside(1, keep)) as beside:
        assert beside.offer(LARGE)
        assert len(beside.undone()) == 1


def test_a_process_is_ended_while_it_is_sent_its_task() -> None:
    known = {child.pid for child in psutil.Process().children()}
    with closing(Beside(1, keep)) as beside:
        assert beside.offer(LARGE)
        end = time.monotonic() + 60
        while not (made := [child for child in psutil.Process().children() if child.pid not in known]):
            assert time.monotonic() < end
        # It takes nothing more of its task.
        made[0].suspend()
        time.sleep(0.5)

    assert not made[0].is_running()


def test_tasks_that_are_done_are_let_go() -> None:
    alive = weakref.WeakValueDictionary[int, Kept]()
    with closing(Beside(1, keep)) as beside:
        for number in range(4):
            kept = alive[number] = Kept(number)
            while not beside.offer(kept):
                time.sleep(0.01)
            del kept
        gc.collect()
        # The last one may be under way, and the one before it in the hands of its thread.
        assert len(alive) <= 2


def test_a_process_is_ended_at_its_work(tmp_path: Path) -> None:
    with closing(Beside(1, write_file)) as beside:
        assert beside.offer(tmp_path / "slow")
        assert not beside.offer(tmp_path / "second")
        pid = wait_for(tmp_path / "slow")

    assert not psutil.pid_exists(pid)


def test_without_a_process_to_spare_nothing_is_taken(tmp_path: Path) -> None:
    with closing(Beside(0, write_file)) as beside:
        assert not beside.offer(tmp_path / "first")
        assert not beside.undone()
    assert num_spare(1) == 0
    assert num_spare(1000) <= 3


_PARENT = """
import sys, time
from pathlib import Path
from omnipipe.ledger.beside import Beside
from tests.ledger.test_documents_beside import write_file

beside = Beside(1, write_file)
beside.offer(Path(sys.argv[1]))
time.sleep(600)
"""


def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, str(tmp_path / "slow")], cwd=ROOT)
    try:
        pid = wait_for(tmp_path / "slow")
    finally:
        parent.kill()
        parent.wait()

    assert ends(pid)
