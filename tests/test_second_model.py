"""A page that one model cannot read goes to another one, where a pipeline has two."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.cli.main import run_command
from omnipipe.ledger.verify import verify_run
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from tests.engines.faulty import FaultyConfig
from tests.pdfs import pdf_of_contents
from tests.rows import result_rows

SCAN = b"0.2 g 72 100 400 600 re f"
SMALL = Render(dpi=20, small_side=0)
TWO_MODELS = """
stages:
  - read: {text_layer: false}
  - render
  - extract: {pass_on: true, engine: {config: QwenTextEchoConfig, reply: one two three, decoder: {max_tokens: 2}}}
  - render
  - extract: {engine: {config: QwenTextEchoConfig, model: larger, reply: all of it}}
"""


def rows_of(tmp_path: Path, first: FaultyConfig, second: FaultyConfig) -> dict[object, dict[str, object]]:
    """The rows of four scans that `first` reads, and `second` where that one gives up."""
    document = tmp_path / "scan.pdf"
    document.write_bytes(pdf_of_contents([SCAN] * 4))
    stages = (Read(text_layer=False), SMALL, Extract(engine=first, pass_on=True), SMALL, Extract(engine=second))

    run(Pipeline("two", stages), document, tmp_path / "out", RunOptions(runner="local"))

    assert verify_run(tmp_path / "out").problems == []
    return {row["page_index"]: row for row in result_rows(tmp_path / "out").to_pylist()}


def test_a_second_model_reads_what_the_first_cannot(tmp_path: Path) -> None:
    log = tmp_path / "log"
    second = FaultyConfig(model="second", log=str(log))

    rows = rows_of(tmp_path, FaultyConfig(model="first", endless=(1,), refused=(2,)), second)

    assert [rows[index]["model"] for index in range(4)] == ["first", "second", "second", "first"]
    assert {(row["status"], row["error_code"]) for row in rows.values()} == {("ok", None)}
    assert [rows[index]["route_reason"] for index in (1, 2)] == ["first: truncated", "first: context_overflow"]
    assert len(log.read_text().splitlines()) == 2


def test_a_page_that_no_model_reads_fails_with_the_last_ones_reason(tmp_path: Path) -> None:
    first = FaultyConfig(model="first", endless=(1, 2))

    rows = rows_of(tmp_path, first, FaultyConfig(model="second", refused=(2,)))

    assert (rows[1]["status"], rows[1]["model"]) == ("ok", "second")
    assert (rows[2]["status"], rows[2]["error_code"], rows[2]["finish_reason"]) == ("failed", "context_overflow", None)


def test_a_page_that_is_passed_on_to_nobody_keeps_its_error(tmp_path: Path) -> None:
    document = tmp_path / "scan.pdf"
    document.write_bytes(pdf_of_contents([SCAN] * 2))
    extract = Extract(engine=FaultyConfig(endless=(1,)), pass_on=True)

    run(Pipeline("p", (Read(text_layer=False), SMALL, extract)), document, tmp_path / "out", RunOptions(runner="local"))

    rows = {row["page_index"]: row for row in result_rows(tmp_path / "out").to_pylist()}
    assert (rows[1]["status"], rows[1]["error_code"]) == ("failed", "truncated")


def test_two_models_fit_into_one_file(tmp_path: Path) -> None:
    document, file = tmp_path / "scan.pdf", tmp_path / "two.yaml"
    document.write_bytes(pdf_of_contents([SCAN]))
    file.write_text(TWO_MODELS)

    run(load_pipeline(file), document, tmp_path / "out", RunOptions(runner="local"))

    (row,) = result_rows(tmp_path / "out").to_pylist()
    assert (row["text"], row["model"]) == ("all of it", "larger")


def test_an_option_for_one_of_two_models_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(TWO_MODELS)

    code = run_command(["config", "show", "-p", str(file), "--max-tokens", "7"])

    assert code == 2
    assert "asks several models (echo, larger)" in capsys.readouterr().err
