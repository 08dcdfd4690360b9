"""`Shelf`, and the tables on it: they hold no document in memory, and say so where their disk is full."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

from omnipipe.ledger.ledger import Ledger
from omnipipe.shelf import Shelf
from tests.ledgerkit import PIPELINE, index, record

ROOT = Path(__file__).parents[2]


def test_a_plan_of_many_documents_takes_no_more_memory_than_one_of_few(tmp_path: Path) -> None:
    held = []
    with Ledger.open(tmp_path / "run", PIPELINE) as ledger:
        tracemalloc.start()
        for window in range(5):
            index(ledger, [record(f"a/folder/with/a/name/{window}-{i}.pdf", 10) for i in range(500)])
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()

        assert ledger.num_planned_pages == 25_000

    # Some 450 bytes a document were held before.
    assert held[-1] - held[0] < 2_000 * 100


def test_threads_share_it() -> None:
    shelf = Shelf("CREATE TABLE numbers (number)")
    failed: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 200):
                with shelf.writing() as execute:
                    execute("INSERT INTO numbers VALUES (?)", (number,))
                assert shelf.row("SELECT 1 FROM numbers WHERE number=?", number)
        except BaseException as error:  # noqa: BLE001 - told in the thread of the test
            failed.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 800, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failed
    assert [number for (number,) in shelf.scan("SELECT number FROM numbers ORDER BY number")] == list(range(800))


def test_who_fails_while_writing_leaves_it_usable() -> None:
    shelf = Shelf("CREATE TABLE numbers (number)")
    try:
        with shelf.writing() as execute:
            execute("INSERT INTO numbers VALUES (1)")
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass

    with shelf.writing() as execute:
        execute("INSERT INTO numbers VALUES (2)")

    assert shelf.rows("SELECT number FROM numbers ORDER BY number") == [(1,), (2,)]


FULL = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from omnipipe.errors import RunStopped
from omnipipe.shelf import Shelf
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
shelf = Shelf("CREATE TABLE texts (text)")
try:
    for _ in range(100):
        with shelf.writing() as execute:
            execute("INSERT INTO texts VALUES (?)", ("x" * 100_000,))
except RunStopped as error:
    print(error)
"""


FULL_WHEN_SORTED = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from omnipipe.errors import RunStopped
from omnipipe.shelf import Shelf
shelf = Shelf("CREATE TABLE texts (text)")
with shelf.writing() as execute:
    for number in range(20_000):
        execute("INSERT INTO texts VALUES (?)", (f"{number * 7919 % 20_011:0500}",))
resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, 2**19))
try:
    list(shelf.scan("SELECT text FROM texts ORDER BY text"))
except RunStopped as error:
    print(error)
"""


def test_so_does_one_that_is_full_when_rows_are_put_in_order() -> None:
    """Before, this was an OperationalError with its traceback."""
    command = [sys.executable, "-c", FULL_WHEN_SORTED, str(ROOT)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)

    assert "set SQLITE_TMPDIR" in said.stdout
    assert said.stderr == ""


def test_a_full_disk_stops_the_run_with_the_remedy() -> None:
    said = subprocess.run([sys.executable, "-c", FULL, str(ROOT)], capture_output=True, text=True, check=True)

    assert "set SQLITE_TMPDIR" in said.stdout
    assert said.stderr == ""
