"""`verify_run` catches each kind of damage."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnipipe.errors import OutputError
from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.packing import UnitSize
from omnipipe.ledger.verify import verify_run
from omnipipe.schema import PAGES
from tests.ledgerkit import PIPELINE, index, record, rows_of, run_all

RECORDS = [record("a.pdf", 3), record("b.pdf", 300), record("c.pdf", None, problem="corrupt")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("finished") / "out"
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, RECORDS, max_pages=280)
        run_all(ledger, failing=(7,))
        ledger.finish()
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


def unit_file(run: Path) -> Path:
    return max((run / "pages").iterdir(), key=lambda path: path.stat().st_size)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table], *, footer: bool = True) -> None:
    """Write the file anew with changed rows, under its old footer."""
    file = pq.ParquetFile(path)
    table = change(file.read().cast(PAGES))
    kept = {key: value for key, value in file.metadata.metadata.items() if key.startswith(b"omnipipe.")}
    file.close()
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        if footer:
            writer.add_key_value_metadata(kept)


def test_a_run_that_was_killed_while_it_listed_its_inputs_is_not_proved(tmp_path: Path) -> None:
    """What it had not listed is in no plan, so that every planned page may be there."""
    with Ledger.open(tmp_path / "out", PIPELINE) as ledger:
        index(ledger, RECORDS[:1])
        run_all(ledger)
    killed = verify_run(tmp_path / "out")
    with Ledger.open(tmp_path / "out", PIPELINE) as ledger:
        ledger.finish()
    done = verify_run(tmp_path / "out")
    with Ledger.open(tmp_path / "out", PIPELINE) as ledger:
        index(ledger, RECORDS[1:2])
        run_all(ledger)
    killed_later = verify_run(tmp_path / "out")

    assert done.ok, done.problems
    assert "the run is not finished" in killed.problems[0]
    assert "the run is not finished" in killed_later.problems[0]


def test_a_finished_run_is_proved(run: Path) -> None:
    report = verify_run(run)

    assert report.ok, report.problems
    assert (report.pages_in, report.num_documents) == (304, 3)
    assert report.counts.statuses == {"ok": 282, "failed": 2, "skipped": 20}


def test_a_retried_and_changed_run_is_proved(run: Path) -> None:
    with Ledger.open(run, PIPELINE) as ledger:
        ledger.plan_retry("failed")
        run_all(ledger)
        index(ledger, [record("a.pdf", 5, body="changed")])
        run_all(ledger)
        ledger.finish()

    report = verify_run(run)

    assert report.ok, report.problems
    assert report.counts.statuses == {"ok": 285, "failed": 1, "skipped": 20}


def test_a_lost_plan_is_rebuilt(run: Path) -> None:
    shutil.rmtree(run / "plan")

    report = verify_run(run)

    assert report.ok, report.problems
    assert "rebuilt from the footers" in report.notes[0]
    assert report.pages_in == 304


def delete_a_file(run: Path) -> None:
    unit_file(run).unlink()


def tear_a_file(run: Path) -> None:
    path = unit_file(run)
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(run: Path) -> None:
    path = unit_file(run)
    raw = bytearray(path.read_bytes())
    texts = pq.ParquetFile(path).metadata.row_group(0).column(PAGES.get_field_index("text"))
    raw[texts.data_page_offset + texts.total_compressed_size - 1] ^= 0xFF
    path.write_bytes(raw)


def double_a_row(run: Path) -> None:
    rewrite(unit_file(run), lambda table: pa.concat_tables([table, table.slice(2, 1)]))


def drop_a_row(run: Path) -> None:
    rewrite(unit_file(run), lambda table: table.slice(1))


def change_a_text(run: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        texts = ["tex" + text[:0] + text[3:] if text else text for text in table.column("text").to_pylist()]
        texts[5] = texts[5].upper()
        place = table.schema.get_field_index("text")
        return table.set_column(place, table.schema.field(place), pa.array(texts))

    rewrite(unit_file(run), change)


def change_the_config_hash(run: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("config_hash")
        return table.set_column(place, table.schema.field(place), pa.array(["0" * 16] * table.num_rows))

    rewrite(unit_file(run), change)


def take_the_footer(run: Path) -> None:
    rewrite(unit_file(run), lambda table: table, footer=False)


def copy_a_file(run: Path) -> None:
    shutil.copy(unit_file(run), run / "pages" / ("0" * 24 + ".parquet"))


def plan_a_page_twice(run: Path) -> None:
    path = next((run / "plan").iterdir())
    table = pq.ParquetFile(path).read()
    double = table.slice(0, 1)
    place = table.schema.get_field_index("unit_id")
    double = double.set_column(place, table.schema.field(place), pa.array(["f" * 24]))
    pq.write_table(pa.concat_tables([table, double]), path)


def shorten_the_plan(run: Path) -> None:
    path = next((run / "plan").iterdir())
    table = pq.ParquetFile(path).read()
    place = table.schema.get_field_index("stop")
    stops = [stop - 1 if stop > 100 else stop for stop in table.column("stop").to_pylist()]
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(stops)), path)


def tear_the_plan(run: Path) -> None:
    path = next((run / "plan").iterdir())
    path.write_bytes(path.read_bytes()[:-10])


def flip_bytes_of_the_plan(run: Path) -> None:
    path = next((run / "plan").iterdir())
    content = bytearray(path.read_bytes())
    content[4:24] = b"\xff" * 20
    path.write_bytes(content)


def tear_the_sources(run: Path) -> None:
    path = next((run / "sources").iterdir())
    path.write_bytes(path.read_bytes()[:-10])


def tear_the_documents(run: Path) -> None:
    path = next((run / "documents").iterdir())
    path.write_bytes(path.read_bytes()[:-10])


def delete_a_document(run: Path) -> None:
    path = next((run / "documents").iterdir())
    pq.write_table(pq.ParquetFile(path).read().slice(1), path)


def change_a_document(run: Path) -> None:
    path = next((run / "documents").iterdir())
    table = pq.ParquetFile(path).read()
    place = table.schema.get_field_index("text")
    texts = [text[:-1] for text in table.column("text").to_pylist()]
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(texts, pa.large_string())), path)


def delete_the_documents(run: Path) -> None:
    next((run / "documents").iterdir()).unlink()


def change_the_manifest(run: Path) -> None:
    plain = json.loads((run / "manifest.json").read_text())
    plain["config_hash"] = "1" * 16
    (run / "manifest.json").write_text(json.dumps(plain))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (delete_a_file, "is not there"),
        (tear_a_file, "is damaged"),
        (flip_a_byte, "is damaged"),
        (double_a_row, "is there twice"),
        (drop_a_row, "is missing"),
        (change_a_text, "not those that its footer"),
        (change_the_config_hash, "another config_hash"),
        (take_the_footer, "no footer of a unit"),
        (copy_a_file, "is in no plan"),
        (plan_a_page_twice, "is planned twice"),
        (shorten_the_plan, "is not planned there"),
        (tear_the_plan, "plan/000000.parquet is damaged"),
        (flip_bytes_of_the_plan, "plan/000000.parquet is damaged"),
        (tear_the_sources, "sources/000000.parquet is damaged"),
        (tear_the_documents, "documents/"),
        (delete_a_document, "documents/ lacks"),
        (change_a_document, "does not agree with its pages"),
        (delete_the_documents, "is missing"),
        (change_the_manifest, "another config_hash"),
    ],
)
def test_damage_is_noticed(run: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(run)

    report = verify_run(run)

    assert not report.ok
    assert any(words in problem for problem in report.problems), report.problems


def test_an_unfinished_run_says_which_unit_is_missing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "out", PIPELINE) as ledger:
        units = index(ledger, RECORDS)
        ledger.store.commit(units[0], rows_of(units[0]))

    report = verify_run(tmp_path / "out")

    assert sum("is not there" in problem for problem in report.problems) == len(units) - 1


def test_a_removed_folder_is_a_loss_and_no_traceback(run: Path) -> None:
    for name in ("open", "starts", "spool", "tmp", "logs", "pages"):
        shutil.rmtree(run / name)
        report = verify_run(run)
        assert report.ok == (name != "pages")


def test_verifying_changes_nothing(run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}

    verify_run(run)

    assert before == {path: path.stat().st_mtime_ns for path in run.rglob("*")}


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"no manifest.json"):
        verify_run(tmp_path)
    with pytest.raises(OutputError, match="does not exist"):
        verify_run(tmp_path / "nowhere")


def test_memory_does_not_grow_with_the_number_of_documents(tmp_path: Path) -> None:
    def peak(number: int) -> int:
        run = tmp_path / str(number)
        with Ledger.open(run, PIPELINE) as ledger:
            for first in range(0, number, 500):
                records = [record(f"{first + place}.pdf", 1) for place in range(500)]
                ledger.add_sources(records)
                ledger.plan(records, size=UnitSize(max_pages=20, min_seconds=0.001))
            run_all(ledger)
            ledger.finish()
        tracemalloc.start()
        try:
            assert verify_run(run).num_documents == number
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(500)

    # Each document took 2 KB; its name and its counts alone would take 200 bytes.
    assert peak(3_000) - peak(1_000) < 2_000 * 200
