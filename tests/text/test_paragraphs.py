"""Paragraphs over pages: what is joined in a document's text, and where its pages start and end."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omnipipe.text.blocks.paragraphs import SEPARATOR, PageJoiner, is_unfinished, join_pages

LONG = "In the spring of that year the river rose so high that nobody in the village remembered"


def test_a_sentence_goes_on_on_the_next_page() -> None:
    pages = [f"# Floods\n\n{LONG}", "anything like it.\n\nThen it fell."]

    joined = join_pages(pages, [0, 1])

    assert joined.text == f"# Floods\n\n{LONG} anything like it.\n\nThen it fell."
    assert [joined.text[a:b] for a, b in zip(joined.starts, joined.ends, strict=True)] == pages


def test_a_word_broken_by_the_page_is_made_whole() -> None:
    joined = join_pages([f"{LONG} the inunda-", "tion of their fields."], [3, 4])

    assert joined.text == f"{LONG} the inundation of their fields."
    assert [joined.text[a:b] for a, b in zip(joined.starts, joined.ends, strict=True)] == [
        f"{LONG} the inunda",
        "tion of their fields.",
    ]


def test_a_compound_that_stands_on_the_page_keeps_its_hyphen() -> None:
    joined = join_pages([f"A self-made man. {LONG} the self-", "made man."], [0, 1])

    assert joined.text.endswith("the self-made man.")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{LONG}.", "and so on"),
        (LONG, "The next chapter"),
        (LONG, "# the next chapter"),
        (f"# {LONG}", "in small letters"),
        (LONG, "- an item"),
        (f"| {LONG} |", "in small letters"),
        (f"1{LONG}", "in small letters"),
        (f"{LONG}.\n\n12 {LONG}", "in small letters"),
        (f"{LONG}.\n\n†{LONG}", "in small letters"),
        ("A label", "in small letters"),
        (LONG, ""),
    ],
)
def test_what_may_be_something_else_stays_apart(before: str, after: str) -> None:
    assert join_pages([before, after], [0, 1]).text == before + SEPARATOR + after


def test_pages_that_are_no_neighbours_stay_apart() -> None:
    assert join_pages([LONG, "in small letters"], [0, 2]).text == f"{LONG}{SEPARATOR}in small letters"


@given(st.lists(st.text(st.sampled_from("ab -.\n# A漢\xad|"), max_size=90), max_size=5))
def test_no_character_but_hyphens_is_lost(texts: list[str]) -> None:
    joined = join_pages(texts, range(len(texts)))

    slices = [joined.text[a:b] for a, b in zip(joined.starts, joined.ends, strict=True)]
    assert all(text in (part, f"{part}{text[-1:]}") for part, text in zip(slices, texts, strict=True))
    seams = [joined.text[b:a] for b, a in zip(joined.ends, joined.starts[1:], strict=False)]
    assert set(seams) <= {SEPARATOR, " ", ""}


@given(st.lists(st.text(st.sampled_from("ab -.\n# A漢\xad|"), min_size=1, max_size=90), max_size=5))
@example([LONG, "met a dog that slept.", "The end."])
@example([LONG + " for-", "est and hills.", "The end-"])
def test_pages_written_one_by_one_are_the_same_text(pages: list[str]) -> None:
    joiner = PageJoiner()

    written = "".join([*(joiner.add(text, i) for i, text in enumerate(pages)), joiner.end()])

    assert written == join_pages(pages, range(len(pages))).text


def test_pages_that_are_not_neighbours_are_not_joined() -> None:
    first, second = "The fox ran on over the hills and far away, and behind the trees it", "met a dog that slept."
    joiner = PageJoiner()

    assert joiner.add(first, 3) + joiner.add("", 4) + joiner.add(second, 5) + joiner.end() == f"{first}\n\n{second}"


@pytest.mark.parametrize(("following", "goes_on"), [("Глава", False), ("глава", True), ("Łódź", False), ("Ώρα", False)])
def test_capitals_of_all_scripts_begin_a_paragraph(following: str, goes_on: bool) -> None:
    assert is_unfinished("Этот абзац не кончается точкой и идёт дальше", following) is goes_on
