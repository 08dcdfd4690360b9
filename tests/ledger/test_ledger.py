"""The driver's side: planning, resuming, changing sources, retrying, finishing."""

from __future__ import annotations

import gc
import shutil
import threading
from pathlib import Path

import pytest

from omnipipe.errors import AccountingError, UserError
from omnipipe.ledger.compact import compact_run
from omnipipe.ledger.ledger import Ledger
from omnipipe.sources.pages import PageSelection
from omnipipe.sources.source import Source
from tests.ledgerkit import (
    PIPELINE,
    documents_of,
    ids_of,
    index,
    pages_of,
    record,
    rows_of,
    run_all,
    source_of,
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "out"


def ids(known: object, *indices: int) -> list[str]:
    return sorted(f"{known.doc_id}#{index}" for index in indices)  # type: ignore[attr-defined]


def test_a_run_ends_with_every_page_once_and_its_accounts(run: Path) -> None:
    records = [record("a.pdf", 3), record("b.pdf", 300), record("c.pdf", None, problem="corrupt")]

    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, records, max_pages=280)
        run_all(ledger)
        summary = ledger.finish()

    assert summary.pages_in == 304
    assert summary.counts.statuses == {"ok": 283, "skipped": 20, "failed": 1}
    assert summary.counts.error_codes == {"max_pages": 20, "corrupt": 1}
    assert ids_of(run) == sorted(ids(records[0], 0, 1, 2) + ids(records[1], *range(281)) + ids(records[2], 0))


def test_the_end_of_a_run_leaves_no_thread_to_the_garbage_collector(run: Path) -> None:
    """A collection that joined one while another thread was starting hung the process for ever."""
    # Those of tests before this one.
    before = set(threading.enumerate())
    gc.disable()
    try:
        with Ledger.open(run, PIPELINE) as ledger:
            index(ledger, [record("a.pdf", 3)])
            run_all(ledger)
            ledger.finish()

        assert not [thread.name for thread in set(threading.enumerate()) - before]
    finally:
        gc.enable()


def test_the_second_run_of_a_finished_run_writes_nothing(run: Path) -> None:
    records = [record("a.pdf", 3), record("b.pdf", None, problem="encrypted")]
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, records)
        run_all(ledger)
        ledger.finish()
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file() and path.name != "lock"}

    with Ledger.open(run, PIPELINE) as ledger:
        known = [ledger.known_source(source_of(entry)) for entry in records]
        index(ledger, [entry for entry in known if entry is not None])
        units = list(ledger.pending())
        summary = ledger.finish()

    assert known == records
    assert (units, summary.is_changed, summary.counts.num_pages) == ([], False, 4)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert set(before) == {path for path in run.rglob("*") if path.is_file() and path.name != "lock"}


def test_a_half_done_run_repeats_its_own_units_and_no_others(run: Path) -> None:
    with Ledger.open(run, PIPELINE) as ledger:
        units = index(ledger, [record(f"{i}.pdf", 100) for i in range(5)])
        ledger.store.commit(units[0], rows_of(units[0]))

    with Ledger.open(run, PIPELINE) as ledger:
        again = [unit.id for unit in ledger.pending()]
        new = index(ledger, [record(f"{i}.pdf", 100) for i in range(5)])

    assert again == [unit.id for unit in units[1:]]
    assert new == []


def test_a_missing_unit_breaks_the_accounts_and_is_named(run: Path) -> None:
    with Ledger.open(run, PIPELINE) as ledger:
        (unit,) = index(ledger, [record("a.pdf", 3)])

        with pytest.raises(AccountingError, match=rf"unit {unit.id} \(3 pages from page 1 of a.pdf\)"):
            ledger.finish()


def test_a_deleted_page_file_is_computed_again(run: Path) -> None:
    with Ledger.open(run, PIPELINE) as ledger:
        (unit,) = index(ledger, [record("a.pdf", 3)])
        run_all(ledger)
        ledger.finish()
        (run / "pages" / f"{unit.id}.parquet").unlink()

        assert [pending.id for pending in ledger.pending()] == [unit.id]


def test_growing_selections_and_limits_plan_only_what_is_new(run: Path) -> None:
    big = record("a.pdf", 50)
    with Ledger.open(run, PIPELINE) as ledger:
        ledger.add_sources([big])
        ledger.plan([big], PageSelection.parse("1-4"), None)
        run_all(ledger)
        ledger.plan([big], PageSelection.parse("3-10"), 5)
        run_all(ledger, text="second")
        ledger.plan([big], None, 20)
        run_all(ledger, text="third")
        ledger.plan([big], PageSelection.parse("1-2"), None)
        summary = ledger.finish()

    rows = pages_of(run).sort_by("page_index").select(["page_index", "num_pages", "text"]).to_pylist()
    assert [row["page_index"] for row in rows] == list(range(21))
    assert rows[-1]["num_pages"] == 30
    assert [(row["text"] or "-").split()[0] for row in rows] == [*["text"] * 4, *["second"] * 3, *["third"] * 13, "-"]
    assert summary.counts.statuses == {"ok": 20, "skipped": 30}


def test_the_same_bytes_at_two_uris_are_one_document(run: Path) -> None:
    twins = [record("a.pdf", 2, body="same"), record("b.pdf", 2, body="same")]

    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, twins)
        run_all(ledger)
        ledger.finish()

    assert ids_of(run) == ids(twins[0], 0, 1)
    (row,) = documents_of(run)
    assert (row["source_uri"], row["source_uris"]) == ("a.pdf", ["a.pdf", "b.pdf"])


def test_changed_bytes_take_the_old_rows_away(run: Path) -> None:
    kept, old, new = record("k.pdf", 2), record("a.pdf", 3, body="old"), record("a.pdf", 4, body="new!")
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [kept, old])
        run_all(ledger)
        ledger.finish()

        assert ledger.known_source(source_of(new)) is None
        index(ledger, [kept, new])
        assert ids_of(run) == ids(kept, 0, 1)
        run_all(ledger)
        summary = ledger.finish()

    assert ids_of(run) == sorted(ids(kept, 0, 1) + ids(new, 0, 1, 2, 3))
    assert summary.pages_in == 6
    assert sorted(str(row["id"]) for row in documents_of(run)) == sorted([kept.doc_id, new.doc_id])


def test_bytes_that_live_on_at_another_uri_stay(run: Path) -> None:
    first, second = record("a.pdf", 3, body="A"), record("b.pdf", 2, body="B")
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [first, second])
        run_all(ledger)

        units = index(ledger, [record("a.pdf", 2, body="B"), record("b.pdf", 3, body="A")])

    assert units == []
    assert ids_of(run) == sorted(ids(first, 0, 1, 2) + ids(second, 0, 1))


def test_a_late_worker_cannot_bring_retired_rows_back(run: Path) -> None:
    old, kept = record("a.pdf", 3, body="old"), record("k.pdf", 2)
    with Ledger.open(run, PIPELINE) as ledger:
        (late,) = index(ledger, [old, kept])
    with Ledger.open(run, PIPELINE) as ledger:
        ledger.add_sources([record("a.pdf", 1, body="new!")])

        assert not ledger.store.commit(late, rows_of(late))
        assert ids_of(run) == []
        run_all(ledger)
        ledger.finish()

    assert ids_of(run) == ids(kept, 0, 1)


def test_a_unit_that_lost_a_document_before_its_commit_goes_on_without_it(run: Path) -> None:
    """Also where it is handed out already: its other pages come back with the next plan."""
    old, kept, new = record("a.pdf", 3, body="old"), record("k.pdf", 2), record("a.pdf", 1, body="new!")
    with Ledger.open(run, PIPELINE) as ledger:
        (handed_out,) = index(ledger, [old, kept])

        units = index(ledger, [new])

        assert ledger.store.is_done(handed_out)
        assert sorted(member.document.doc_id for unit in units for member in unit.members) == sorted(
            [kept.doc_id, new.doc_id]
        )
        for unit in units:
            ledger.store.commit(unit, rows_of(unit))
        assert ledger.finish().counts.statuses == {"ok": 3}


def test_a_retry_of_a_file_that_has_gone_is_left_to_its_own_unit(run: Path) -> None:
    with Ledger.open(run, PIPELINE) as ledger:
        (unit,) = index(ledger, [record("a.pdf", 3)])
        run_all(ledger, failing=(1,))
        (again,) = ledger.plan_retry("failed")
        (run / "pages" / f"{unit.id}.parquet").unlink()

        assert ledger.store.is_done(again)
        assert not ledger.store.commit(again, rows_of(again))
        assert [pending.id for pending in ledger.pending()] == [unit.id]


def test_a_source_out_of_reach_is_tried_again_and_leaves_no_trace(run: Path) -> None:
    gone, back = record("a.pdf", None, problem="missing"), record("a.pdf", 2)
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [gone])
        run_all(ledger)
        assert ledger.finish().counts.error_codes == {"missing": 1}

        assert ledger.known_source(source_of(gone)) is None
        index(ledger, [back])
        run_all(ledger)
        ledger.finish()
        assert ids_of(run) == ids(back, 0, 1)

        index(ledger, [gone])
        assert ids_of(run) == ids(back, 0, 1)
        assert list(ledger.pending()) == []


def test_an_encrypted_document_is_read_when_its_password_comes(run: Path) -> None:
    locked, opened = record("a.pdf", None, problem="encrypted"), record("a.pdf", 3)
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [locked])
        run_all(ledger)
        assert ledger.known_source(source_of(locked)) == locked
        assert ledger.known_source(source_of(locked), again={"encrypted"}) is None

        index(ledger, [opened])
        run_all(ledger)
        summary = ledger.finish()
        index(ledger, [locked])

    assert ids_of(run) == ids(opened, 0, 1, 2)
    assert summary.counts.statuses == {"ok": 3}


def test_a_touched_source_is_read_at_its_new_stamp(run: Path) -> None:
    old = record("a.pdf", 2)
    moved = record("b.pdf", 2, body="a.pdf")
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [old])
        index(ledger, [moved, record("a.pdf", 1, body="other")])

        refs = {member.document.uri for unit in ledger.pending() for member in unit.members if member.stop == 2}

    assert refs == {"b.pdf"}


def test_changed_user_columns_are_a_changed_source(run: Path) -> None:
    known = record("a.pdf", 1)
    with Ledger.open(run, PIPELINE) as ledger:
        ledger.add_sources([known])

        assert ledger.known_source(Source("a.pdf", known.size, known.stamp, {"topic": "x"})) is None


def test_a_retry_replaces_its_rows_in_their_place(run: Path) -> None:
    known = record("a.pdf", 6)
    with Ledger.open(run, PIPELINE) as ledger:
        (unit,) = index(ledger, [known])
        run_all(ledger, failing=(1, 2, 4))

        (again,) = ledger.plan_retry("failed:render_crash")
        assert again.replaces == unit.id
        assert [(member.start, member.stop) for member in again.members] == [(1, 3), (4, 5)]
        assert not ledger.store.is_done(again)
        assert ledger.store.commit(again, rows_of(again, text="retried", failing=(4,)))
        assert ledger.store.is_done(again)
        assert not ledger.store.commit(again, rows_of(again, text="late"))
        assert list(ledger.pending()) == []
        summary = ledger.finish()

    rows = pages_of(run).to_pylist()
    assert [row["page_index"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [(row["text"] or "-").split()[0] for row in rows] == ["text", "retried", "retried", "text", "-", "text"]
    assert summary.counts.statuses == {"ok": 5, "failed": 1}


def test_an_interrupted_retry_goes_on_in_the_next_run(run: Path) -> None:
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [record("a.pdf", 6)])
        run_all(ledger, failing=(1,))
        (again,) = ledger.plan_retry("failed")

    with Ledger.open(run, PIPELINE) as ledger:
        assert [unit.id for unit in ledger.pending()] == [again.id]
        run_all(ledger)
        assert ledger.finish().counts.statuses == {"ok": 6}
        assert ledger.plan_retry("failed") == []


def test_a_retry_never_brings_back_a_document_that_left(run: Path) -> None:
    kept = record("k.pdf", 2)
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [record("a.pdf", 2, body="old"), kept])
        run_all(ledger, failing=(1,))
        (late,) = ledger.plan_retry("failed")
        index(ledger, [record("a.pdf", 1, body="new!")])

        assert ledger.store.commit(late, rows_of(late, text="late"))

    texts = [row["text"] for row in pages_of(run).to_pylist()]
    assert texts == ["text k.pdf 0", "late k.pdf 1"]


def test_skipped_ranges_are_read_on_retry(run: Path) -> None:
    known = record("a.pdf", 30)
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [known], max_pages=10)
        run_all(ledger)
        ledger.plan_retry("skipped", max_pages=25)
        run_all(ledger)
        summary = ledger.finish()

    assert ids_of(run) == ids(known, *range(26))
    assert summary.counts.statuses == {"ok": 25, "skipped": 5}


@pytest.mark.parametrize("choice", ["", "ok", "failed:nonsense", "failed,,skipped"])
def test_an_unknown_retry_choice_is_refused(run: Path, choice: str) -> None:
    with Ledger.open(run, PIPELINE) as ledger, pytest.raises(UserError, match="--retry"):
        ledger.plan_retry(choice)


def test_a_lost_plan_is_rebuilt_from_the_files(run: Path) -> None:
    records = [record("a.pdf", 3), record("b.pdf", 400)]
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, records)
        run_all(ledger)
    for path in (run / "plan").iterdir():
        path.unlink()

    with Ledger.open(run, PIPELINE) as ledger:
        new = index(ledger, records)
        summary = ledger.finish()

    assert (new, summary.pages_in) == ([], 403)


def test_a_plan_that_was_copied_beside_itself_plans_nothing_twice(run: Path, tmp_path: Path) -> None:
    """Before, `compact` wrote each of its pages twice."""
    with Ledger.open(run, PIPELINE) as ledger:
        index(ledger, [record("a.pdf", 3)])
        run_all(ledger)
        ledger.finish()
    shutil.copy(run / "plan" / "000000.parquet", run / "plan" / "000001.parquet")

    assert compact_run(run, tmp_path / "large").num_rows == 3
    with Ledger.open(run, PIPELINE) as ledger:
        assert ledger.finish().pages_in == 3
