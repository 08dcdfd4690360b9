"""`omnipipe eval` on runs and on markdown: what is found, what it says, and how it refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from omnipipe.cli.main import run_command
from omnipipe.ledger.compact import compact_run
from omnipipe.ledger.ledger import Ledger
from omnipipe.page import Block
from tests.evaluation.test_eval_files import PRESENT, written
from tests.ledgerkit import PIPELINE, index, record, rows_of
from tests.pdfs import pdf_of_texts


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two documents of two pages: each says its uri and index, but for page 2 of the second, which failed."""
    folder = tmp_path / "run"
    with Ledger.open(folder, PIPELINE) as ledger:
        same = record("/data/in/same.pdf", 2, body="/data/in/a.pdf")
        for unit in index(ledger, [record("/data/in/a.pdf", 2), record("/data/in/sub/b.pdf", 2), same]):
            ledger.store.plan_attempt(unit, "w")
            rows = [
                page.failed("render_crash", "the child died") if page.index == 1 and "/sub/" in page.uri else page
                for page in rows_of(unit)
            ]
            assert ledger.store.commit(unit, rows)
        ledger.finish()
    return folder


def case(pdf: str, text: str, *, page: int = 1, kind: str = "present") -> dict[str, object]:
    return {"pdf": pdf, "page": page, "id": f"{kind} {text} in {pdf} {page}", "type": kind, "text": text}


def judged(
    capsys: pytest.CaptureFixture[str], source: Path, tests: Sequence[object] = (), truths: Sequence[object] = ()
) -> dict[str, object]:
    """What `omnipipe eval --json` says."""
    folder = source.parent / "asked"
    folder.mkdir(exist_ok=True)
    arguments = ["eval", str(source), "--json"]
    if tests:
        arguments += ["--tests", str(written(folder, *tests))]
    if truths:
        truth = folder / "truth.jsonl"
        truth.write_text("\n".join(map(json.dumps, truths)), "utf-8")
        arguments += ["--truth", str(truth)]
    assert run_command(arguments) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def verdicts(found: dict[str, object]) -> list[tuple[bool, str]]:
    tests = found["tests"]
    assert isinstance(tests, dict)
    return [(entry["passed"], entry["reason"]) for entry in tests["each"]]


def test_pages_of_a_run_are_found_by_the_end_of_their_uri(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = [case("a.pdf", "a.pdf 1", page=2), case("sub/b.pdf", "b.pdf 0"), case("in/same.pdf", "a.pdf 0")]

    assert verdicts(judged(capsys, run, tests)) == [(True, "")] * 3


def test_a_page_that_is_not_there_has_failed_and_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = [
        case("c.pdf", "x", kind="absent"),
        case("other/b.pdf", "x", kind="absent"),
        case("a.pdf", "x", page=9, kind="absent"),
        case("b.pdf", "x", page=2, kind="absent"),
    ]

    found = judged(capsys, run, tests)

    reasons = [reason for passed, reason in verdicts(found) if passed is False]
    assert len(reasons) == 4
    assert reasons[0].startswith("no page for c.pdf in ")
    assert reasons[1].endswith("; there is data/in/sub/b.pdf")
    assert reasons[2].startswith("no page 9 of a.pdf")
    assert reasons[3] == "page 2 of b.pdf failed: render_crash"
    assert found["missing"] == reasons


def test_compacted_parts_give_what_the_run_gives(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compact_run(run, run.parent / "parts")
    tests = [case("a.pdf", "a.pdf 1", page=2), case("b.pdf", "x", page=2)]

    assert verdicts(judged(capsys, run.parent / "parts", tests)) == verdicts(judged(capsys, run, tests))


def test_markdown_files_are_pages_or_whole_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "md"
    for name, text in {
        "sub/a_pg1.md": "first",
        "sub/a_pg2_repeat1.md": "second",
        "x_pg2.md": "whole",
        "flat_pg1.md": "flat",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    tests = [
        case("sub/a.pdf", "first"),
        case("sub/a.pdf", "second", page=2),
        case("x_pg2.pdf", "whole"),
        case("deep/flat.pdf", "flat"),
        case("a.pdf", "first"),
        case("top/a.pdf", "first"),
    ]

    found = verdicts(judged(capsys, folder, tests))

    assert [passed for passed, _ in found] == [True, True, True, True, True, False]


def test_error_rates_are_told_by_document_and_by_folder(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truths = [
        {"path": "in/a.pdf", "page": None, "text": "text /data/in/a.pdf 0 text /data/in/a.pdf 1"},
        {"path": "sub/b.pdf", "page": 1, "text": "0 /data/in/sub/b.pdf text", "order_checked": False},
        {"path": "sub/b.pdf", "page": 2, "text": "four"},
        {"path": "sub/c.pdf", "page": 1, "text": "nowhere"},
    ]

    truth = judged(capsys, run, truths=truths)["truth"]

    assert isinstance(truth, dict)
    assert [entry.get("cer") for entry in truth["each"]] == [0.0, None, 1.0, None]
    assert [entry.get("word_f1") for entry in truth["each"]] == [1.0, 1.0, 0.0, None]
    assert truth["by_category"]["in"]["cer"] == 0.0
    assert truth["by_category"]["sub"]["cer"] == 1.0
    assert truth["by_category"]["all"]["cer"] == pytest.approx(4 / (43 + 4))
    assert truth["by_category"]["all"]["texts"] == 3


def test_running_heads_count_for_true_texts_if_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests never see them."""
    run = tmp_path / "run"
    blocks = (Block("header", None, 0, None, "Head"), Block("title", None, 1, 1, "Body"))
    with Ledger.open(run, PIPELINE) as ledger:
        (unit,) = index(ledger, [record("/d/a.pdf", 1)])
        ledger.store.plan_attempt(unit, "w")
        (page,) = rows_of(unit)
        assert ledger.store.commit(unit, [page.with_(text="# Body", text_format="markdown", blocks=blocks)])
        ledger.finish()
    tests = written(tmp_path, case("a.pdf", "Head", kind="absent"))
    truth = tmp_path / "truth.jsonl"
    truth.write_text(json.dumps({"path": "a.pdf", "page": 1, "text": "Head Body"}), "utf-8")
    asked = ["eval", str(run), "--tests", str(tests), "--truth", str(truth), "--json"]

    figures = []
    for arguments in (asked, [*asked, "--keep-headers"]):
        assert run_command(arguments) == 0
        found = json.loads(capsys.readouterr().out)
        figures.append((found["tests"]["passed"], found["truth"]["each"][0]["cer"]))

    assert figures == [(1, 5 / 9), (1, 0.0)]


def test_the_table_says_what_failed_and_why(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = written(run.parent, case("a.pdf", "a.pdf 0"), case("a.pdf", "a.pdf 0", kind="absent"))

    assert run_command(["eval", str(run), "--tests", str(tests)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["tests", "passed", "of", "share", "95", "%", "not", "judged"]
    assert lines[3].split()[:5] == ["all", "1", "2", "50.0", "%"]
    assert "  failed     absent   absent a.pdf 0 in a.pdf 1: 'a.pdf 0' is there" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN"], "Add --tests tests.jsonl or --truth truth.jsonl"),
        (["RUN", "--tests", "TESTS", "--documents", "RUN"], "Add --html report.html"),
        (["RUN", "--tests", "TESTS", "--html", "r.html", "--documents", "nowhere"], "nowhere is no folder"),
        (["nowhere", "--tests", "TESTS"], "nowhere is no folder"),
        (["EMPTY", "--tests", "TESTS"], "holds no run and no markdown file"),
        (["RUN", "--tests", "BROKEN"], "tests.jsonl:1: not JSON"),
        (["DAMAGED", "--tests", "TESTS"], "cannot be read as pages of a run"),
        (["RUN", "--tests", "TESTS", "--html", "RUN/no/such/r.html"], "cannot be written"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    base = run.parent
    for name in ("empty", "damaged", "broken"):
        (base / name).mkdir()
    (base / "damaged" / "part-0.parquet").write_bytes(b"not parquet")
    places = {
        "RUN": run,
        "EMPTY": base / "empty",
        "DAMAGED": base / "damaged",
        "TESTS": written(base, PRESENT),
        "BROKEN": written(base / "broken", "{"),
        "RUN/no/such/r.html": run / "no" / "such" / "r.html",
    }

    code = run_command(["eval", *(str(places.get(argument, argument)) for argument in arguments)])

    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert "Traceback" not in error


def test_the_report_shows_pages_beside_their_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything is in the one file, and nothing that a document says becomes markup of the report."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(pdf_of_texts(["Hello there"]))
    (tmp_path / "md").mkdir()
    (tmp_path / "md" / "a_pg1.md").write_text("Hello <script>alert(1)</script> *page  four*", "utf-8")
    (tmp_path / "md" / "b_pg1.md").write_text("fine", "utf-8")
    tests = written(tmp_path, case("a.pdf", "page four", kind="absent"), case("b.pdf", "fine"))
    truth = tmp_path / "truth.jsonl"
    truth.write_text(json.dumps({"path": "a.pdf", "page": 1, "text": "Hello page five"}), "utf-8")
    report = tmp_path / "report.html"

    asked = ["--tests", str(tests), "--truth", str(truth), "--html", str(report), "--documents", str(tmp_path / "docs")]
    assert run_command(["eval", str(tmp_path / "md"), *asked]) == 0

    html = report.read_text("utf-8")
    assert "<script" not in html
    assert '<mark title="absent page four in a.pdf 1">page  four</mark>' in html
    assert html.count('src="data:image/jpeg;base64,') == 1
    assert "<del>five</del>" in html
    assert html.index("a.pdf page 1") < html.index("b.pdf page 1")
    assert "b.pdf is in none of the folders of documents" in html
    assert "http" not in html
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "docs",
        "md",
        "report.html",
        "tests.jsonl",
        "truth.jsonl",
    ]


def test_no_document_outside_of_the_folders_is_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret.pdf").write_bytes(pdf_of_texts(["secret"]))
    (tmp_path / "docs").mkdir()
    (tmp_path / "md").mkdir()
    (tmp_path / "md" / "secret.md").write_text("x", "utf-8")
    tests = written(tmp_path, case("../secret.pdf", "x"), case(str(tmp_path / "secret.pdf"), "x"))
    report = tmp_path / "report.html"

    run_command(
        [
            "eval",
            str(tmp_path / "md"),
            "--tests",
            str(tests),
            "--html",
            str(report),
            "--documents",
            str(tmp_path / "docs"),
        ]
    )

    assert "data:image" not in report.read_text("utf-8")
