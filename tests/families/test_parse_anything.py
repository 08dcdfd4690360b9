"""Whatever a model says: parsing never raises, keeps the words, and gives boxes within the page."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnipipe.model import ModelFamily
from omnipipe.page import Page
from omnipipe.tasks.text_extraction.plain import plain_text
from omnipipe.tasks.text_extraction.registry import families
from tests.families.answers import (
    DEEPSEEK,
    DOCTAGS,
    DOTS,
    LIGHTON,
    NANONETS,
    OLMOCR,
    QWEN_HTML,
    dense_answers,
    page,
    parsed,
)

FAMILIES = families()
ANSWERS = (DEEPSEEK, DOCTAGS, DOTS, LIGHTON, NANONETS, OLMOCR, QWEN_HTML)

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)

# Pieces of every envelope, so that random answers come near to real ones.
PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", '"', "\\", ",", ":", '"text"', '"bbox"', '"category"', "[1, 2, 3, 4]", "\\frac", "\\u12"),
        *("<otsl>", "</otsl>", "<nl>", "<fcel>", "<lcel>", "<ucel>", "<loc_1>", "<text>", "</text>", "<doctag>"),
        *("<list_item>", "<ordered_list>", "<section_header_level_99>", "<p>", "<table>", "</td>", "<td rowspan=x>"),
        *("<|ref|>", "<|/ref|>", "<|det|>", "[[0, 0, 9, 9]]", "<|/det|>", "text[[1, 2, 3, 4]]", "<html>", "<!DOCTYPE"),
        *('data-bbox="1 2 3 4"', "<div", ">", "<![x", "<!--", "-->", "<?", "&#x110000;", "&lt", "<img>", "</img>"),
        *("---\n", "primary_language: en", "```", "```json\n", "\n", "\t", "\f", "\x00", "\ud800", "<page_number>"),
        *(
            "\\begin{tabular}",
            "\\end{tabular}",
            "{ll}",
            "\\multirow{3}{*}{a",
            " & ",
            " \\\\ ",
            "<!-- Table (1,2,3,4) -->",
        ),
        *("</page_number>", "![a](b)1,2,3,4", "\\(", "\\)", "\\[", "\\]", "<think>", "</think>", "word", "é", "中"),
    ]
)
SAID = st.one_of(
    st.text(max_size=200),
    st.lists(PIECES, max_size=40).map("".join),
    st.builds(lambda text, cut: text[:cut], st.sampled_from(ANSWERS), st.integers(0, 1500)),
    st.builds(
        lambda text, at, piece: text[:at] + piece + text[at:],
        st.sampled_from(ANSWERS),
        st.integers(0, 1500),
        PIECES,
    ),
)


def assert_is_sound(found: Page) -> None:
    assert isinstance(found.text, str)
    assert found.text_format in ("markdown", "html")
    assert [block.order for block in found.blocks] == list(range(len(found.blocks)))
    for block in found.blocks:
        assert block.bbox is None or (
            0 <= block.bbox[0] < block.bbox[2] <= 1 and 0 <= block.bbox[1] < block.bbox[3] <= 1
        )


@every_family
@settings(max_examples=200, deadline=None)
@given(SAID)
def test_parsing_never_raises(family: ModelFamily, said: str) -> None:
    assert_is_sound(parsed(family, said))


@every_family
@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyzäß中", min_size=1, max_size=12), min_size=1, max_size=30))
def test_plain_words_are_kept(family: ModelFamily, words: list[str]) -> None:
    said = " ".join(words)

    assert parsed(family, said).text == said


@every_family
def test_another_family_s_answer_keeps_its_words(family: ModelFamily) -> None:
    """A wrong checkpoint answers in its own way: ugly, but nothing is lost."""
    for answer in ANSWERS:
        found = parsed(family, answer)
        kept = " ".join([found.text or "", *(block.text for block in found.blocks)])
        for word in re.findall(r"[A-Z][a-z]{4,}", answer):
            assert word in kept or word in NO_WORDS, word


NO_WORDS = {"Title", "Table", "Picture", "Formula", "False", "Section", "Python"}
"""What answers say about the page and its parts."""


@every_family
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "{",
            '{"',
            '{"text": "',
            "<p>",
            "<div>",
            "<otsl>",
            "<lcel>",
            "<|ref|>",
            "[[1, 2,",
            "```",
            "\\[",
            "---\n",
            "<img>",
        ),
        *("\\begin{tabular}", "<!-- Table (1, 2, 3, 4) -->", "<!-- Table (1,2,3,4) --><table>", "![a](b)", "|-", "**a"),
    ],
)
def test_an_endless_answer_is_parsed_in_linear_time(family: ModelFamily, piece: str) -> None:
    """16,000 tokens of one piece, as a looping model writes them; seconds of this thread."""
    said = piece * 16_000

    start = time.thread_time()
    found = parsed(family, said)
    plain_text(found.text or "")

    assert time.thread_time() - start < 2


@every_family
def test_asking_and_parsing_a_dense_page_costs_little(family: ModelFamily) -> None:
    """Six paragraphs and a table of 150 cells; under 3 ms of CPU are wanted for all of our work on a page."""
    asked, said = page(), dense_answers()[family.name]

    def cost() -> float:
        start = time.thread_time()
        family.request(asked, family.generation)
        parsed(family, said)
        return time.thread_time() - start

    assert min(cost() for _ in range(10)) < 0.003


@settings(deadline=None)
@given(SAID)
def test_plain_text_never_raises(said: str) -> None:
    assert isinstance(plain_text(said), str)
