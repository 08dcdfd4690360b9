"""An evaluation as text for people, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from omnipipe.evaluation.bootstrap import Share
from omnipipe.evaluation.evaluate import ErrorScore, Evaluation, JudgedCase, JudgedTruth, Score

_WORST = 10
_SHOWN = 20


def to_text(evaluation: Evaluation) -> str:
    """Tables of the scores, every failed test with its reason, and the texts with the most errors."""
    parts: list[str] = []
    if evaluation.cases:
        parts += [_table(score_rows(evaluation)), *_failures(evaluation.cases)]
    if evaluation.truths:
        parts += [_table(error_rows(evaluation)), *_worst(evaluation.truths)]
        correlation, num_texts = evaluation.quality_correlation()
        if correlation is not None:
            parts.append(f"Rank correlation of the run's quality with CER: {correlation:.2f} over {num_texts} texts.")
    if evaluation.missing:
        shown = [f"  {reason}" for reason in evaluation.missing[:_SHOWN]]
        if len(evaluation.missing) > _SHOWN:
            shown.append(f"  and {len(evaluation.missing) - _SHOWN} more; --json names them all")
        parts.append("\n".join(["Not there:", *shown]))
    return "\n\n".join(parts)


def to_plain(evaluation: Evaluation) -> dict[str, object]:
    """Everything as JSON values: scores, every test, every true text. Shares and rates are 0 to 1, unknown is null."""
    plain: dict[str, object] = {"source": evaluation.source, "missing": list(evaluation.missing)}
    if evaluation.cases:
        plain["tests"] = {
            **_plain_score(evaluation.score()),
            "all_but_math": _plain_score(_without_math(evaluation).score()),
            "by_type": {score.name: _plain_score(score) for score in scores_by_type(evaluation)},
            "by_category": {score.name: _plain_score(score) for score in scores_by_category(evaluation)},
            "each": [_plain_case(judged) for judged in evaluation.cases],
        }
    if evaluation.truths:
        plain["truth"] = {
            "quality_rank_correlation": evaluation.quality_correlation()[0],
            "by_category": {score.name: _plain_errors(score) for score in evaluation.error_scores()},
            "each": [_plain_truth(judged) for judged in evaluation.truths],
        }
    return plain


def scores_by_type(evaluation: Evaluation) -> list[Score]:
    """One score for each type of test."""
    return evaluation.scores_by(lambda judged: judged.case.type)


def scores_by_category(evaluation: Evaluation) -> list[Score]:
    """One score for each file of tests."""
    return evaluation.scores_by(lambda judged: judged.category)


def score_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """A table for people: a head, then a row for each type of test, each category if there are several, and all."""
    categories = scores_by_category(evaluation)
    scores = [*scores_by_type(evaluation), *(categories if len(categories) > 1 else [])]
    without_math = _without_math(evaluation)
    if 0 < len(without_math.cases) < len(evaluation.cases):
        scores.append(without_math.score()._replace(name="all but math"))
    scores.append(evaluation.score())
    rows: list[tuple[str, ...]] = [("tests", "passed", "of", "share", "95 %", "not judged")]
    for score in scores:
        judged = score.num_passed + score.num_failed
        numbers = (score.num_passed, judged, percent(score.share.value), interval(score.share), score.num_not_judged)
        rows.append((score.name, *map(str, numbers)))
    return rows


def error_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """A table for people: a head, then a row for each category of truth, and all."""
    rows: list[tuple[str, ...]] = [
        ("truth", "texts", "characters", "CER", "95 %", "CER folded", "WER", "95 %", "word F1")
    ]
    for score in evaluation.error_scores():
        rows.append(
            (
                score.name,
                str(score.num_texts),
                f"{score.num_chars:,}",
                percent(score.cer.value, 2),
                interval(score.cer, 2),
                percent(score.folded_cer.value, 2),
                percent(score.wer.value, 2),
                interval(score.wer, 2),
                percent(score.word_f1.value),
            )
        )
    return rows


def badness(judged: JudgedTruth) -> float:
    """What texts are ranked by: character errors, or the words that differ where their order does not count."""
    if judged.rates is None:
        return 0.0
    return judged.rates.cer if judged.truth.order_checked else 1 - judged.rates.word_f1


def percent(value: float | None, digits: int = 1) -> str:
    """`value` (0 to 1) in per cent; a dash for None."""
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def interval(share: Share, digits: int = 1) -> str:
    """The 95 % interval of a share in per cent; a dash where there is none."""
    if share.low is None or share.high is None:
        return "-"
    return f"{100 * share.low:.{digits}f} to {100 * share.high:.{digits}f}"


def _without_math(evaluation: Evaluation) -> Evaluation:
    return evaluation.only(lambda judged: judged.case.type != "math")


def _failures(cases: Sequence[JudgedCase]) -> Iterator[str]:
    pages: dict[tuple[str, int], list[JudgedCase]] = {}
    for judged in cases:
        if judged.verdict.passed is not True and judged.found is not None and not judged.found.problem:
            pages.setdefault((judged.case.pdf, judged.case.page), []).append(judged)
    for (pdf, page), group in pages.items():
        lines = [f"  {_state(entry):10} {entry.case.type:8} {entry.case.id}: {entry.verdict.reason}" for entry in group]
        yield "\n".join([f"{pdf} page {page}", *lines])


def _state(judged: JudgedCase) -> str:
    return {True: "passed", False: "failed", None: "not judged"}[judged.verdict.passed]


def _worst(truths: Sequence[JudgedTruth]) -> Iterator[str]:
    rated = [(entry, entry.rates) for entry in truths if entry.rates is not None]
    ranked = sorted(rated, key=lambda pair: -badness(pair[0]))[:_WORST]
    if not ranked:
        return
    rows: list[tuple[str, ...]] = [("most errors", "CER", "CER folded", "WER", "word F1", "route")]
    for judged, rates in ranked:
        page = "" if judged.truth.page is None else f" page {judged.truth.page}"
        figures = (
            [percent(rates.cer, 2), percent(rates.folded_cer, 2), percent(rates.wer, 2)]
            if judged.truth.order_checked
            else ["-"] * 3
        )
        route = judged.found.route if judged.found is not None else ""
        rows.append((f"{judged.truth.path}{page}", *figures, percent(rates.word_f1), route))
    yield _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def _plain_share(share: Share) -> list[float | None]:
    return [share.low, share.high]


def _plain_score(score: Score) -> dict[str, object]:
    return {
        "passed": score.num_passed,
        "failed": score.num_failed,
        "not_judged": score.num_not_judged,
        "share": score.share.value,
        "interval_95": _plain_share(score.share),
    }


def _plain_errors(score: ErrorScore) -> dict[str, object]:
    plain: dict[str, object] = {"texts": score.num_texts, "ordered": score.num_ordered, "chars": score.num_chars}
    shares = {"cer": score.cer, "folded_cer": score.folded_cer, "wer": score.wer, "word_f1": score.word_f1}
    for name, share in shares.items():
        plain[name] = share.value
        plain[f"{name}_interval_95"] = _plain_share(share)
    return plain


def _plain_case(judged: JudgedCase) -> dict[str, object]:
    case = judged.case
    return {
        "id": case.id,
        "pdf": case.pdf,
        "page": case.page,
        "type": case.type,
        "category": judged.category,
        "passed": judged.verdict.passed,
        "reason": judged.verdict.reason,
    }


def _plain_truth(judged: JudgedTruth) -> dict[str, object]:
    truth, rates = judged.truth, judged.rates
    figures: Mapping[str, object] = {}
    if rates is not None:
        ordered = {"cer": rates.cer, "folded_cer": rates.folded_cer, "wer": rates.wer} if truth.order_checked else {}
        figures = {"chars": rates.num_chars, **ordered, "word_f1": rates.word_f1}
    return {
        "path": truth.path,
        "page": truth.page,
        "category": judged.category,
        "truth_kind": truth.truth_kind,
        "route": judged.found.route if judged.found is not None else None,
        "quality": judged.found.quality if judged.found is not None else None,
        "problem": judged.problem,
        **figures,
    }
