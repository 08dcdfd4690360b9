"""Error rates, intervals, near matches and formulas: figures that can be checked by hand."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnipipe.evaluation.bootstrap import share_of
from omnipipe.evaluation.case import MathCase, TableCase
from omnipipe.evaluation.formula import judge_formula
from omnipipe.evaluation.judge import PageText, judge
from omnipipe.evaluation.near import find_starts
from omnipipe.evaluation.normal import fold, plain_text
from omnipipe.evaluation.rates import compare, rank_correlation


def test_white_space_is_no_error() -> None:
    rates = compare("One two\nthree.", "One  two three.\n\n")

    assert (rates.cer, rates.wer, rates.word_f1) == (0.0, 0.0, 1.0)


def test_errors_are_shares_of_the_truth() -> None:
    rates = compare("abcd efgh", "abXd efgh ij")

    assert rates.num_chars == 9
    assert rates.char_errors == 4
    assert rates.wer == 1.0
    assert rates.word_f1 == pytest.approx(2 / 5)


def test_the_order_of_words_does_not_count_in_f1() -> None:
    rates = compare("one two three", "three one two")

    assert rates.word_f1 == 1.0
    assert rates.wer > 0


def test_text_where_none_should_be_is_an_error() -> None:
    assert compare("", "made up").cer == 7.0
    assert compare("", "").cer == 0.0


def test_markup_is_no_error() -> None:
    markdown = (
        "# Title\n\n- one **bold**\n- two *slanted* `code`\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n[link](http://x)\n\n---\n\n"
        "<table><tr><th>x</th><td colspan='2'>y<br>z</td></tr></table>"
    )

    assert compare("Title one bold two slanted code a b 1 2 link x y z", markdown).char_errors == 0


@pytest.mark.parametrize("text", ["2 * 3 * 4", "a_b_c", "5 < 6 > 4", "# 7", "C# and *", "-5 to 3", "f(x)[1](2)"])
def test_signs_that_are_no_markup_stay(text: str) -> None:
    kept = plain_text(text)

    assert kept.replace(" ", "") in (text.replace(" ", ""), text.removeprefix("# "), "f(x)1")


def test_what_readers_hardly_see_is_folded() -> None:
    assert fold("“of\ufb01ce” – co-\noperate") == '"office" - cooperate'
    rates = compare("“it’s” hyphen-\nated", '"it\'s" hyphenated')
    assert rates.folded_cer == 0.0
    assert rates.cer > 0


def test_a_share_has_an_interval_around_it_that_is_always_the_same() -> None:
    pairs = [(1.0, 1.0)] * 30 + [(0.0, 1.0)] * 10

    first, second = share_of([pairs], seed=3), share_of([pairs], seed=3)

    assert first == second
    assert first.value == 0.75
    assert first.low is not None
    assert first.high is not None
    assert 0.58 < first.low < 0.66
    assert 0.84 < first.high < 0.92


def test_categories_count_alike_however_many_tests_they_have() -> None:
    assert share_of([[(1.0, 1.0)], [(0.0, 1.0)] * 99]).value == 0.5


def test_a_quality_that_falls_as_errors_rise_predicts_them() -> None:
    assert rank_correlation([(0.9, 0.0), (0.8, 0.01), (0.3, 0.5)]) == pytest.approx(-1.0)
    assert rank_correlation([(0.9, 0.1), (0.9, 0.2), (0.1, 0.3), (0.1, 0.0)]) == pytest.approx(0.0)
    assert rank_correlation([(0.9, 0.1), (0.9, 0.2), (0.9, 0.3)]) is None


def test_nothing_has_no_share() -> None:
    assert share_of([[], [(0.0, 0.0)]]) == (None, None, None)


def test_a_text_is_found_with_wrong_letters() -> None:
    text = "The quick brown fox. A quick brawn fox."

    assert find_starts("quick brown", text) == (4, 4)
    assert find_starts("quick brown", text, 1) == (4, 23)
    assert find_starts("quicker brownie", text, 1) is None


@given(st.text("abc ", max_size=40), st.text("abc", min_size=2, max_size=6), st.text("abc ", max_size=40))
def test_a_text_that_is_there_is_found_however_much_is_let_pass(head: str, wanted: str, tail: str) -> None:
    text = head + wanted + tail

    exact, near = find_starts(wanted, text), find_starts(wanted, text, 1)

    assert exact is not None
    assert near is not None
    assert exact[0] <= len(head) <= exact[1]
    assert near[0] <= exact[0] + 1


FORMULA = r"\int_{a}^{b} f(x) d x=F(b)-F(a)"


@pytest.mark.parametrize(
    ("markdown", "passed"),
    [
        (rf"So $${FORMULA}$$ holds.", True),
        (r"\[ \int_a^b f(x)\,dx = F(b) - F(a) \]", True),
        (r"$\int_{a}^{b} f(x) d y=F(b)-F(a)$", None),
        ("The integral of f is F(b) - F(a).", False),
    ],
)
def test_formulas_are_judged_by_their_latex_or_not_at_all(markdown: str, passed: bool | None) -> None:
    case = MathCase(pdf="a.pdf", page=1, id="m", type="math", math=FORMULA)

    assert judge_formula(case, markdown).passed is passed


def test_dollars_can_be_left_aside() -> None:
    case = MathCase(pdf="a.pdf", page=1, id="m", type="math", math="x", ignore_dollar_delimited=True)

    assert judge_formula(case, "It costs $x$.").passed is False


_LENGTH = 60_000
HOSTILE = {
    "lone stars": "**a " * (_LENGTH // 4),
    "brackets": "[" * _LENGTH,
    "comments that never end": "<!--" * (_LENGTH // 4),
    "tags that never end": "<table>" + "<a " * (_LENGTH // 3),
    "rows in rows": "<table>" + "<tr><td>x" * (_LENGTH // 9),
    "spans over everything": "<table><tr>"
    + "<td rowspan=60000 colspan=1000>x</td>" * 500
    + "</tr>"
    + "<tr></tr>" * 500,
    "a table of pipes": "| a | b |\n" * (_LENGTH // 10),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_takes_more_than_seconds(text: str) -> None:
    """Without bounds each of these takes the square of its length: minutes."""
    values = {"pdf": "a.pdf", "page": 1, "id": "t", "type": "table", "cell": "x", "up": "b", "left_heading": "c"}
    start = time.process_time()

    judge(TableCase.model_validate(values), PageText(text))
    plain_text(text)

    assert time.process_time() - start < 5
