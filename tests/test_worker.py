"""The worker's promise: as many pages out as in, in order, and a bad page never costs its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnipipe.errors import EngineDeadError
from omnipipe.page import Page, PageError, Pixels, ProblemError
from omnipipe.pipeline import Pipeline
from omnipipe.stages.base import Stage
from omnipipe.unit import DocumentRef, Member, Unit
from omnipipe.worker import Worker


class Name(Stage):
    """Gives each page its own number as text; refuses the indices in `bad`."""

    bad: tuple[int, ...] = ()
    code: str | None = None

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        for page in pages:
            if page.index in self.bad:
                raise ProblemError(self.code, "told to") if self.code else RuntimeError("told to")
        return [page.with_(status="ok", text=f"page {page.index}") for page in pages]


class Paint(Stage):
    """Gives pages pixels, and remembers in each page how many it was given at once."""

    makes_pixels = True

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        pixels = Pixels(b"\0", "raw", "L", 1, 1)
        return [page.with_(image=pixels, attempts=len(pages)) for page in pages]


class Drops(Stage):
    """Loses its last page."""

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        return list(pages)[:-1]


class Dies(Stage):
    """Says that its engine is dead."""

    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        raise EngineDeadError("gone")


def unit_of(*members: Member) -> Unit:
    return Unit(id="u" * 24, members=members)


def member(doc: str, pages: int, start: int = 0) -> Member:
    return Member(DocumentRef(doc_id=doc, uri=f"/{doc}.pdf", count=pages), start, start + pages)


def test_a_page_that_raises_is_one_error_row() -> None:
    with Worker(Pipeline("p", (Name(bad=(1,)),))) as worker:
        pages = worker.run(unit_of(member("a", 3)))

    assert [page.status for page in pages] == ["ok", "failed", "ok"]
    assert pages[1].error == PageError("stage_error", "stage Name raised RuntimeError: told to")


def test_a_problem_keeps_its_own_code() -> None:
    with Worker(Pipeline("p", (Name(bad=(0,), code="encrypted"),))) as worker:
        pages = worker.run(unit_of(member("a", 1)))

    assert pages[0].error is not None
    assert pages[0].error.code == "encrypted"


def test_a_stage_that_loses_pages_is_caught() -> None:
    with Worker(Pipeline("p", (Drops(),))) as worker:
        pages = worker.run(unit_of(member("a", 2)))

    assert [page.status for page in pages] == ["failed", "failed"]
    assert pages[0].error is not None
    assert "returned 0 pages for 1" in pages[0].error.message


def test_a_dead_engine_is_no_pages_fault() -> None:
    with Worker(Pipeline("p", (Dies(),))) as worker, pytest.raises(EngineDeadError):
        worker.run(unit_of(member("a", 2)))


def test_a_page_that_nobody_reads_is_skipped_and_says_so() -> None:
    with Worker(Pipeline("bare", ())) as worker:
        pages = worker.run(unit_of(member("a", 1)))

    assert pages[0].status == "skipped"
    assert pages[0].error is not None
    assert pages[0].error.code == "unanswered"
    assert "'bare'" in pages[0].error.message


def test_pixels_exist_for_few_pages_at_once_and_never_leave() -> None:
    with Worker(Pipeline("p", (Paint(), Name()))) as worker:
        pages = worker.run(unit_of(member("a", 10)))

    assert max(page.attempts or 0 for page in pages) == 4
    assert all(page.image is None and page.status == "ok" for page in pages)


def test_problems_and_ranges_are_one_row_each() -> None:
    document = DocumentRef(doc_id="b", uri="/b.pdf", count=100)
    problem = Member(DocumentRef(doc_id="c", uri="/c.pdf"), 0, 1, "problem", PageError("corrupt", "cut off"))

    with Worker(Pipeline("p", (Name(),))) as worker:
        pages = worker.run(unit_of(member("a", 1), Member(document, 10, 100, "skipped"), problem))

    assert [(page.status, page.num_pages) for page in pages] == [("ok", 1), ("skipped", 90), ("failed", 1)]
    assert [page.error.code if page.error else None for page in pages] == [None, "max_pages", "corrupt"]


@given(st.lists(st.integers(0, 9), max_size=4, unique=True), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_rows_out_equal_rows_in_whatever_fails(bad: list[int], num_pages: int) -> None:
    with Worker(Pipeline("p", (Name(bad=tuple(bad)),))) as worker:
        pages = worker.run(unit_of(member("a", num_pages)))

    assert [page.index for page in pages] == list(range(num_pages))
    assert {page.index for page in pages if page.status == "failed"} == {i for i in bad if i < num_pages}
