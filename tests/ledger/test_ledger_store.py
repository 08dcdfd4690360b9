"""The worker's side: commits that are final and whole, and pages that take workers down."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnipipe.errors import AccountingError, RunStopped
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.lock import RunLock
from omnipipe.ledger.starts import append_end, append_page, append_start, judge
from omnipipe.ledger.store import Attempt, UnitStore
from omnipipe.ledger.verify import verify_run
from omnipipe.page import Block, Line, Page
from omnipipe.unit import Unit
from tests.ledgerkit import PIPELINE, ids_of, index, pages_of, record, rows_of, run_all

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "out"


def planned(run: Path, num_pages: int = 3) -> tuple[UnitStore, Unit]:
    """A run with one unit; its driver has ended."""
    with Ledger.open(run, PIPELINE) as ledger:
        (unit,) = index(ledger, [record("a.pdf", num_pages)])
        return ledger.store, unit


def test_the_first_commit_stays(run: Path) -> None:
    store, unit = planned(run)

    assert not store.is_done(unit)
    assert store.commit(unit, rows_of(unit, text="first"))
    assert store.is_done(unit)
    assert not store.commit(unit, rows_of(unit, text="second"))

    assert pages_of(run).column("text").to_pylist()[0] == "first a.pdf 0"
    assert [path for path in (run / "tmp").rglob("*") if path.is_file()] == []
    assert list((run / "starts").iterdir()) == []


def test_a_store_travels_to_a_worker(run: Path) -> None:
    store, _ = planned(run)

    assert pickle.loads(pickle.dumps(store)) == store
    assert len(pickle.dumps(store)) < 500


def broken(rows: list[Page], how: str) -> list[Page]:
    changed = {
        "dropped": rows[:-1],
        "doubled": [*rows, rows[0]],
        "reordered": rows[::-1],
        "open": [rows[0].with_(status="open"), *rows[1:]],
        "foreign": [rows[0].with_(doc_id="0" * 64), *rows[1:]],
    }
    return changed[how]


@pytest.mark.parametrize("how", ["dropped", "doubled", "reordered", "open", "foreign"])
def test_rows_that_are_not_the_units_are_never_committed(run: Path, how: str) -> None:
    store, unit = planned(run)

    with pytest.raises(AccountingError, match=unit.id):
        store.commit(unit, broken(rows_of(unit), how))

    assert ids_of(run) == []


def test_lone_surrogates_do_not_break_a_commit(run: Path) -> None:
    store, unit = planned(run, 1)
    (page,) = rows_of(unit)
    bad = "x\ud800y\udfff"
    page = page.with_(
        text=bad,
        flags=(bad,),
        lines=(Line(bad, (0, 0, 1, 1), 0.5),),
        blocks=(Block("text", None, 0, None, bad),),
    )

    assert store.commit(unit, [page])

    (row,) = pages_of(run).to_pylist()
    clean = "x\ufffdy\ufffd"
    assert (row["text"], row["char_count"], row["flags"]) == (clean, 4, [clean])
    assert (row["lines"][0]["text"], row["blocks"][0]["text"]) == (clean, clean)


@given(st.lists(st.text(max_size=30), min_size=2, max_size=2))
@settings(max_examples=15, deadline=None)
def test_any_text_survives_a_commit(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    run = tmp_path_factory.mktemp("texts") / "out"
    store, unit = planned(run, 2)

    store.commit(unit, [page.with_(text=text) for page, text in zip(rows_of(unit), texts, strict=True)])

    assert pages_of(run).column("text").to_pylist() == texts


COMMITTER = """
import os, sys, time, pickle
sys.path.insert(0, sys.argv[3])
from tests.ledgerkit import rows_of
store, units = pickle.loads(open(sys.argv[1], "rb").read())
import pyarrow.parquet, omnipipe.schema, omnipipe.ledger.rewrite
name = sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for unit in units:
    store.plan_attempt(unit, name)
    print(int(store.commit(unit, rows_of(unit, text=name))), end="", flush=True)
print(flush=True)
"""


def start_committers(store: UnitStore, units: Sequence[Unit], folder: Path, count: int) -> list[subprocess.Popen[str]]:
    (folder / "work").write_bytes(pickle.dumps((store, units)))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", COMMITTER, str(folder / "work"), f"w{number}", str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return workers


def test_of_workers_that_commit_the_same_units_at_once_one_wins_each(run: Path, tmp_path: Path) -> None:
    with Ledger.open(run, PIPELINE) as ledger:
        units = index(ledger, [record(f"{i}.pdf", 33) for i in range(30)])

        workers = start_committers(ledger.store, units, tmp_path, 3)
        wins = [worker.communicate()[0].strip() for worker in workers]
        summary = ledger.finish()

    assert [sum(int(won[place]) for won in wins) for place in range(len(units))] == [1] * len(units)
    assert summary.counts.statuses == {"ok": 990}
    for path in (run / "pages").iterdir():
        writers = {text.split()[0] for text in pq.ParquetFile(path).read().column("text").to_pylist()}
        assert len(writers) == 1


def test_killed_workers_leave_only_whole_files(run: Path, tmp_path: Path) -> None:
    known = [record(f"{i}.pdf", 33) for i in range(60)]
    for after in (0.02, 0.05, 0.1):
        with Ledger.open(run, PIPELINE) as ledger:
            index(ledger, known)
            workers = start_committers(ledger.store, list(ledger.pending()), tmp_path, 2)
            time.sleep(after)
            for worker in workers:
                with worker:
                    os.kill(worker.pid, signal.SIGKILL)
                    worker.communicate()
        seen = ids_of(run)
        assert len(seen) == len(set(seen))

    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, known)
        run_all(ledger)
        ledger.finish()
    report = verify_run(run)
    assert report.ok, report.problems
    assert report.counts.statuses == {"ok": 1980}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "omnipipe-test", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root and its capability")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_loses_nothing(small_disk: Path) -> None:
    run = small_disk / "out"
    with Ledger.open(run, PIPELINE) as ledger:
        units = index(ledger, [record(f"{i}.pdf", 200) for i in range(5)])
        assert ledger.store.commit(units[0], rows_of(units[0]))
        committed = ids_of(run)
        (small_disk / "filler").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - 8192))

        with pytest.raises(RunStopped, match=r"disk .* is full"):
            ledger.store.commit(units[1], rows_of(units[1], text=os.urandom(10_000).hex()))
        assert ids_of(run) == committed
        (small_disk / "filler").unlink()
        run_all(ledger)
        assert ledger.finish().counts.statuses == {"ok": 1000}


LIMITED = """
import os, pickle, resource, sys
sys.path.insert(0, sys.argv[2])
from omnipipe.errors import RunStopped
from tests.ledgerkit import rows_of
store, (unit,) = pickle.loads(open(sys.argv[1], "rb").read())
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    store.commit(unit, rows_of(unit, text=os.urandom(50_000).hex()))
except RunStopped as error:
    print(error)
"""


def test_a_file_that_may_not_grow_leaves_nothing_half_written(run: Path, tmp_path: Path) -> None:
    store, unit = planned(run)
    (tmp_path / "work").write_bytes(pickle.dumps((store, [unit])))

    said = python(LIMITED, str(tmp_path / "work"), str(ROOT))

    assert "the same command again" in said
    assert ids_of(run) == []
    assert [path for path in (run / "tmp").rglob("*") if path.is_file()] == []


def starts(path: Path, history: str) -> None:
    """Write a history: `A` a start by driver A, `a1` page 1 alone under driver A, `a` all came through."""
    for word in history.split():
        if word.isupper():
            append_start(path, word, "w")
        elif len(word) == 1:
            append_end(path, word.upper())
        else:
            append_page(path, word[0].upper(), word[1:])


@pytest.mark.parametrize(
    ("history", "boot", "is_alone", "poisoned"),
    [
        ("", "A", False, ""),
        ("A", "A", False, ""),
        ("A A", "A", True, ""),
        ("A", "B", False, ""),
        ("A B C D E", "F", False, ""),
        ("A A A", "B", True, ""),
        ("A A B", "B", True, ""),
        ("A A A a1", "A", True, ""),
        ("A A A a1 A a1", "A", True, "1"),
        ("A A A a1 a2 A a1 a2", "A", True, "2"),
        ("A A A a1 a2 A a1", "A", True, ""),
        ("A A A a1 a2 A a1 A a1", "A", True, ""),
        ("A A A a1 a2 A a1 A a1 A a1 A a1", "A", True, "1"),
        ("A A A a1 A a1 A a2 A a2", "A", True, "12"),
        ("A A A a1 B b1 C c1", "D", True, ""),
        ("A A A a1 B b1 C c1 D d1", "E", True, "1"),
        ("A A A a1 A a1", "B", True, ""),
        ("A A A a1 A a1 A", "B", True, "1"),
        ("A A A a1 a2 a A a1 a2 a", "A", True, ""),
    ],
)
def test_poison_is_counted_by_deaths_that_a_driver_saw(
    tmp_path: Path, history: str, boot: str, is_alone: bool, poisoned: str
) -> None:
    path = tmp_path / "starts"
    starts(path, history)

    verdict = judge(path.read_bytes() if path.exists() else b"", boot)

    assert verdict == (is_alone, frozenset(poisoned))


def test_a_start_that_was_cut_short_does_not_hide_the_next(tmp_path: Path) -> None:
    path = tmp_path / "starts"
    starts(path, "A A")
    path.write_bytes(path.read_bytes()[:-5])
    starts(path, "A A")

    assert judge(path.read_bytes(), "A").is_alone


def test_a_poison_page_ends_and_its_neighbours_live(run: Path) -> None:
    """A worker that dies at page 2 of 5 is started again until the unit is committed."""
    with Ledger.open(run, PIPELINE) as ledger:
        (unit,) = index(ledger, [record("a.pdf", 5)])
        store = ledger.store
        attempts = 0
        while not store.is_done(unit):
            attempts += 1
            attempt = store.plan_attempt(unit, f"worker {attempts}")
            rows = [
                page.failed("worker_died", "it took its worker down twice") if page.id in attempt.poisoned else page
                for page in rows_of(unit)
            ]
            if survives(store, unit, attempt, rows):
                store.commit(unit, rows)
        summary = ledger.finish()

    assert attempts == 5
    assert summary.counts.statuses == {"ok": 4, "failed": 1}
    assert summary.counts.error_codes == {"worker_died": 1}


def survives(store: UnitStore, unit: Unit, attempt: Attempt, rows: Sequence[Page]) -> bool:
    if attempt.mode == "whole":
        return False
    for page in rows:
        if page.id not in attempt.poisoned:
            store.record_page(unit, page.id)
            if page.index == 2:
                return False
    return True


def test_a_normal_unit_costs_its_worker_little_bookkeeping(run: Path) -> None:
    store, unit = planned(run)
    file = run / "starts" / f"{unit.id}.jsonl"

    began = time.process_time()
    for _ in range(500):
        assert store.plan_attempt(unit, "w") == Attempt()
        file.unlink()

    assert (time.process_time() - began) / 500 < 0.001


def test_a_lease_stands_in_where_there_are_no_locks(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    first = RunLock(layout, "one", use_lease=True)
    with pytest.raises(Exception, match=f"in use by process {os.getpid()}"):
        RunLock(layout, "two", use_lease=True)
    # A clock that was set: the lease looks stale until the next beat, to a driver that looks once.
    os.utime(layout.lease, (time.time() + 3600, time.time() + 3600))
    with pytest.raises(Exception, match="in use by process"):
        RunLock(layout, "two", use_lease=True)
    first.release()
    assert not layout.lease.exists()

    layout.lease.write_text("a driver that was killed")
    os.utime(layout.lease, (time.time() - 40, time.time() - 40))
    RunLock(layout, "three", use_lease=True).release()


FORKING = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[2])
from omnipipe.ledger.ledger import Ledger
from tests.ledgerkit import PIPELINE
ledger = Ledger.open(sys.argv[1], PIPELINE)
child = os.fork()
if child == 0:
    os.close(1)
    time.sleep(20)
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_forked_child_does_not_keep_its_dead_parents_lock(run: Path) -> None:
    child = int(python(FORKING, str(run), str(ROOT)))

    try:
        Ledger.open(run, PIPELINE).close()
    finally:
        os.kill(child, signal.SIGKILL)


def python(script: str, *arguments: str) -> str:
    """What a Python of its own prints."""
    done = subprocess.run([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout
