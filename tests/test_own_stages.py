"""A stage of the user's own that misbehaves costs the pages it misbehaves on, and says what it did."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.errors import RunStopped
from omnipipe.ledger.verify import verify_run
from omnipipe.page import Block, Line, Page, PageError
from omnipipe.pipeline import Pipeline
from omnipipe.stages.base import Stage
from omnipipe.stages.read import Read
from omnipipe.worker import Worker

from . import pdfs
from .test_worker import member, unit_of

BLOCK = Block("text", (0.1, 0.1, 0.9, 0.2), 0, None, "words")


class Name(Stage):
    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        return [page.with_(status="ok", text=f"page {page.index}") for page in pages]


class Odd(Stage):
    """Sees finished pages, and does `act` with the second one of each document."""

    act: Callable[[Page], object]

    def wants(self, page: Page) -> bool:
        return page.text is not None

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        return [self.act(page) if page.index == 1 else page for page in pages]  # type: ignore[misc]


def odd_pages(act: Callable[[Page], object]) -> list[Page]:
    with Worker(Pipeline("p", (Name(), Odd(act=act)))) as worker:
        return worker.run(unit_of(member("a", 3)))


def fault_of(act: Callable[[Page], object]) -> str:
    pages = odd_pages(act)

    assert [page.status for page in pages] == ["ok", "failed", "ok"]
    assert pages[1].error is not None
    assert pages[1].error.code == "stage_error"
    return pages[1].error.message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": 5}, "stage Odd set text to 5, which is not text or None."),
        ({"text": b"abc"}, "stage Odd set text to b'abc', which is not text or None."),
        ({"status": "great"}, "stage Odd set status to 'great'; it is one of open, ok, fallback"),
        ({"status": "failed"}, "left a page failed without an error; page.failed(code, message) gives both"),
        ({"flags": "invoice"}, "set flags to 'invoice', which is not a tuple of texts"),
        ({"flags": (1,)}, "set flags to (1,), which is not a tuple of texts"),
        ({"flags": None}, "set flags to None, which is not a tuple of texts"),
        ({"quality": "good"}, "set quality to 'good', which is not a number or None"),
        ({"image_width": 2**40}, "set image_width to 1099511627776, which is not a whole number or None"),
        ({"attempts": 40_000}, "set attempts to 40000, which is not a whole number or None"),
        ({"has_text_layer": "yes"}, "set has_text_layer to 'yes', which is not True or False or None"),
        ({"blocks": None}, "set blocks to None, which is not a tuple of Block"),
        ({"blocks": ({"text": "a"},)}, "set blocks[0] to {'text': 'a'}, which is not a Block"),
        ({"blocks": (BLOCK, BLOCK._replace(bbox=(0, 1)))}, "set blocks[1].bbox to (0, 1), which is not a box"),  # type: ignore[arg-type]
        ({"blocks": (BLOCK._replace(text=None),)}, "set blocks[0].text to None, which is not text"),  # type: ignore[arg-type]
        ({"lines": (Line("words", None),)}, "set lines[0].bbox to None, which is not a box"),  # type: ignore[arg-type]
        ({"status": "failed", "error": "it broke"}, "set error to 'it broke', which is not a PageError or None"),
        ({"status": "failed", "error": PageError("mine", "")}, "set the unknown error code 'mine'. Known: cancelled"),
        ({"image": b"png"}, "set image to b'png', which is not Pixels"),
        ({"num_pages": 7}, "changed num_pages to 7; a stage leaves it as it is"),
        ({"uri": "elsewhere"}, "changed uri to 'elsewhere'; a stage leaves it as it is"),
        ({"count": 99}, "changed count to 99; a stage leaves it as it is"),
    ],
)
def test_a_value_that_no_row_can_have_costs_one_page(changes: dict[str, object], said: str) -> None:
    assert said in fault_of(lambda page: page.with_(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"flags": ["a"], "quality": np.float32(0.5), "image_width": np.int64(4), "temperature": 1},
        {"blocks": [BLOCK, BLOCK._replace(bbox=None, level=2)], "lines": (Line("a", (0, 0, 1, 1)),)},
        {"text": None, "status": "blank", "language": "de", "uri": "".join(["/a", ".pdf"])},
    ],
)
def test_values_that_rows_can_have_pass(changes: dict[str, object]) -> None:
    pages = odd_pages(lambda page: page.with_(**changes))

    assert [page.error for page in pages] == [None, None, None]


def test_other_things_than_pages_are_named() -> None:
    assert "stage Odd returned 'page 1' for a page." in fault_of(lambda page: page.text)


class UnsayableError(Exception):
    def __str__(self) -> str:
        raise ValueError


def _raise(error: BaseException) -> object:
    raise error


def test_an_exception_without_words_costs_one_page() -> None:
    assert "stage Odd raised UnsayableError" in fault_of(lambda _: _raise(UnsayableError()))


def test_sys_exit_costs_one_page() -> None:
    assert fault_of(lambda _: sys.exit(7)) == "stage Odd called sys.exit(7)"


def test_sigterm_in_a_stage_is_not_the_stages_fault() -> None:
    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(1)

    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(SystemExit):
            odd_pages(lambda _: os.kill(os.getpid(), signal.SIGTERM))
    finally:
        signal.signal(signal.SIGTERM, before)


class Yields(Stage):
    def process(self, pages: Sequence[Page]) -> Iterator[Page]:  # type: ignore[override]
        for page in pages:
            yield page.with_(status="ok", text="yielded")


def test_a_stage_may_yield_its_pages() -> None:
    with Worker(Pipeline("p", (Yields(),))) as worker:
        pages = worker.run(unit_of(member("a", 3)))

    assert [page.text for page in pages] == ["yielded"] * 3


class AsksTooMuch(Name):
    def wants(self, page: Page) -> bool:
        return 1 / (page.index - 1) != 0


@pytest.mark.parametrize("makes_pixels", [False, True])
def test_a_page_that_cannot_be_asked_for_fails_alone(makes_pixels: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AsksTooMuch, "makes_pixels", makes_pixels)
    with Worker(Pipeline("p", (AsksTooMuch(),))) as worker:
        pages = worker.run(unit_of(member("a", 3)))

    assert [page.status for page in pages] == ["ok", "failed", "ok"]
    assert pages[1].error == PageError("stage_error", "stage AsksTooMuch raised ZeroDivisionError: division by zero")


class LeavesAtOnce(Name):
    def open(self, context: object) -> None:
        sys.exit(3)


def test_sys_exit_in_open_ends_the_run_with_a_sentence() -> None:
    with pytest.raises(RunStopped, match=r"stage LeavesAtOnce called sys.exit\(3\) in open"):
        Worker(Pipeline("p", (LeavesAtOnce(),)))


class ClosesBadly(Name):
    def close(self) -> None:
        raise OSError("the socket is gone")


def test_a_stage_that_closes_badly_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), Worker(Pipeline("p", (ClosesBadly(),))) as worker:
        pages = worker.run(unit_of(member("a", 1)))

    assert pages[0].status == "ok"
    assert "stage ClosesBadly raised OSError in close(): the socket is gone" in caplog.text


def test_a_run_goes_on_past_a_page_with_a_wrong_value(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.pdf_of_texts(["This page says a few words that one reads."] * 3))
    pipeline = Pipeline("p", (Read(), Odd(act=lambda page: page.with_(quality="good"))))

    summary = run(pipeline, tmp_path / "a.pdf", tmp_path / "out", RunOptions(runner="local"))

    assert summary.statuses == {"ok": 2, "failed": 1}
    assert verify_run(tmp_path / "out").ok


def test_a_local_run_that_native_code_takes_down_says_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.pdf_of_texts(["This page says a few words that one reads."]))
    (tmp_path / "crash.py").write_text(
        "import os\nfrom omnipipe import Stage\n\n\nclass Crash(Stage):\n    def wants(self, page):\n"
        "        return True\n\n    def process(self, pages):\n        os.abort()\n"
    )
    (tmp_path / "p.yaml").write_text("name: p\nstages:\n  - read\n  - crash.py:Crash\n")
    command = [sys.executable, "-m", "omnipipe", "run", "a.pdf", "-o", "out", "-p", "p.yaml", "--runner", "local"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == -signal.SIGABRT
    assert 'crash.py", line 10 in process' in done.stderr
