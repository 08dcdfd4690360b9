"""The answer to one test."""

from __future__ import annotations

from typing import NamedTuple


class Verdict(NamedTuple):
    """`passed` is None where the test could not be judged; `reason` says why not passed, and is empty otherwise."""

    passed: bool | None
    reason: str = ""


PASSED = Verdict(True)


def failed(reason: str) -> Verdict:
    """Not passed, for this reason."""
    return Verdict(False, reason)


def not_judged(reason: str) -> Verdict:
    """Neither passed nor failed, for this reason."""
    return Verdict(None, reason)
