"""`plan/`: which page belongs to which unit; append-only, each file whole or not there.

Four kinds of entries: `unit` (pages that are computed for the first time, or that an earlier pass left open), `retry`
(pages computed anew within an older unit's file), `void` (a member that has left its unit: its document changed, or its
pages are planned otherwise), `moved` (pages that were left open and belong to a unit of the next pass now).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.ledger.files import append_table, next_number, numbered, read_columns
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.member import member_values, members_json, row_keys
from omnipipe.page import PageError
from omnipipe.unit import DocumentRef, Member, Unit

if TYPE_CHECKING:
    import pyarrow as pa

_NAMES = (
    "entry",
    "unit_id",
    "pass",
    "replaces",
    "doc_id",
    "uri",
    "size",
    "stamp",
    "count",
    "format",
    "start",
    "stop",
    "kind",
    "problem_code",
    "problem_message",
    "origins",
)
_INTEGERS = frozenset({"pass", "size", "count", "start", "stop"})


class Planned(NamedTuple):
    """A member of the plan and the unit that has it."""

    unit_id: str
    member: Member


class PlanTable:
    """The plan of one run, in memory. `units` holds every unit ever planned, with the members it still has."""

    def __init__(self, layout: RunLayout, config_hash: str, *, files: Sequence[Path] | None = None) -> None:
        self._layout = layout
        self._config_hash = config_hash
        # The ids of each document's units.
        self._by_doc: dict[str, tuple[str, ...]] = {}
        self._retries: dict[str, list[str]] = {}
        self.units: dict[str, Unit] = {}
        self.voided: set[str] = set()
        self.moved: set[str] = set()
        for path in numbered(layout.plan) if files is None else files:
            self._read(path)

    @property
    def num_pages(self) -> int:
        """Pages of all units; a retry's are counted with the unit that it replaces."""
        return sum(unit.num_pages for unit in self.units.values() if unit.replaces is None)

    def of_document(self, doc_id: str) -> Sequence[Planned]:
        """What is planned of a document, by its pages."""
        planned = [
            Planned(unit_id, member)
            for unit_id in self._by_doc.get(doc_id, ())
            for member in self.units[unit_id].members
            if member.document.doc_id == doc_id
        ]
        return sorted(planned, key=lambda entry: entry.member.start)

    def doc_ids(self) -> list[str]:
        """Documents with planned pages, in the order of the plan."""
        return [doc_id for doc_id, unit_ids in self._by_doc.items() if unit_ids]

    def append(
        self,
        units: Iterable[Sequence[Member]] = (),
        *,
        retries: Iterable[tuple[str, Sequence[Member]]] = (),
        voids: Sequence[Planned] = (),
        moved: Sequence[Planned] = (),
        pass_index: int = 0,
    ) -> list[Unit]:
        """Write new units, retries (of the unit with the given id) and voids as one file; returns the new units.

        `moved` are the pages of the new units where these are of a later pass, each with the unit that left it.
        """
        number = next_number(self._layout.plan)
        wanted: list[tuple[str | None, Sequence[Member]]] = [(None, members) for members in units]
        wanted += retries
        if not wanted and not voids:
            return []
        homes = {(doc_id, index): left.unit_id for left in moved for doc_id, index, _ in row_keys([left.member])}
        made = []
        for place, (replaces, members) in enumerate(wanted):
            replaced = self.units[replaces] if replaces is not None else None
            unit = Unit(
                id=self._unit_id(number, place, members),
                members=tuple(members),
                pass_index=replaced.pass_index if replaced is not None else pass_index,
                replaces=replaces,
                origins=replaced.origins if replaced is not None else _origins(members, homes),
            )
            made.append(unit)
        append_table(self._layout.plan, self._layout.tmp, number, _table(made, voids, moved))
        for void in voids:
            self._void(void.unit_id, void.member)
            self.voided.add(void.unit_id)
        for left in moved:
            self._void(left.unit_id, left.member)
            self.moved.add(left.unit_id)
        for unit in made:
            self._put(unit)
        return made

    def restore(self, units: Sequence[Unit]) -> None:
        """Write units that were found in files and in no plan."""
        append_table(self._layout.plan, self._layout.tmp, next_number(self._layout.plan), _table(units))
        for unit in units:
            self._put(unit)

    def _unit_id(self, number: int, place: int, members: Sequence[Member]) -> str:
        identity = f"{self._config_hash} {number} {place} {members_json(members)}"
        return hashlib.sha256(identity.encode()).hexdigest()[:24]

    def _put(self, unit: Unit) -> None:
        if unit.id in self.units:
            # A file of the plan that somebody copied: twice in the plan is once planned.
            return
        self.units[unit.id] = unit
        if unit.replaces is None:
            # Nearly all documents of a unit are in no other: they share what is known of them.
            alone = (unit.id,)
            for doc_id in dict.fromkeys(member.document.doc_id for member in unit.members):
                others = self._by_doc.get(doc_id)
                self._by_doc[doc_id] = (*others, unit.id) if others else alone
        else:
            self._retries.setdefault(unit.replaces, []).append(unit.id)

    def _void(self, unit_id: str, gone: Member) -> None:
        for touched in (unit_id, *self._retries.get(unit_id, ())):
            unit = self.units[touched]
            members = tuple(piece for member in unit.members for piece in _outside(member, gone))
            self.units[touched] = replace(unit, members=members)
        doc_id = gone.document.doc_id
        if not any(member.document.doc_id == doc_id for member in self.units[unit_id].members):
            self._by_doc[doc_id] = tuple(home for home in self._by_doc.get(doc_id, ()) if home != unit_id)

    def _read(self, path: Path) -> None:
        table = read_columns(path, _NAMES)
        members: dict[str, list[Member]] = {}
        heads: dict[str, tuple[int, str | None, str | None]] = {}
        gone: list[tuple[str, Member]] = []
        for row in zip(*(table.column(name).to_pylist() for name in _NAMES), strict=True):
            entry, unit_id, pass_index, replaces, *rest, origins = row
            member = None if rest[0] is None else _member(*rest)
            if entry in ("void", "moved"):
                (self.voided if entry == "void" else self.moved).add(unit_id)
                if member is not None:
                    gone.append((unit_id, member))
                continue
            heads[unit_id] = pass_index, replaces, origins
            members.setdefault(unit_id, [])
            if member is not None:
                members[unit_id].append(member)
        for unit_id, member in gone:
            if unit_id in self.units:
                self._void(unit_id, member)
        for unit_id, (pass_index, replaces, origins) in heads.items():
            unit = Unit(
                id=unit_id,
                members=tuple(members[unit_id]),
                pass_index=pass_index,
                replaces=replaces,
                origins=tuple(origins.split()) if origins else (),
            )
            self._put(unit)


def _outside(member: Member, gone: Member) -> list[Member]:
    """What is left of `member` when the pages of `gone` leave it."""
    if member.document.doc_id != gone.document.doc_id or gone.stop <= member.start or member.stop <= gone.start:
        return [member]
    if member.kind != "read":
        return [] if gone.start <= member.start and member.stop <= gone.stop else [member]
    pieces = [(member.start, min(member.stop, gone.start)), (max(member.start, gone.stop), member.stop)]
    return [member._replace(start=start, stop=stop) for start, stop in pieces if start < stop]


def _origins(members: Sequence[Member], homes: Mapping[tuple[str, int], str]) -> tuple[str, ...]:
    # A member of a new unit may be made of several that were left: each page knows its home.
    keys = [key for key in row_keys(members) if (key[0], key[1]) in homes]
    return tuple(dict.fromkeys(homes[doc_id, index] for doc_id, index, _ in keys))


def _member(
    doc_id: str,
    uri: str,
    size: int | None,
    stamp: str | None,
    count: int | None,
    form: str | None,
    start: int,
    stop: int,
    kind: str,
    code: str | None,
    message: str | None,
) -> Member:
    document = DocumentRef(doc_id=doc_id, uri=uri, size=size, stamp=stamp, count=count, format=form)
    problem = None if code is None else PageError(code, message or "")
    return Member(document, start, stop, kind, problem)  # type: ignore[arg-type]


def _table(units: Sequence[Unit], voids: Sequence[Planned] = (), moved: Sequence[Planned] = ()) -> pa.Table:
    import pyarrow as pa

    rows: list[tuple[object, ...]] = [
        (entry, left.unit_id, 0, None, *_values(left.member), None)
        for entry, gone in (("void", voids), ("moved", moved))
        for left in gone
    ]
    for unit in units:
        head = "unit" if unit.replaces is None else "retry", unit.id, unit.pass_index, unit.replaces
        # A unit that has no members left is kept: its name stays taken.
        origins = " ".join(unit.origins) or None
        rows += [(*head, *_values(member), origins) for member in unit.members] or [(*head, *[None] * 11, origins)]
    columns = {
        name: pa.array(values, pa.int64() if name in _INTEGERS else pa.string())
        for name, values in zip(_NAMES, zip(*rows, strict=True), strict=True)
    }
    return pa.table(columns).replace_schema_metadata({"omnipipe.schema": "plan"})


def _values(member: Member) -> tuple[object, ...]:
    problem = member.problem
    return *member_values(member), problem.code if problem else None, problem.message if problem else None
