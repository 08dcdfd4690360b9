"""Tests of formulas. The bench sets them with KaTeX in a browser and compares pictures; we compare their LaTeX."""

from __future__ import annotations

import re

from omnipipe.evaluation.case import MathCase
from omnipipe.evaluation.verdict import PASSED, Verdict, failed, not_judged

_DOLLARS = (re.compile(r"\$\$(.+?)\$\$", re.DOTALL), re.compile(r"\$(.+?)\$", re.DOTALL))
_BRACKETS = (re.compile(r"\\\((.+?)\\\)", re.DOTALL), re.compile(r"\\\[(.+?)\\\]", re.DOTALL))
_SPACING = re.compile(r"\\[,;:!]|\\quad\b|\\qquad\b|~|\\(?=\s)")
# A space after a command's name ends the name; all others are for the eye.
_SPACE = re.compile(r"(\\[A-Za-z]+)\s+(?=[A-Za-z])|\s+")
# One sign in braces is set as without them, but for a command's argument.
_BRACED_SIGN = re.compile(r"(?<=[_^])\{(\w)\}")


def judge_formula(case: MathCase, markdown: str) -> Verdict:
    """Passed where the same LaTeX is there, failed where there is no formula at all, else not judged.

    Two LaTeX texts that differ may be set alike, and only a browser would tell.
    """
    formulas = find_formulas(markdown, with_dollars=not case.ignore_dollar_delimited)
    if not formulas:
        return failed("there is no formula")
    wanted = _spelled(case.math)
    if any(formula == case.math or _spelled(formula) == wanted for formula in formulas):
        return PASSED
    return not_judged(
        f"none of {len(formulas)} formulas is written as {case.math[:60]!r}; whether one looks so is open"
    )


def find_formulas(markdown: str, *, with_dollars: bool = True) -> list[str]:
    r"""The LaTeX between \( \), \[ \], $$ $$ and $ $, in this order."""
    found: list[str] = []
    for pattern in (*_BRACKETS, *(_DOLLARS if with_dollars else ())):
        found += [formula.strip() for formula in pattern.findall(markdown)]
        markdown = pattern.sub("", markdown)
    return found


def _spelled(formula: str) -> str:
    """`formula` in one of the spellings that are set alike."""
    shown = _SPACE.sub(lambda found: f"{found[1]} " if found[1] else "", _SPACING.sub(" ", formula))
    return _BRACED_SIGN.sub(r"\1", shown)
