"""Where in a page's text its failed tests are, and where it differs from the true text, as safe HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from omnipipe.evaluation.case import Case, OrderCase, TableCase, TextCase
from omnipipe.evaluation.evaluate import JudgedCase
from omnipipe.evaluation.normal import collapse, normalise, plain_text

_MOST_MARKS = 50
_MOST_WORDS = 10_000
# What `normalise` makes alike, the other way round.
_KINDS = {"'": "['‘’‚]", '"': '["“”„]', "-": "[-–—‑‒−]"}
_BETWEEN = r"(?:[\s*_]|<br/?>|</?[bi]>)+"


class _Mark(NamedTuple):
    start: int
    stop: int
    label: str


def marked_text(markdown: str, cases: Sequence[JudgedCase]) -> str:
    """`markdown` as HTML, with what the failed ones of `cases` ask for marked where it is, and named on hovering."""
    marks = sorted(mark for judged in cases if judged.verdict.passed is False for mark in _marks(judged.case, markdown))
    shown, place = [], 0
    for start, stop, label in marks:
        if start < place:
            continue
        shown.append(escape(markdown[place:start]))
        shown.append(f'<mark title="{escape(label)}">{escape(markdown[start:stop])}</mark>')
        place = stop
    return "".join([*shown, escape(markdown[place:])])


def compared_text(truth: str, text: str, *, truth_format: str, text_format: str) -> str:
    """Both texts in one, word by word: `<del>` is missing from `text`, `<ins>` is only in it. Not of very long ones."""
    from rapidfuzz.distance import Levenshtein

    wanted = collapse(plain_text(truth) if truth_format == "markdown" else truth).split()
    found = collapse(plain_text(text) if text_format == "markdown" else text).split()
    if max(len(wanted), len(found)) > _MOST_WORDS:
        return f"<em>More than {_MOST_WORDS:,} words: not compared here.</em>"
    shown: list[str] = []
    for step in Levenshtein.opcodes(wanted, found):
        missing = escape(" ".join(wanted[step.src_start : step.src_end]))
        extra = escape(" ".join(found[step.dest_start : step.dest_end]))
        if step.tag == "equal":
            shown.append(missing)
            continue
        if missing:
            shown.append(f"<del>{missing}</del>")
        if extra:
            shown.append(f"<ins>{extra}</ins>")
    return " ".join(shown)


def _marks(case: Case, markdown: str) -> Iterator[_Mark]:
    begin, end = 0, len(markdown)
    if isinstance(case, TextCase):
        wanted = [case.text]
        if case.last_n and not case.first_n:
            begin = max(0, end - case.last_n)
        elif case.first_n and not case.last_n:
            end = min(end, case.first_n)
    elif isinstance(case, OrderCase):
        wanted = [case.before, case.after]
    elif isinstance(case, TableCase):
        wanted = [case.cell]
    else:
        wanted = []
    for text in wanted:
        pattern = _pattern(text, ignore_case=isinstance(case, TextCase) and not case.case_sensitive)
        if pattern is None:
            continue
        for number, found in enumerate(pattern.finditer(markdown, begin, end)):
            if number == _MOST_MARKS:
                break
            yield _Mark(found.start(), found.end(), case.id)


def _pattern(text: str, *, ignore_case: bool) -> re.Pattern[str] | None:
    words = normalise(text).split()
    if not words:
        return None
    spelled = ("".join(_KINDS.get(sign) or re.escape(sign) for sign in word) for word in words)
    return re.compile(_BETWEEN.join(spelled), re.IGNORECASE if ignore_case else 0)
