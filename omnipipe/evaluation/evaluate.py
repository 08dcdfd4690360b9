"""Judges a run, or a folder of markdown files, by tests and by true texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from omnipipe.evaluation.bootstrap import Share, share_of
from omnipipe.evaluation.case import Case
from omnipipe.evaluation.jsonl import Filed, Truth
from omnipipe.evaluation.judge import PageText, judge
from omnipipe.evaluation.page_texts import FoundText, PageTexts, load_texts
from omnipipe.evaluation.rates import Rates, compare, rank_correlation
from omnipipe.evaluation.verdict import Verdict, failed


class JudgedCase(NamedTuple):
    """A test with its verdict; `found` is None where its document is not there."""

    case: Case
    category: str
    verdict: Verdict
    found: FoundText | None


class JudgedTruth(NamedTuple):
    """A true text with the rates of what was found; no rates, and a `problem`, where the document is not there.

    A page of a document that is there, but has no text, is compared as an empty one.
    """

    truth: Truth
    category: str
    rates: Rates | None
    problem: str | None
    found: FoundText | None


class Score(NamedTuple):
    """Tests of one kind or category: `share` is passed / (passed + failed); those not judged count as neither."""

    name: str
    num_passed: int
    num_failed: int
    num_not_judged: int
    share: Share


class ErrorScore(NamedTuple):
    """True texts of one category: errors / length of all of them together, with intervals over the texts.

    `num_ordered` of the `num_texts` have an order to compare; the others count for `word_f1` only.
    """

    name: str
    num_texts: int
    num_ordered: int
    num_chars: int
    cer: Share
    folded_cer: Share
    wer: Share
    word_f1: Share


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All verdicts, in the order of the files, and what they come to. `seed` decides the intervals."""

    source: str
    cases: tuple[JudgedCase, ...] = ()
    truths: tuple[JudgedTruth, ...] = ()
    seed: int = 0

    @property
    def missing(self) -> tuple[str, ...]:
        """Why documents or pages were not there, each once."""
        problems = [judged.verdict.reason for judged in self.cases if judged.found is None or judged.found.problem]
        return tuple(dict.fromkeys([*problems, *(judged.problem for judged in self.truths if judged.problem)]))

    def only(self, is_kept: Callable[[JudgedCase], bool]) -> Evaluation:
        """The same with some of its tests."""
        return replace(self, cases=tuple(filter(is_kept, self.cases)))

    def score(self) -> Score:
        """All tests; the share is the mean of the categories' shares, as in olmOCR's bench."""
        return self._score("all", self.cases, _groups(self.cases, lambda judged: judged.category).values())

    def scores_by(self, key: Callable[[JudgedCase], str]) -> list[Score]:
        """One score for each value of `key`, in the order of the names."""
        groups = _groups(self.cases, key)
        return [self._score(name, groups[name], [groups[name]]) for name in sorted(groups)]

    def error_scores(self) -> list[ErrorScore]:
        """One for each category of truth in the order of the names, the last for all together."""
        groups = _groups(self.truths, lambda judged: judged.category)
        named = [(name, groups[name]) for name in sorted(groups)]
        if len(named) != 1:
            named.append(("all", list(self.truths)))
        return [self._error_score(name, group) for name, group in named]

    def quality_correlation(self) -> tuple[float | None, int]:
        """How well the run's own `quality` ranks texts by their CER (-1 is perfectly), and over how many texts."""
        pairs = [
            (entry.found.quality, entry.rates.cer)
            for entry in self.truths
            if entry.rates and entry.found and entry.found.quality is not None and entry.truth.order_checked
        ]
        return rank_correlation(pairs), len(pairs)

    def _score(self, name: str, judged: Sequence[JudgedCase], groups: Iterable[Sequence[JudgedCase]]) -> Score:
        verdicts = [entry.verdict.passed for entry in judged]
        pairs = [
            [(float(entry.verdict.passed), 1.0) for entry in group if entry.verdict.passed is not None]
            for group in groups
        ]
        share = share_of(pairs, seed=self.seed)
        return Score(name, verdicts.count(True), verdicts.count(False), verdicts.count(None), share)

    def _error_score(self, name: str, judged: Sequence[JudgedTruth]) -> ErrorScore:
        rated = [(entry.truth, entry.rates) for entry in judged if entry.rates is not None]
        ordered = [rates for truth, rates in rated if truth.order_checked]
        shares = [
            share_of([pairs], seed=self.seed)
            for pairs in (
                [(rates.char_errors, rates.num_chars) for rates in ordered],
                [(rates.folded_errors, rates.num_folded) for rates in ordered],
                [(rates.word_errors, rates.num_words) for rates in ordered],
                [(rates.word_f1, 1.0) for _, rates in rated],
            )
        ]
        cer, folded, wer, f1 = shares
        num_chars = sum(rates.num_chars for rates in ordered)
        return ErrorScore(name, len(rated), len(ordered), num_chars, cer, folded, wer, f1)


def judge_cases(filed: Sequence[Filed], texts: PageTexts) -> tuple[JudgedCase, ...]:
    """The verdict on each test. One whose page is not there has failed, and says so."""
    pages: dict[tuple[str, int], tuple[FoundText | None, PageText | str]] = {}
    judged: list[JudgedCase] = []
    for case, category in filed:
        key = case.pdf, case.page
        if key not in pages:
            pages[key] = _page(texts.find(*key))
        found, page = pages[key]
        verdict = failed(page) if isinstance(page, str) else judge(case, page)
        judged.append(JudgedCase(case, category, verdict, found))
    return tuple(judged)


def judge_truths(truths: Sequence[Truth], texts: PageTexts) -> tuple[JudgedTruth, ...]:
    """The rates of each true text. The category is the first folder of its path."""
    judged: list[JudgedTruth] = []
    for truth in truths:
        folder, slash, _ = truth.path.partition("/")
        category = folder if slash else truth.truth_kind
        found = texts.find(truth.path, truth.page)
        if isinstance(found, str):
            judged.append(JudgedTruth(truth, category, None, found, None))
            continue
        rates = compare(truth.text, found.text, truth_format=truth.format, text_format=found.format)
        judged.append(JudgedTruth(truth, category, rates, found.problem, found))
    return tuple(judged)


def wanted_names(filed: Sequence[Filed], truths: Sequence[Truth]) -> set[str]:
    """Paths of all documents that tests and true texts name."""
    return {entry.case.pdf for entry in filed} | {truth.path for truth in truths}


def evaluate(
    source: Path,
    filed: Sequence[Filed] = (),
    truths: Sequence[Truth] = (),
    *,
    seed: int = 0,
    keep_headers: bool = False,
) -> Evaluation:
    """Judge what lies in `source`: a run directory, its compacted parts, or markdown files (see `load_texts`).

    `keep_headers` compares true texts with running heads and page numbers as well; tests never see those.

    Raises:
        InputError: There is nothing to judge in `source`, or a file in it is damaged.
    """
    names = wanted_names(filed, truths)
    texts = load_texts(source, names)
    compared = load_texts(source, names, keep_headers=True) if keep_headers else texts
    return Evaluation(str(source), judge_cases(filed, texts), judge_truths(truths, compared), seed)


def _page(found: FoundText | str) -> tuple[FoundText | None, PageText | str]:
    if isinstance(found, str):
        return None, found
    return found, found.problem or PageText(found.text)


_Judged = TypeVar("_Judged", JudgedCase, JudgedTruth)


def _groups(judged: Iterable[_Judged], key: Callable[[_Judged], str]) -> dict[str, list[_Judged]]:
    groups: dict[str, list[_Judged]] = {}
    for entry in judged:
        groups.setdefault(key(entry), []).append(entry)
    return groups
