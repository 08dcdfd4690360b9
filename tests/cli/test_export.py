"""Exports: every document once, under a safe name of its own, whole or not at all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from omnipipe.cli.main import run_command
from omnipipe.errors import InputError, OutputError
from omnipipe.export.name import name_hashes, output_name, uri_parts
from omnipipe.export.run import ExportOptions, export_run, parse_statuses
from omnipipe.ledger.ledger import Ledger
from omnipipe.page import Block, Page
from omnipipe.unit import Unit
from tests.ledgerkit import PIPELINE, index, record, rows_of

DAMAGED = b"not parquet"


def texts_of(unit: Unit) -> list[Page]:
    """Rows with a title and a word; page 3 of every document failed, page 4 is blank."""
    pages: list[Page] = []
    for page in rows_of(unit):
        if page.count is None:
            pages.append(page)
            continue
        blocks = (Block("title", None, 0, 1, "Title"), Block("text", None, 1, None, f"page {page.index}"))
        page = page.with_(text=f"# Title\n\npage {page.index}", text_format="markdown", blocks=blocks, quality=0.9)
        if page.index == 2:
            page = page.failed("render_crash", "the child died -- it did -->")
        if page.index == 3:
            page = page.with_(status="blank", text="", blocks=(), quality=None)
        pages.append(page)
    return pages


def make_run(folder: Path, documents: Sequence[tuple[str, int | None]], *, num_left: int = 0) -> Path:
    """A run with those documents (uri, pages); the last `num_left` units stay undone."""
    run = folder / "run"
    records = [record(uri, pages, problem=None if pages else "corrupt") for uri, pages in documents]
    with Ledger.open(run, PIPELINE) as ledger:
        units = index(ledger, records)
        for unit in units[: len(units) - num_left]:
            ledger.store.plan_attempt(unit, "w")
            assert ledger.store.commit(unit, texts_of(unit))
        if not num_left:
            ledger.finish()
    return run


def names_in(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return sorted(str(path.relative_to(folder)) for path in files)


def test_a_markdown_tree_has_the_folders_of_the_sources(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/home/ann/docs/a.pdf", 1), ("/home/ann/docs/sub/b.pdf", 2)])

    summary = export_run(run, tmp_path / "md")

    assert names_in(tmp_path / "md") == ["a.md", "sub/b.md"]
    assert (tmp_path / "md" / "sub" / "b.md").read_text() == "# Title\n\npage 0\n\n# Title\n\npage 1\n"
    assert (summary.num_documents, summary.num_pages, summary.num_left_out) == (2, 3, 0)
    assert summary.warnings == ()


def test_pages_without_text_are_named_in_markdown(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 4)])

    export_run(run, tmp_path / "md")

    text = (tmp_path / "md" / "a.md").read_text()
    assert "<!-- page 3: failed, render_crash: the child died - - it did - -&gt; -->" in text
    assert text.count("# Title") == 2


def test_text_has_no_markup(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1)])

    export_run(run, tmp_path / "txt", ExportOptions(format="text"))

    assert (tmp_path / "txt" / "a.txt").read_text() == "Title\n\npage 0\n"


def test_front_matter_is_yaml(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    run = make_run(tmp_path, [('/d/a "b": #c.pdf', 4)])

    export_run(run, tmp_path / "md", ExportOptions(front_matter=True))

    _, head, _ = (tmp_path / "md" / "a _b__ #c.md").read_text().split("---\n", 2)
    plain = yaml.safe_load(head)
    assert plain["source"] == '/d/a "b": #c.pdf'
    assert (plain["pages"], plain["pages_ok"], plain["pages_failed"], plain["pages_blank"]) == (4, 2, 1, 1)


def test_json_lines_have_the_fields_of_dolma(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 4), ("/d/b.pdf", 1)])

    export_run(run, tmp_path / "out.jsonl", ExportOptions(format="jsonl", source="archive"))

    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    first = next(line for line in lines if line["metadata"]["source_uri"] == "/d/a.pdf")
    assert len(lines) == 2
    assert set(first) == {"id", "text", "source", "added", "created", "metadata"}
    assert first["id"] == record("/d/a.pdf", 4).doc_id
    assert first["source"] == "archive"
    assert first["metadata"]["statuses"] == {"blank": 1, "failed": 1, "ok": 2}
    ends = first["metadata"]["page_ends"]
    assert first["text"][: ends[0]] == "# Title\n\npage 0"
    assert first["text"][ends[0] + 2 : ends[1]] == "# Title\n\npage 1"


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst"])
def test_json_lines_are_compressed_as_their_name_says(tmp_path: Path, ending: str) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1)])
    path = tmp_path / f"out{ending}"

    export_run(run, path, ExportOptions(format="jsonl"))

    raw = gzip.decompress(path.read_bytes()) if ending.endswith("gz") else pa.input_stream(str(path)).read()
    assert json.loads(raw)["metadata"]["source_uri"] == "/d/a.pdf"


def test_json_lines_go_into_parts_of_a_folder(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1)])

    export_run(run, tmp_path / "parts", ExportOptions(format="jsonl"))

    assert names_in(tmp_path / "parts") == ["documents-00000.jsonl.zst"]


def test_a_document_in_many_units_is_one_file_in_page_order(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1), ("/d/large.pdf", 1500), ("/d/z.pdf", 1)])
    assert len(list((run / "pages").iterdir())) > 2

    summary = export_run(run, tmp_path / "md")

    numbers = [line for line in (tmp_path / "md" / "large.md").read_text().splitlines() if line.startswith("page ")]
    assert names_in(tmp_path / "md") == ["a.md", "large.md", "z.md"]
    assert numbers == [f"page {number}" for number in range(1500) if number not in (2, 3)]
    assert summary.num_documents == 3


def test_documents_without_text_are_left_out_and_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1), ("/d/broken.pdf", None)])

    summary = export_run(run, tmp_path / "md")

    assert names_in(tmp_path / "md") == ["a.md"]
    assert summary.num_left_out == 1


def test_names_that_would_be_alike_are_kept_apart(tmp_path: Path) -> None:
    uris = ["/d/a.pdf", "/d/a.png", "/d/A.PDF", "/d/b.pdf", "/d/b.pdf.tiff", "/d/c?.pdf", "/d/c*.pdf", "/d/only.pdf"]
    run = make_run(tmp_path, [(uri, 1) for uri in uris])

    summary = export_run(run, tmp_path / "md")

    names = names_in(tmp_path / "md")
    assert summary.num_documents == len(uris) == len({name.casefold() for name in names})
    assert "only.md" in names
    assert "a.png.md" in names


def test_a_folder_named_like_an_exported_file_is_kept_apart(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1), ("/d/a.md/b.pdf", 1)])

    export_run(run, tmp_path / "md")

    assert names_in(tmp_path / "md") == ["a.md", "a.md_/b.md"]


@pytest.mark.parametrize(
    "uri",
    [
        "/../../etc/passwd.pdf",
        "s3://bucket/../../x.pdf",
        "/d/..",
        "/d/../..",
        "file:///d/%2e%2e/x.pdf",
        "/d/CON.pdf",
        "/d/new\nline.pdf",
        "/d/" + "long" * 200 + ".pdf",
        "/d/.hidden.pdf",
        "/d/trailing. .pdf ",
        "row:12:/d/list.parquet",
        "C:\\docs\\x.pdf",
    ],
)
def test_any_uri_becomes_a_safe_name_below_the_folder(tmp_path: Path, uri: str) -> None:
    parts = uri_parts(uri)
    path = (tmp_path / output_name(parts, 0, "ab" * 32, set(), ".md")).resolve()

    assert path.is_relative_to(tmp_path)
    assert path != tmp_path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    assert all(len(part.encode()) <= 255 and not set(part) & set('<>:"|?*\\\n') for part in parts)


def test_long_names_that_begin_alike_stay_apart() -> None:
    first, second = (uri_parts("/d/" + "long" * 100 + f"{number}.pdf") for number in (1, 2))

    assert name_hashes(first) != name_hashes(second)


def test_an_export_can_be_repeated(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1), ("/d/b.pdf", 1)])

    first = export_run(run, tmp_path / "md")
    second = export_run(run, tmp_path / "md")

    assert first == second
    assert names_in(tmp_path / "md") == ["a.md", "b.md"]


def test_an_export_that_is_repeated_holds_no_document_twice(tmp_path: Path) -> None:
    """Before, documents of another folder gave all files another place, and those at the old one stayed."""
    run = make_run(tmp_path, [("/d/one/a.pdf", 1), ("/d/one/b.pdf", 1)])
    export_run(run, tmp_path / "md")
    (tmp_path / "md" / "mine.md").write_text("mine")
    with Ledger.open(run, PIPELINE) as ledger:
        for unit in index(ledger, [record("/d/two/c.pdf", 1)]):
            assert ledger.store.commit(unit, texts_of(unit))
        ledger.finish()

    export_run(run, tmp_path / "md", ExportOptions(front_matter=True))

    assert names_in(tmp_path / "md") == ["mine.md", "one/a.md", "one/b.md", "two/c.md"]
    export_run(run, tmp_path / "md", ExportOptions(statuses=parse_statuses("failed")))
    assert names_in(tmp_path / "md") == ["mine.md"]
    assert not (tmp_path / "md" / "two").exists()


def test_an_export_that_was_cut_off_leaves_nothing_behind_when_it_is_repeated(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/one/a.pdf", 1)])
    export_run(run, tmp_path / "md")
    (tmp_path / "md" / ".omnipipe-export.files.new").write_text("old.md\nhalf")
    (tmp_path / "md" / "old.md").write_text("what another document's text was")

    export_run(run, tmp_path / "md")

    assert names_in(tmp_path / "md") == ["a.md"]


def test_a_run_that_is_still_indexed_is_exported_with_a_warning(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 3)])
    with Ledger.open(run, PIPELINE) as ledger:
        for unit in index(ledger, [record("/d/b.pdf", 3)]):
            assert ledger.store.commit(unit, texts_of(unit))

    summary = export_run(run, tmp_path / "md")

    assert "did not come to its end" in summary.warnings[0]


def test_files_of_the_users_are_not_written_over(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1)])
    mine = tmp_path / "md" / "a.md"
    mine.parent.mkdir()
    mine.write_text("mine")

    with pytest.raises(OutputError, match="--overwrite"):
        export_run(run, tmp_path / "md")

    assert mine.read_text() == "mine"
    export_run(run, tmp_path / "md", ExportOptions(overwrite=True))
    assert mine.read_text().startswith("# Title")


def test_an_existing_file_is_not_written_over(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1)])
    path = tmp_path / "out.jsonl"
    path.write_text("mine")

    with pytest.raises(OutputError, match="--overwrite"):
        export_run(run, path, ExportOptions(format="jsonl"))

    assert path.read_text() == "mine"


def test_an_unfinished_run_is_exported_with_a_warning(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 300), ("/d/b.pdf", 300), ("/d/c.pdf", 300)], num_left=1)

    summary = export_run(run, tmp_path / "md")

    assert "a.md" in names_in(tmp_path / "md")
    assert "planned pages have no row yet" in summary.warnings[0]


def test_only_pages_of_chosen_statuses_and_quality_are_exported(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 4)])

    chosen = export_run(run, tmp_path / "ok", ExportOptions(statuses=parse_statuses("ok")))
    none = export_run(run, tmp_path / "best", ExportOptions(statuses=parse_statuses("ok"), min_quality=0.95))

    assert chosen.num_pages == 2
    assert "<!--" not in (tmp_path / "ok" / "a.md").read_text()
    assert (none.num_documents, none.num_left_out) == (0, 1)


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(InputError, match="'good' is no status"):
        parse_statuses("ok,good")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1)])
    damaged = next((run / "pages").iterdir())
    damaged.write_bytes(DAMAGED)

    with pytest.raises(InputError, match=damaged.name):
        export_run(run, tmp_path / "md")


def test_a_folder_that_cannot_be_written_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1)])
    blocked = tmp_path / "file"
    blocked.write_text("x")

    code = run_command(["export", str(run), "--to", "markdown", "-o", str(blocked / "md")])

    assert code == 2
    assert "cannot be written" in capsys.readouterr().err


def test_nothing_half_written_is_left_when_an_export_fails(tmp_path: Path) -> None:
    run = make_run(tmp_path, [("/d/a.pdf", 1), ("/d/large.pdf", 1500)])
    last = sorted((run / "pages").iterdir())[-1]
    options = ExportOptions(format="jsonl")
    whole = last.read_bytes()
    # The footer stays readable, the data does not: the export begins and breaks.
    last.write_bytes(b"PAR1" + bytes(2000) + whole[2004:])

    with pytest.raises(InputError):
        export_run(run, tmp_path / "out" / "x.jsonl", options)

    assert not (tmp_path / "out").exists() or names_in(tmp_path / "out") == []
