"""Starts of units that did not end in a commit, and the pages that are to blame.

A worker appends a line when it starts a unit, one for each page that runs alone, and one when all came through. The
commit removes the file. So whatever is found in it are attempts that something cut off: a worker's death where the same
driver saw a later start, else perhaps the driver's own.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

DEATHS_UNTIL_ALONE = 2
DEATHS_UNTIL_POISONED = 2
# A page that once ran through alone is no sure killer: neighbours, or somebody's kill, are as likely.
DEATHS_OF_A_SURVIVOR = 4
FREE_CUTS = 2
_END = ""


class Verdict(NamedTuple):
    """`is_alone`: run page by page. `poisoned`: ids of pages that must not run."""

    is_alone: bool
    poisoned: frozenset[str]


class _Attempt(NamedTuple):
    boot: str
    pages: list[str]


def append_start(path: Path, boot_id: str, worker: str) -> bytes:
    """Record a start; returns what was recorded before it."""
    opened = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(opened).st_size
        before = os.pread(opened, size, 0) if size else b""
        # A line that a kill cut short must not swallow this one.
        start = b"" if not before or before.endswith(b"\n") else b"\n"
        os.write(opened, start + _line({"boot": boot_id, "worker": worker}))
        return before
    finally:
        os.close(opened)


def append_page(path: Path, boot_id: str, page_id: str) -> None:
    """Record that a page starts alone."""
    opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(opened, _line({"boot": boot_id, "page": page_id}))
    finally:
        os.close(opened)


def append_end(path: Path, boot_id: str) -> None:
    """Record that the last page that ran alone came through."""
    append_page(path, boot_id, _END)


def judge(before: bytes, boot_id: str) -> Verdict:
    """How to run a unit whose earlier starts left `before`, now that driver `boot_id` lives."""
    attempts = _attempts(before)
    deaths: Counter[str] = Counter()
    cuts: Counter[str] = Counter()
    survived: set[str] = set()
    unit_deaths = 0
    for place, attempt in enumerate(attempts):
        is_death = attempt.boot == boot_id or any(later.boot == attempt.boot for later in attempts[place + 1 :])
        unit_deaths += is_death
        if attempt.pages and attempt.pages[-1] != _END:
            (deaths if is_death else cuts)[attempt.pages[-1]] += 1
        survived.update(attempt.pages[:-1])
    if unit_deaths < DEATHS_UNTIL_ALONE:
        return Verdict(False, frozenset())
    poisoned = {
        page
        for page in deaths.keys() | cuts.keys()
        if deaths[page] + max(0, cuts[page] - FREE_CUTS)
        >= (DEATHS_OF_A_SURVIVOR if page in survived else DEATHS_UNTIL_POISONED)
    }
    return Verdict(True, frozenset(poisoned))


def _attempts(before: bytes) -> Sequence[_Attempt]:
    attempts: list[_Attempt] = []
    for line in before.splitlines():
        try:
            entry = json.loads(line)
            boot, page = entry["boot"], entry.get("page")
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if page is None:
            attempts.append(_Attempt(boot, []))
        elif attempts:
            attempts[-1].pages.append(page)
    return attempts


def _line(entry: dict[str, str]) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"
