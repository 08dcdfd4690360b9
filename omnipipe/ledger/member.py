"""Members of units as plain JSON values, for the footers of unit files, and what of them overlaps."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

from omnipipe.page import PageError
from omnipipe.unit import DocumentRef, Member

Key = tuple[str, int, int]
"""The key of a row: doc_id, page index, and how many pages the row stands for."""


def row_keys(members: Sequence[Member]) -> Iterator[Key]:
    """The keys of the rows of `members`, in order."""
    for member in members:
        doc_id = member.document.doc_id
        if member.kind == "read":
            for index in range(member.start, member.stop):
                yield doc_id, index, 1
        else:
            yield doc_id, member.start, member.stop - member.start


def without_pages(members: Sequence[Member], gone: Collection[tuple[str, int]]) -> tuple[Member, ...]:
    """`members` without the pages (doc_id, index) of `gone`, in order; adjoining pages stay together."""
    kept: list[Member] = []
    for member in members:
        doc_id = member.document.doc_id
        if member.kind != "read":
            if (doc_id, member.start) not in gone:
                kept.append(member)
            continue
        start = member.start
        for index in range(member.start, member.stop + 1):
            if index == member.stop or (doc_id, index) in gone:
                if start < index:
                    kept.append(member._replace(start=start, stop=index))
                start = index + 1
    return tuple(kept)


def members_json(members: Sequence[Member]) -> str:
    """`members` as compact JSON."""
    return json.dumps([_plain(member) for member in members], separators=(",", ":"), ensure_ascii=True)


def members_from_json(text: str) -> tuple[Member, ...]:
    """The members that `members_json` wrote."""
    made = []
    for doc_id, uri, size, stamp, count, form, start, stop, kind, problem in json.loads(text):
        document = DocumentRef(doc_id=doc_id, uri=uri, size=size, stamp=stamp, count=count, format=form)
        made.append(Member(document, start, stop, kind, PageError(*problem) if problem else None))
    return tuple(made)


def member_values(member: Member) -> tuple[object, ...]:
    """The fields of `member` and its document, in the order of the plan's columns, up to its problem."""
    document = member.document
    return (
        document.doc_id,
        document.uri,
        document.size,
        document.stamp,
        document.count,
        document.format,
        member.start,
        member.stop,
        member.kind,
    )


def _plain(member: Member) -> list[object]:
    return [*member_values(member), list(member.problem) if member.problem else None]
