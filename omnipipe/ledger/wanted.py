"""Which pages of a document a run still lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omnipipe.ledger.plantable import Planned
from omnipipe.page import PageError
from omnipipe.sources.pages import PageSelection, Span, split
from omnipipe.sources.source import SourceRecord
from omnipipe.unit import DocumentRef, Member


class Lack(NamedTuple):
    """`members` are to be planned; `voids` leave their units, because `members` stand in for them."""

    members: list[Member]
    voids: list[Planned]


def find_lack(
    record: SourceRecord,
    ref: DocumentRef,
    planned: Sequence[Planned],
    *,
    selection: PageSelection | None,
    max_pages: int | None,
) -> Lack:
    """What of `record`'s document is asked for and not in `planned`.

    A document that can be opened now loses its problem row; one whose problem is another one now gets the new one. A
    skipped range of which pages are wanted now is planned anew. Pages once planned stay, whatever is asked later.
    """
    problems = [entry for entry in planned if entry.member.kind == "problem"]
    problem = record.problem or (None if record.page_count else PageError("empty", "the document has no pages"))
    if problem is not None:
        if len(problems) < len(planned) or any(_code(entry.member) == problem.code for entry in problems):
            return Lack([], [])
        return Lack([Member(ref, 0, 1, "problem", problem)], problems)
    wanted, skipped = split(record.page_count or 0, selection, max_pages)
    done = [_span(entry.member) for entry in planned if entry.member.kind == "read"]
    new = subtract(wanted, done)
    voids = list(problems)
    for entry in planned:
        if entry.member.kind != "skipped":
            continue
        span = _span(entry.member)
        if subtract([span], new) == [span]:
            done.append(span)
        else:
            voids.append(entry)
            skipped = [*skipped, span]
    members = [Member(ref, start, stop) for start, stop in new]
    left_out = PageError("max_pages", f"beyond --max-pages {max_pages}")
    members += [
        Member(ref, start, stop, "skipped", left_out) for start, stop in subtract(_merged(skipped), [*new, *done])
    ]
    return Lack(members, voids)


def subtract(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The pages of `spans` that are in none of `taken`, ascending."""
    left = _merged(spans)
    for start, stop in taken:
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, start)), (max(first, stop), last))
            if piece[0] < piece[1]
        ]
    return left


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged


def _span(member: Member) -> Span:
    return member.start, member.stop


def _code(member: Member) -> str | None:
    return member.problem.code if member.problem else None
