"""The same bytes give the same rows online as in a run, column by column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.online.job import Asked, Row, new_job_id
from omnipipe.online.piece import Piece
from omnipipe.online.piece_worker import PieceWorker
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.stages.base import Stage, WaitingStage
from omnipipe.stages.verify import Verify
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
from tests.online.documents import SAMPLES, blank_pdf, encrypted_pdf, scan_png, text_pdf
from tests.online.tables import COMPARED, table_of
from tests.rows import result_rows

LIMIT = 7


class EchoText(QwenTextEchoConfig):
    reply: str | None = "# A title\n\nSome words that the model read."


def documents(names: tuple[str, ...]) -> dict[str, bytes]:
    made = {
        "text.pdf": text_pdf(9),
        "blank.pdf": blank_pdf(),
        "scan.png": scan_png(),
        "cut off.pdf": text_pdf(2)[:300],
        "bröken.png": scan_png()[:200],
        "no image.png": b"\x89PNG\r\n\x1a\nno image",
        "no image.gif": b"GIF89a no image",
        "nothing.pdf": b"",
        "letter.pdf": b"no document at all",
        "letter.docx": b"no document either",
        "locked.pdf": encrypted_pdf("sesame"),
        "opened.pdf": encrypted_pdf("open"),
    }
    made |= {name: (SAMPLES / name).read_bytes() for name in ("columns.pdf", "tables.pdf", "not_a_pdf.pdf")}
    return {name: made[name] for name in names} if names else made


def read_online(worker: PieceWorker, pipeline: Pipeline, folder: Path, files: dict[str, bytes]) -> Iterator[Row]:
    for name, data in files.items():
        spooled = folder / hashlib.sha256(name.encode()).hexdigest()
        spooled.write_bytes(data)
        asked = Asked(pipeline=pipeline.name, config_hash=pipeline.config_hash, max_pages=LIMIT)
        piece = Piece(
            job_id=new_job_id(),
            upload=spooled,
            file_name=name,
            doc_id=hashlib.sha256(data).hexdigest(),
            asked=asked,
            first_pages=2,
            passwords=("open",),
        )
        first = worker.read(piece)
        yield from first.rows
        assert first.opened is not None
        for start, stop in first.opened.wanted:
            for index in range(max(start, 2), stop):
                yield from worker.read(
                    Piece(
                        job_id=piece.job_id,
                        upload=spooled,
                        file_name=name,
                        doc_id=piece.doc_id,
                        asked=asked,
                        spans=((index, index + 1),),
                        page_count=first.opened.page_count,
                        passwords=("open",),
                    )
                ).rows


def both(pipeline: Pipeline, folder: Path, files: dict[str, bytes]) -> tuple[pa.Table, pa.Table]:
    inputs, spool = folder / "in", folder / "spool"
    inputs.mkdir()
    spool.mkdir()
    for name, data in files.items():
        (inputs / name).write_bytes(data)
    options = RunOptions(runner="local", max_pages=LIMIT, passwords=("open",))
    run(pipeline, sorted(map(str, inputs.iterdir())), folder / "out", options)
    with PieceWorker(pipeline) as worker:
        online = table_of(read_online(worker, pipeline, spool, files))
    return result_rows(folder / "out").select(COMPARED), online


def assert_equal(batch: pa.Table, online: pa.Table) -> None:
    assert batch.column("page_id").to_pylist() == online.column("page_id").to_pylist()
    for name in COMPARED:
        assert online.column(name).equals(batch.column(name)), name


def test_every_kind_of_document_gives_the_rows_of_a_run(tmp_path: Path) -> None:
    batch, online = both(load_pipeline("default"), tmp_path, documents(()))

    assert_equal(batch, online)
    assert set(online.column("route").to_pylist()) >= {"text_layer", "ocr", "none"}
    assert set(online.column("status").to_pylist()) >= {"ok", "blank", "failed", "skipped"}
    assert set(online.column("error_code").to_pylist()) >= {"encrypted", "corrupt", "empty", "max_pages"}


def with_echo(stage: Stage) -> Stage:
    if isinstance(stage, WaitingStage):
        return stage.with_engine(EchoText())
    # No OCR is good enough, so that pages take every pass.
    return stage.model_copy(update={"min_quality": 1.0}) if isinstance(stage, Verify) else stage


@pytest.mark.parametrize("name", ["hybrid", "vlm"])
def test_pages_that_a_model_reads_give_the_rows_of_a_run(tmp_path: Path, name: str) -> None:
    loaded = load_pipeline(name)
    stages = tuple(with_echo(stage) for stage in loaded.stages)

    batch, online = both(
        Pipeline(name, stages), tmp_path, documents(("text.pdf", "scan.png", "blank.pdf", "columns.pdf"))
    )

    assert_equal(batch, online)
    assert "vlm" in online.column("route").to_pylist()
