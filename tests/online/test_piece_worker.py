"""Pieces of documents, read with chains that are shared by jobs: what comes back, and what never does."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omnipipe.engines.thread import EngineHost
from omnipipe.model import Completion
from omnipipe.online.job import Asked, new_job_id
from omnipipe.online.piece import Piece, PieceResult
from omnipipe.online.piece_reading import Desk
from omnipipe.online.piece_worker import PieceWorker
from omnipipe.online.private_desks import PrivateDesks
from omnipipe.online.row_json import row_of
from omnipipe.online.shown_name import ShownName, as_file_name, without_folder
from omnipipe.page import Block, Line, Page
from omnipipe.pipeline import Pipeline, load_pipeline
from omnipipe.schema import PAGES
from omnipipe.stages.base import Stage
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen.echo import QwenTextEchoConfig
from omnipipe.worker import WorkerOptions
from tests.online.documents import encrypted_pdf, text_pdf

PIPELINE = load_pipeline("text_layer")


@pytest.fixture(scope="module")
def worker() -> Iterator[PieceWorker]:
    with PieceWorker(PIPELINE) as worker:
        yield worker


def piece_of(folder: Path, data: bytes, file_name: str = "a.pdf", **fields: object) -> Piece:
    upload = folder / f"spooled-{new_job_id()}"
    upload.write_bytes(data)
    return Piece(
        job_id=new_job_id(),
        upload=upload,
        file_name=file_name,
        doc_id=hashlib.sha256(data).hexdigest(),
        asked=Asked(pipeline="p", config_hash="c"),
        **fields,  # type: ignore[arg-type]
    )


def plain(result: PieceResult) -> list[dict[str, object]]:
    return [json.loads(row.json) for row in result.rows]


def test_the_first_piece_says_what_there_is_to_read(worker: PieceWorker, tmp_path: Path) -> None:
    result = worker.read(piece_of(tmp_path, text_pdf(10), first_pages=3))

    assert result.opened is not None
    assert (result.opened.page_count, result.opened.num_pages, result.opened.format) == (10, 10, "pdf")
    assert result.opened.wanted == ((0, 10),)
    assert [row.page_index for row in result.rows] == [0, 1, 2]
    assert result.routes == {"text_layer": 3}


def test_a_later_piece_reads_its_spans_only(worker: PieceWorker, tmp_path: Path) -> None:
    result = worker.read(piece_of(tmp_path, text_pdf(10), spans=((1, 3), (7, 8)), page_count=10))

    assert result.opened is None
    assert [row["page_number"] for row in plain(result)] == [2, 3, 8]
    assert all(f"page {row['page_number']} make" in str(row["text"]) for row in plain(result))


def test_pages_not_begun_by_the_deadline_are_rows_too(worker: PieceWorker, tmp_path: Path) -> None:
    result = worker.read(piece_of(tmp_path, text_pdf(3), spans=((0, 3),), page_count=3, deadline=time.time() - 1))

    assert [(row.status, row.page_index) for row in result.rows] == [("skipped", 0), ("skipped", 1), ("skipped", 2)]
    assert {row["error_code"] for row in plain(result)} == {"cancelled"}
    assert "deadline" in str(plain(result)[0]["error_message"])


class Cancels(Stage):
    """Lets its page's job be cancelled while it is read."""

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        cancelled.set()
        return [page.with_(status="ok", route="ocr", text="read") for page in pages]


cancelled = threading.Event()


def test_a_cancelled_piece_ends_after_the_pages_it_is_at(tmp_path: Path) -> None:
    cancelled.clear()
    with PieceWorker(Pipeline("p", (Read(text_layer=False), Cancels()))) as worker:
        result = worker.read(piece_of(tmp_path, text_pdf(30), spans=((0, 30),), page_count=30), cancelled)

    states = [row.status for row in result.rows]
    assert states == ["ok"] * states.count("ok") + ["skipped"] * states.count("skipped")
    assert 0 < states.count("ok") < 30
    assert len(states) == 30


def test_passwords_are_known_to_their_own_piece_only(worker: PieceWorker, tmp_path: Path) -> None:
    locked = encrypted_pdf("sesame")

    opened = worker.read(piece_of(tmp_path, locked, passwords=("wrong", "sesame")))
    again = worker.read(piece_of(tmp_path, locked))

    assert [row.status for row in opened.rows] == ["ok"]
    assert [row["error_code"] for row in plain(again)] == ["encrypted"]
    assert "sesame" not in repr(piece_of(tmp_path, locked, passwords=("sesame",)))


def test_a_job_with_passwords_keeps_its_reader_for_its_next_piece_only(tmp_path: Path) -> None:
    locked = encrypted_pdf("sesame")
    piece = piece_of(tmp_path, locked, passwords=("sesame",))
    desks = PrivateDesks(0.2)
    desk = Desk(PIPELINE, "c", WorkerOptions(passwords=("sesame",)), EngineHost())

    desks.keep(piece.job_id, desk)

    assert desks.take(new_job_id()) is None
    assert desks.take(piece.job_id) is desk
    assert [row.status for row in desk.read(piece, threading.Event()).rows] == ["ok"]
    desks.keep(piece.job_id, desk)
    time.sleep(1.0)
    assert desks.take(piece.job_id) is None
    desks.close()


HOSTILE_NAMES = ["../../etc/passwd", "a/b\\c.pdf", "x" * 400 + ".pdf", "..", "", "nul\0.pdf", "zeile\n2.pdf", "ü€𝕊.pdf"]


@pytest.mark.parametrize("data", [b"", b"no document", b"GIF89a", b"%PDF-1.7", b"II*\0junk", b"\xff\xd8\xff junk"])
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_answer_holds_a_path_of_the_server(worker: PieceWorker, tmp_path: Path, data: bytes, name: str) -> None:
    result = worker.read(piece_of(tmp_path, data, name))

    (row,) = plain(result)
    assert row["status"] == "failed"
    assert row["source_uri"] == name
    for secret in (str(tmp_path), "spooled", "omnipipe-names"):
        assert secret not in str(row["error_message"])


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_becomes_one_that_a_folder_can_hold(tmp_path: Path, name: str) -> None:
    (tmp_path / as_file_name(name)).write_bytes(b"")

    assert len(list(tmp_path.iterdir())) == 1
    assert "/" not in without_folder(name)
    assert 0 < len(without_folder(name)) <= 255


def test_a_document_that_is_gone_is_a_row(worker: PieceWorker, tmp_path: Path) -> None:
    piece = piece_of(tmp_path, text_pdf(1))
    piece.upload.unlink()

    (row,) = plain(worker.read(piece))

    assert (row["status"], row["error_code"]) == ("failed", "missing")


class CountedEcho(QwenTextEchoConfig):
    """Keeps its answers, as engines do whose answers cost something."""

    @property
    def is_dear(self) -> bool:
        return True


def test_engines_are_shared_and_dear_answers_are_kept(tmp_path: Path) -> None:
    pipeline = Pipeline("vlm", (Read(text_layer=False), Render(), Extract(engine=CountedEcho())))
    answers = tmp_path / "answers"
    host = EngineHost()
    pieces = [
        piece_of(tmp_path, text_pdf(6), spans=((start, start + 3),), page_count=6, answers=answers) for start in (0, 3)
    ]

    with PieceWorker(pipeline, engines=host) as worker, ThreadPoolExecutor(2) as threads:
        results = list(threads.map(worker.read, pieces))
        repeated = worker.read(pieces[0])
    num_engines = len(host._threads)
    host.close()

    kept = [json.loads(line) for line in answers.read_text().splitlines()]
    assert num_engines == 1
    assert len({line["key"] for line in kept}) == len(kept) == 6
    assert {row["route"] for result in results for row in plain(result)} == {"vlm"}
    assert [row["text"] for row in plain(repeated)] == [row["text"] for row in plain(results[0])]
    assert results[0].completion_tokens > 0
    assert Completion(**{key: value for key, value in kept[0].items() if key != "key"}).finish_reason == "stop"


def test_a_row_has_the_columns_of_the_schema_and_finite_numbers() -> None:
    page = Page(
        doc_id="d" * 64,
        uri="a.pdf",
        index=4,
        count=9,
        status="ok",
        text="two words\u2028three",
        blocks=(Block("title", (0.1, 0.2, 0.3, 0.4), 0, 1, "two"),),
        lines=(Line("two words", (0.0, 0.0, 1.0, float("nan")), 0.5),),
        quality=float("inf"),
        flags=("a", "b"),
    )

    row = row_of(page, config_hash="c", run_id="r", created_at=datetime(2026, 1, 2, 3, 4, 5, 6, UTC))

    told = json.loads(row.json, parse_constant=pytest.fail)
    assert list(told) == PAGES.names
    assert (told["char_count"], told["word_count"], told["quality"]) == (15, 3, None)
    assert told["lines"] == [{"text": "two words", "bbox": [0.0, 0.0, 1.0, None], "confidence": 0.5}]
    assert told["blocks"][0]["id"] == "b0"
    assert told["created_at"] == "2026-01-02T03:04:05.000006Z"
    assert b"\n" not in row.json


def test_folders_of_killed_readers_go_and_those_of_living_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "omnipipe-names-killed"
    left.mkdir()
    (left / "job").symlink_to("/nowhere")
    living = ShownName()
    for folder in tmp_path.iterdir():
        os.utime(folder, (0, 0))
    another = ShownName()

    assert not left.exists()
    assert len(list(tmp_path.iterdir())) == 2
    living.close()
    another.close()
    assert not list(tmp_path.iterdir())
