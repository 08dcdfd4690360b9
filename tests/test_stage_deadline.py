"""A stage of the user's own that does not come back costs the pages that it does not come back from."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from omnipipe.batch import RunOptions, run
from omnipipe.ledger.verify import verify_run
from omnipipe.page import Page
from omnipipe.pipeline import Pipeline, find_conflict
from omnipipe.stages.base import Stage
from omnipipe.stages.deadline import watch
from omnipipe.stages.read import Read
from omnipipe.worker import Worker

from . import pdfs
from .test_worker import member, unit_of


class Waits(Stage):
    """Does `wait` with the second page of each document."""

    deadline: ClassVar[float | None] = 0.3
    wait: Callable[[], object]
    calls: list[int]

    def open(self, context: object) -> None:
        self.calls.append(-1)

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        self.calls.append(len(pages))
        if any(page.index == 1 for page in pages):
            self.wait()
        return [page.with_(status="ok", text=f"page {page.index}") for page in pages]


def pages_of(wait: Callable[[], object], num_pages: int = 3) -> tuple[list[Page], list[int]]:
    calls: list[int] = []
    stage = Waits.model_construct(wait=wait, calls=calls)
    with Worker(Pipeline("p", (stage,))) as worker:
        return worker.run(unit_of(member("a", num_pages))), calls


def _deaf() -> None:
    until = time.monotonic() + 2
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            time.sleep(0.05)


@pytest.mark.parametrize(
    "wait",
    [
        lambda: time.sleep(60),
        threading.Event().wait,
        lambda: subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"]),
        lambda: [None for _ in iter(int, 1)],
        _deaf,
    ],
    ids=["sleep", "lock", "process", "loop", "deaf"],
)
def test_a_page_that_a_stage_never_comes_back_from_fails_alone(wait: Callable[[], object]) -> None:
    pages, calls = pages_of(wait)

    assert [page.status for page in pages] == ["ok", "failed", "ok"]
    assert pages[1].error is not None
    assert pages[1].error.code == "stage_timeout"
    assert pages[1].error.message.startswith("stage Waits took more than the 0.3 s it may, at line ")
    # Opened, the batch, opened anew, page by page, opened anew after the late one.
    assert calls == [-1, 3, -1, 1, 1, -1, 1]


def test_a_stage_that_is_only_slow_gets_its_pages_one_by_one() -> None:
    class Slow(Waits):
        batch_size: ClassVar[int] = 3

        def process(self, pages: Sequence[Page]) -> Sequence[Page]:
            self.calls.append(len(pages))
            time.sleep(0.15 * len(pages))
            return [page.with_(status="ok", text="read") for page in pages]

    calls: list[int] = []
    with Worker(Pipeline("p", (Slow.model_construct(wait=int, calls=calls),))) as worker:
        pages = worker.run(unit_of(member("a", 6)))

    assert {page.status for page in pages} == {"ok"}
    assert calls == [-1, 3, -1, 1, 1, 1, 1, 1, 1]


def test_without_a_deadline_a_stage_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Waits, "deadline", None)

    pages, calls = pages_of(lambda: time.sleep(0.5))

    assert {page.status for page in pages} == {"ok"}
    assert calls == [-1, 3]


def test_a_timer_of_the_program_around_it_still_rings() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.6)
    try:
        pages, _ = pages_of(lambda: time.sleep(60))
        time.sleep(0.6)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert pages[1].status == "failed"
    assert rung == [signal.SIGALRM]


def test_what_cannot_be_interrupted_is_told() -> None:
    told: list[str] = []
    watch([Waits.model_construct(wait=int, calls=[])], told.append, grace=0.2, look=0.05)
    thread = threading.Thread(target=pages_of, args=(lambda: time.sleep(1),))

    thread.start()
    thread.join()

    assert told == ["stage Waits took more than the 0.3 s it may, and cannot be interrupted"]


@pytest.mark.parametrize("deadline", [0, -1, "60", True])
def test_a_deadline_that_is_none_is_refused(deadline: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Waits, "deadline", deadline)

    conflict = find_conflict((Read(), Waits.model_construct(wait=int, calls=[])))

    assert conflict is not None
    assert conflict.message == f"stage Waits has deadline={deadline!r}. Give seconds above 0, or None."


class Hangs(Stage):
    deadline: ClassVar[float | None] = 0.3

    def wants(self, page: Page) -> bool:
        return page.text is not None

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        if any(page.index == 1 for page in pages):
            threading.Event().wait()
        return pages


def test_a_run_goes_on_past_a_page_that_hangs(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.pdf_of_texts(["This page says a few words that one reads."] * 3))

    summary = run(Pipeline("p", (Read(), Hangs())), tmp_path / "a.pdf", tmp_path / "out", RunOptions(runner="local"))

    assert summary.statuses == {"ok": 2, "failed": 1}
    assert summary.error_codes == {"stage_timeout": 1}
    assert verify_run(tmp_path / "out").ok
