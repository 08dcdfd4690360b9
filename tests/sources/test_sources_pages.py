"""Page ranges as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnipipe.errors import ConfigError
from omnipipe.sources.pages import PageSelection, split

_ranges = st.lists(st.tuples(st.integers(1, 40), st.one_of(st.none(), st.integers(0, 20))), min_size=1, max_size=6)


def _text(ranges: list[tuple[int, int | None]]) -> str:
    return ",".join(f"{first}-" if more is None else f"{first}-{first + more}" for first, more in ranges)


def _pages(spans: list[tuple[int, int]]) -> list[int]:
    return [page for start, stop in spans for page in range(start, stop)]


@given(_ranges, st.integers(0, 50))
def test_a_selection_is_the_union_of_its_ranges(ranges: list[tuple[int, int | None]], page_count: int) -> None:
    wanted = {
        page - 1
        for first, more in ranges
        for page in range(first, page_count + 1 if more is None else min(first + more, page_count) + 1)
    }

    spans = PageSelection.parse(_text(ranges)).spans(page_count)

    assert _pages(spans) == sorted(wanted)


@given(_ranges, st.integers(0, 50), st.one_of(st.none(), st.integers(0, 50)))
def test_every_selected_page_is_read_or_skipped(
    ranges: list[tuple[int, int | None]], page_count: int, max_pages: int | None
) -> None:
    selection = PageSelection.parse(_text(ranges))

    read, skipped = split(page_count, selection, max_pages)

    assert _pages(read) + _pages(skipped) == _pages(selection.spans(page_count))
    assert len(_pages(read)) == len(_pages(selection.spans(page_count))[:max_pages])


def test_without_a_selection_the_rest_beyond_max_pages_is_one_range() -> None:
    assert split(10, None, 4) == ([(0, 4)], [(4, 10)])


def test_a_document_without_pages_has_no_spans() -> None:
    assert split(0, None, 4) == ([], [])


def test_a_selection_is_written_as_in_the_help() -> None:
    assert PageSelection.parse("1-4, 9 ,12-").spans(14) == [(0, 4), (8, 9), (11, 14)]


@pytest.mark.parametrize(
    ("text", "part", "place"),
    [
        ("", "''", 1),
        ("1,x", "'x'", 3),
        ("1,0", "'0'", 3),
        ("4-2", "'4-2'", 1),
        ("1-2-3", "'1-2-3'", 1),
        ("-4", "'-4'", 1),
        ("1,,2", "''", 3),
        ("٣", "'٣'", 1),
        ("1" * 5000, "'" + "1" * 40 + "'", 1),
    ],
)
def test_a_wrong_range_is_named_with_its_place_and_the_remedy(text: str, part: str, place: int) -> None:
    with pytest.raises(ConfigError) as caught:
        PageSelection.parse(text)

    assert f"{part} (at character {place})" in str(caught.value)
    assert "such as 1-4,9,12-" in str(caught.value)
