"""Taking a run directory: whose it is, who holds it, and drivers that are killed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omnipipe.errors import OutputError, RunStopped
from omnipipe.ledger.files import write_first
from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.verify import verify_run
from tests.ledgerkit import (
    OTHER,
    PIPELINE,
    ids_of,
    index,
    record,
    rows_of,
    run_all,
    source_of,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_another_pipelines_run_is_refused_by_setting(run: Path) -> None:
    Ledger.open(run, PIPELINE).close()

    with pytest.raises(OutputError, match=r"Nothing.threshold: 0.5 -> 0.75.*--fresh"):
        Ledger.open(run, OTHER)


def test_fresh_begins_anew_and_shuts_late_workers_out(run: Path) -> None:
    with Ledger.open(run, PIPELINE) as ledger:
        units = index(ledger, [record(f"{i}.pdf", 200) for i in range(3)])
        ledger.store.commit(units[0], rows_of(units[0]))
        late = ledger.store

    with Ledger.open(run, OTHER, fresh=True) as ledger:
        with pytest.raises(Exception, match="has gone"):
            late.commit(units[1], rows_of(units[1]))

        assert list(ledger.pending()) == []
        assert ids_of(run) == []
        assert ledger.known_source(source_of(record("0.pdf", 200))) is None


@pytest.mark.parametrize("folder", ["pages", "plan", "sources", "documents"])
def test_a_folder_that_goes_while_a_run_writes_is_named(run: Path, folder: str) -> None:
    """Before, it was a FileNotFoundError with its traceback."""

    def work(ledger: Ledger) -> None:
        for name, step in (("plan", plan), ("sources", plan), ("pages", run_all), ("documents", Ledger.finish)):
            if name == folder:
                shutil.rmtree(run / folder)
            step(ledger)

    def plan(ledger: Ledger) -> None:
        index(ledger, [record("a.pdf", 3)])

    with Ledger.open(run, PIPELINE) as ledger, pytest.raises(RunStopped, match=f"/{folder} has gone"):
        work(ledger)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_file_system_that_refuses_stops_the_run_in_a_sentence(tmp_path: Path, code: int) -> None:
    """Before, a disk that the system made read-only ended the run with a traceback."""

    def write(path: Path) -> None:
        raise OSError(code, os.strerror(code), str(path))

    with pytest.raises(RunStopped, match=r"cannot be used any more: .*the same command again"):
        write_first(tmp_path / "pages", tmp_path, write)


def test_a_foreign_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    for fresh in (False, True):
        with pytest.raises(OutputError, match=r"not empty and no run of omnipipe .*thesis.txt"):
            Ledger.open(tmp_path, PIPELINE, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_directory_with_the_users_documents_in_a_folder_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "thesis.pdf").write_text("mine")

    for fresh in (False, True):
        with pytest.raises(OutputError, match=r"no run of omnipipe .*documents/thesis.pdf"):
            Ledger.open(tmp_path, PIPELINE, fresh=fresh)
    assert (tmp_path / "documents" / "thesis.pdf").read_text() == "mine"


def test_fresh_and_the_end_of_a_run_remove_only_what_runs_write(run: Path) -> None:
    """Before, `--fresh` removed the folders with all that the user had put there since."""
    Ledger.open(run, PIPELINE).close()
    mine = [run / "documents" / "thesis.pdf", run / "documents" / "list.parquet", run / "pages" / "notes.txt"]
    for path in mine:
        path.write_text("mine")

    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [record("a.pdf", 2)])
        run_all(ledger)
        ledger.finish()
    Ledger.open(run, OTHER, fresh=True).close()

    assert [path.read_text() for path in mine] == ["mine"] * 3
    assert ids_of(run) == []


def test_a_run_that_lost_its_manifest_begins_anew_with_fresh_only(run: Path) -> None:
    """Before, `--fresh` kept its rows, those of another pipeline as well."""
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [record("a.pdf", 2)])
        run_all(ledger)
        ledger.finish()
    (run / "manifest.json").unlink()

    with pytest.raises(OutputError, match=r"holds parts of a run \(.*\) but no manifest.json.*--fresh"):
        Ledger.open(run, OTHER)
    with Ledger.open(run, OTHER, fresh=True) as ledger:
        assert ledger.num_planned_pages == 0

    assert ids_of(run) == []


def test_a_file_as_output_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")

    with pytest.raises(OutputError, match="not a directory"):
        Ledger.open(tmp_path / "out", PIPELINE)


def test_an_object_store_as_output_is_refused() -> None:
    with pytest.raises(OutputError, match="s3:// is not built yet"):
        Ledger.open("s3://bucket/out", PIPELINE)


@pytest.mark.parametrize("name", ["-", "r\udcffsum\udce9", "a\0b", "~nobody-of-that-name/out"])
def test_a_name_that_cannot_be_written_is_refused(name: str) -> None:
    """Arrow takes no path that is not Unicode: before, a traceback of the first table."""
    with pytest.raises(
        OutputError, match=r"is no folder|'(r\\udcffsum\\udce9|a\\x00b)' is no valid Unicode|whole path"
    ):
        Ledger.open(name, PIPELINE)


def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    folder = tmp_path / "read-only"
    folder.mkdir(0o500)
    outputs = [tmp_path / "file" / "out", *([] if os.geteuid() == 0 else [folder / "out"])]

    for output in outputs:
        with pytest.raises(OutputError, match=r"cannot be written|not a directory"):
            Ledger.open(output, PIPELINE)


def test_other_versions_are_a_warning(run: Path) -> None:
    Ledger.open(run, PIPELINE).close()
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["versions"]["pypdfium2"] = "1.0"
    (run / "manifest.json").write_text(json.dumps(manifest))

    with Ledger.open(run, PIPELINE) as ledger:
        assert [warning for warning in ledger.warnings if "pypdfium2" in warning and "1.0" in warning]


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("versions", None, "versions"),
        ("settings", [3], "settings.0"),
        ("run_id", 5, "run_id"),
        ("finished", 3, "finished"),
    ],
)
def test_a_damaged_manifest_is_refused_with_its_place_and_the_remedy(
    run: Path, name: str, value: object, place: str
) -> None:
    Ledger.open(run, PIPELINE).close()
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {name: value}))

    with pytest.raises(OutputError, match=rf"manifest\.json is damaged: {place}: .*--fresh"):
        Ledger.open(run, PIPELINE)
    Ledger.open(run, PIPELINE, fresh=True).close()
    Ledger.open(run, PIPELINE).close()


HOLDER = """
import sys
sys.path.insert(0, sys.argv[2])
from omnipipe.ledger.ledger import Ledger
from tests.ledgerkit import PIPELINE
ledger = Ledger.open(sys.argv[1], PIPELINE)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_driver_is_refused_until_the_first_is_killed(run: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run), str(ROOT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match=rf"in use by process {holder.pid} on "):
            Ledger.open(run, PIPELINE)
        holder.kill()
        holder.wait()

    Ledger.open(run, PIPELINE).close()


DRIVER = """
import random, sys
sys.path.insert(0, sys.argv[2])
from omnipipe.ledger.ledger import Ledger
from tests.ledgerkit import PIPELINE, index, record, run_all
random.seed(int(sys.argv[3]))
with Ledger.open(sys.argv[1], PIPELINE) as ledger:
    print("held", flush=True)
    run_all(ledger)
    for window in range(4):
        versions = [random.randrange(3) for _ in range(6)]
        records = [record(f"{window}-{i}.pdf", 20 + 9 * v, body=f"{window} {i} {v}") for i, v in enumerate(versions)]
        index(ledger, records, max_pages=random.choice([None, 5, 25]))
        run_all(ledger, failing=(3,))
    ledger.plan_retry("failed,skipped")
    run_all(ledger)
    ledger.finish()
"""


def test_a_driver_killed_anywhere_leaves_a_run_that_the_next_one_ends(run: Path) -> None:
    """Documents change between the runs, rows are retried, ranges grow, and `kill -9` comes at any moment."""
    for seed in range(12):
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(run), str(ROOT), str(seed)], stdout=subprocess.PIPE, text=True
        )
        with driver:
            assert driver.stdout is not None
            assert driver.stdout.readline() == "held\n"
            time.sleep(0.04 * seed)
            driver.kill()
        names = ids_of(run)
        assert len(names) == len(set(names))

    subprocess.run([sys.executable, "-c", DRIVER, str(run), str(ROOT), "99"], check=True, stdout=subprocess.PIPE)

    report = verify_run(run)
    assert report.ok, report.problems
    assert report.counts.statuses == {"ok": report.pages_in}
    assert report.num_documents == 24
