"""Pages that go on to an engine: what passes do with them, what is asked, what is never asked twice."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from omnipipe import Page, RunSummary, Stage
from omnipipe.batch import RunOptions, run
from omnipipe.chain import Chain
from omnipipe.errors import ConfigError, EngineDeadError
from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.packing import UnitSize
from omnipipe.ledger.verify import verify_run
from omnipipe.pipeline import Pipeline, find_conflict, load_pipeline
from omnipipe.reading.process import ReaderLimits
from omnipipe.runners import local
from omnipipe.runners.crew import Crew, run_units
from omnipipe.runners.job import Job
from omnipipe.sources.expand import expand
from omnipipe.sources.index import index_sources
from omnipipe.stages.extract import Extract
from omnipipe.stages.ocr import Ocr
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.stages.verify import Verify
from omnipipe.unit import Member, Unit
from tests.engines.faulty import FaultyConfig
from tests.pdfs import pdf_of_contents
from tests.rows import column, result_rows

TEXT = b"BT /F1 11 Tf 72 700 Td (A page with a few words that anybody can read in peace.) Tj ET"
SCAN = b"0.2 g 72 100 400 600 re f"

SMALL = Render(dpi=20, small_side=0)


class Doubt(Stage):
    """Reopens every page that OCR read."""

    def wants(self, page: Page) -> bool:
        return page.route == "ocr"

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        return [page.with_(status="open") for page in pages]


def write_mixed(path: Path, num_pages: int = 12, every: int = 3) -> Path:
    """A PDF in which each page whose index `every` divides has ink and no text layer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pdf_of_contents([TEXT if index % every else SCAN for index in range(num_pages)]))
    return path


def pipeline_of(*, text_layer: bool = True, **faults: object) -> Pipeline:
    extract = Extract(engine=FaultyConfig.model_validate(faults))
    return Pipeline("p", (Read(text_layer=text_layer), SMALL, extract))


def read(pipeline: Pipeline, inputs: Path, output: Path, **options: object) -> RunSummary:
    return run(pipeline, inputs, output, RunOptions(runner="local", **options))  # type: ignore[arg-type]


def asked(log: Path) -> list[int]:
    return sorted(int(line.split("#")[1].split()[0]) for line in log.read_text().splitlines())


def test_an_engine_has_a_pass_of_its_own_unless_every_page_goes_to_it() -> None:
    extract = Extract(engine=FaultyConfig())
    every = Pipeline("p", (Read(text_layer=False), Render(), extract))
    some = Pipeline("p", (Read(), Render(), Ocr(), Verify(), Render(), extract))

    assert [[type(stage).__name__ for stage in part.stages] for part in every.passes] == [["Read", "Render", "Extract"]]
    assert [[type(stage).__name__ for stage in part.stages] for part in some.passes] == [
        ["Read", "Render", "Ocr", "Verify"],
        ["Render", "Extract"],
    ]
    assert [part.engine for part in some.passes] == [None, FaultyConfig()]


def test_a_picture_is_drawn_as_the_stage_that_reads_it_likes() -> None:
    first, second = (
        stage
        for part in Pipeline(
            "p", (Read(), Render(), Ocr(engine="fast"), Render(dpi=99), Extract(engine=FaultyConfig()))
        ).passes
        for stage in part.stages
        if isinstance(stage, Render)
    )

    assert (first.dpi, first.format, first.mode) == (200, "raw", "L")
    assert (second.dpi, second.format, second.mode, second.multiple_of) == (99, "jpeg", "RGB", 32)


def test_an_engine_without_a_picture_of_its_own_is_refused() -> None:
    conflict = find_conflict((Read(), Render(), Ocr(), Extract(engine=FaultyConfig())))

    assert conflict is not None
    assert "Put render before it" in conflict.message


def test_only_pages_that_need_it_reach_the_engine(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf")
    log = tmp_path / "log"

    summary = read(pipeline_of(log=str(log)), document, tmp_path / "out")

    assert asked(log) == [0, 3, 6, 9]
    assert summary.routes == {"text_layer": 8, "vlm": 4}
    assert summary.statuses == {"ok": 12}
    assert verify_run(tmp_path / "out").problems == []
    texts = column(tmp_path / "out", "text")
    assert sum(str(text).startswith("read ") for text in texts) == 4


@pytest.mark.parametrize("size", [1, 5, 64])
def test_rows_do_not_depend_on_units_or_passes(tmp_path: Path, size: int) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf", 20)
    read(pipeline_of(), document, tmp_path / "reference")

    read(pipeline_of(), document, tmp_path / "out", unit_size=UnitSize(max_pages=size))

    assert result_rows(tmp_path / "out") == result_rows(tmp_path / "reference")


def test_a_run_that_ended_between_passes_goes_on_there(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf")
    log = tmp_path / "log"
    pipeline = pipeline_of(log=str(log))
    with Ledger.open(tmp_path / "out", pipeline) as ledger:
        records = list(index_sources(expand([document]), num_processes=1, limits=ReaderLimits()))
        ledger.add_sources(records)
        job = Job(pipeline=pipeline, run_dir=ledger.run_dir, run_id=ledger.run_id, boot_id=ledger.boot_id)
        local.execute(job, ledger.plan(records, size=UnitSize(max_pages=5)), on_receipt=lambda receipt: None)
    assert not log.exists()

    summary = read(pipeline, document, tmp_path / "out")

    assert asked(log) == [0, 3, 6, 9]
    assert summary.pages_this_run == 4
    assert verify_run(tmp_path / "out").problems == []


def test_a_finished_run_asks_nothing(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf")
    log = tmp_path / "log"
    read(pipeline_of(log=str(log)), document, tmp_path / "out")

    summary = read(pipeline_of(log=str(log)), document, tmp_path / "out")

    assert summary.pages_this_run == 0
    assert len(asked(log)) == 4


def test_what_was_answered_before_a_death_is_not_asked_again(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "scan.pdf", 8, every=1)
    log = tmp_path / "log"
    with pytest.raises(Exception, match="faulty engine is dead"):
        read(pipeline_of(text_layer=False, log=str(log), deadly=(7,), slots=1), document, tmp_path / "out")
    answered = asked(log)
    assert answered

    with pytest.raises(Exception, match="faulty engine is dead"):
        read(pipeline_of(text_layer=False, log=str(log), deadly=(7,), slots=1), document, tmp_path / "out")

    assert len(asked(log)) == len(set(asked(log)))
    assert list((tmp_path / "out" / "spool").iterdir())


def test_an_engine_that_dies_takes_no_page_of_a_unit_that_waits(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "scan.pdf", 9, every=1)
    pipeline = pipeline_of(text_layer=False, deadly=tuple(range(9)))
    with Ledger.open(tmp_path / "out", pipeline) as ledger:
        records = list(index_sources(expand([document]), num_processes=1, limits=ReaderLimits()))
        ledger.add_sources(records)
        job = Job(pipeline=pipeline, run_dir=ledger.run_dir, run_id=ledger.run_id, boot_id=ledger.boot_id)
        units = list(ledger.plan(records, size=UnitSize(max_pages=3)))
        for unit in units:
            for _ in range(2):
                ledger.store.plan_attempt(unit, "a worker that died")
        with closing(Crew(job, 0)) as crew, pytest.raises(EngineDeadError):
            run_units(crew, units, len(units), lambda receipt: None)

    starts = "".join(file.read_text() for file in (tmp_path / "out" / "starts").iterdir())
    assert starts.count('"worker"') == 3 * len(units)
    assert starts.count('"page"') == 1


def test_answers_leave_the_spool_with_the_commit(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf")

    read(pipeline_of(), document, tmp_path / "out")

    assert list((tmp_path / "out" / "spool").iterdir()) == []


def test_a_cut_off_answer_is_asked_for_again_at_another_temperature(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf")
    log = tmp_path / "log"

    read(pipeline_of(log=str(log), endless_at_zero=(3,), endless=(6,)), document, tmp_path / "out")

    rows = {row["page_index"]: row for row in result_rows(tmp_path / "out").to_pylist()}
    assert asked(log) == [0, 3, 3, 6, 6, 9]
    assert (rows[3]["status"], rows[3]["error_code"]) == ("ok", None)
    assert rows[3]["temperature"] == pytest.approx(0.4)
    assert (rows[6]["status"], rows[6]["error_code"], rows[6]["text"]) == ("failed", "truncated", None)
    assert "max_tokens=4096" in str(rows[6]["error_message"])


def test_a_page_with_a_poor_text_falls_back_to_it(tmp_path: Path) -> None:
    document = tmp_path / "scan.pdf"
    document.write_bytes(pdf_of_contents([b"BT /F1 40 Tf 3 Tr 0.7 g 60 500 Td 0 Tr (Legible) Tj ET"] * 2))
    extract = Extract(engine=FaultyConfig(refused=(1,)))
    stages = (Read(text_layer=False), Render(), Ocr(), Doubt(), SMALL, extract)

    summary = read(Pipeline("p", stages), document, tmp_path / "out")

    rows = {row["page_index"]: row for row in result_rows(tmp_path / "out").to_pylist()}
    assert summary.statuses == {"ok": 1, "fallback": 1}
    assert rows[0]["route"] == "vlm"
    assert (rows[1]["route"], rows[1]["error_code"]) == ("ocr", "context_overflow")
    assert "Legible" in str(rows[1]["text"])


def test_failed_pages_of_an_engine_are_computed_anew(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf")
    read(pipeline_of(refused=(3, 6)), document, tmp_path / "out")
    log = tmp_path / "log"

    summary = read(pipeline_of(refused=(3, 6), log=str(log)), document, tmp_path / "out", retry="failed")

    assert summary.statuses == {"ok": 10, "failed": 2}
    assert asked(log) if log.exists() else True
    assert verify_run(tmp_path / "out").problems == []


def test_a_changed_document_leaves_every_pass(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf")
    read(pipeline_of(), document.parent, tmp_path / "out")
    write_mixed(document, 6, every=2)

    summary = read(pipeline_of(), document.parent, tmp_path / "out")

    assert summary.pages_in == 6
    assert summary.routes == {"text_layer": 3, "vlm": 3}
    assert verify_run(tmp_path / "out").problems == []


def test_an_unknown_config_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("stages:\n  - read: {text_layer: false}\n  - render\n  - extract: {engine: QwenTextVLMConfig}\n")

    with pytest.raises(ConfigError, match=r"mine.yaml:4:\d+: .*Did you mean QwenTextVLLMConfig"):
        load_pipeline(path)


def test_pages_outside_of_a_run_take_every_pass(tmp_path: Path) -> None:
    document = write_mixed(tmp_path / "in" / "mixed.pdf")
    record = next(iter(index_sources(expand([document]), num_processes=1, limits=ReaderLimits())))

    with Chain(pipeline_of()) as chain:
        pages = chain.process(chain.start_pages(Unit(id="u", members=(Member(record.ref(), 0, 12),))))

    assert [page.route for page in pages] == ["vlm", "text_layer", "text_layer"] * 4
