"""Plans as properties: every page is planned once, whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnipipe.ledger.ledger import Ledger
from omnipipe.ledger.packing import UnitSize, Work, pack
from omnipipe.ledger.wanted import subtract
from omnipipe.sources.pages import PageSelection
from omnipipe.unit import DocumentRef, Member
from tests.ledgerkit import (
    PIPELINE,
    documents_of,
    pages_of,
    record,
    run_all,
)

DOCUMENTS = st.lists(
    st.tuples(st.integers(0, 700), st.sampled_from([0.0, 0.01, 0.5, 1.0]), st.booleans()), min_size=1, max_size=30
)


@given(documents=DOCUMENTS, max_pages=st.integers(1, 300), max_seconds=st.floats(0.01, 60))
@settings(max_examples=60, deadline=None)
def test_packing_covers_every_page_once(
    documents: list[tuple[int, float, bool]], max_pages: int, max_seconds: float
) -> None:
    size = UnitSize(max_pages=max_pages, max_seconds=max_seconds)
    works = []
    for number, (count, share, is_skipped) in enumerate(documents):
        ref = DocumentRef(doc_id=str(number), uri=str(number))
        if count:
            works.append(Work(Member(ref, 0, count, "skipped" if is_skipped else "read"), size.page_seconds(share)))

    units = list(pack(works, size))

    packed = [page for unit in units for member in unit for page in pages_in(member)]
    assert packed == [page for work in works for page in pages_in(work.member)]
    assert all(0 < sum(member.num_rows for member in unit) <= max_pages for unit in units)


def pages_in(member: Member) -> list[tuple[str, int]]:
    return [(member.document.doc_id, index) for index in range(member.start, member.stop)]


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)).map(lambda s: (s[0], s[0] + s[1])), max_size=6)


@given(SPANS, SPANS)
def test_subtracting_spans_is_subtracting_their_pages(
    spans: list[tuple[int, int]], taken: list[tuple[int, int]]
) -> None:
    left = subtract(spans, taken)

    pages = [page for start, stop in left for page in range(start, stop)]
    assert pages == sorted({p for s in spans for p in range(*s)} - {p for s in taken for p in range(*s)})


STEPS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 9)), max_size=4),
        st.sampled_from([None, "1-3", "2-", "5"]),
        st.sampled_from([None, 0, 2, 5]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None)
def test_whatever_is_added_changed_or_asked_every_page_is_there_once(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[list[tuple[int, int, int]], str | None, int | None, bool]],
) -> None:
    """Documents come and change between runs, with other selections, and runs stop before or after their work."""
    run = tmp_path_factory.mktemp("property")
    for changes, pages, max_pages, is_stopped in steps:
        with Ledger.open(run, PIPELINE) as ledger:
            records = [record(f"{place}.pdf", count, body=f"{version}") for place, version, count in sized(changes)]
            ledger.add_sources(records)
            ledger.plan(records, PageSelection.parse(pages) if pages else None, max_pages)
            if is_stopped:
                continue
            run_all(ledger)
            summary = ledger.finish()
            found = pages_of(run)
            names = found.column("page_id").to_pylist()
            assert len(names) == len(set(names))
            assert sum(found.column("num_pages").to_pylist()) == summary.pages_in if names else summary.pages_in == 0
            live = {row["id"] for row in documents_of(run)}
            assert live == {name.split("#")[0] for name in names}


def sized(changes: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    # The same bytes have the same number of pages.
    return [(place, version, 2 + 2 * version) for place, version, _ in changes]
