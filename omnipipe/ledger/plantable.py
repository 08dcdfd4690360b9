"""`plan/`: which page belongs to which unit; append-only, each file whole or not there.

Four kinds of entries: `unit` (pages that are computed for the first time, or that an earlier pass left open), `retry`
(pages computed anew within an older unit's file), `void` (a member that has left its unit: its document changed, or its
pages are planned otherwise), `moved` (pages that were left open and belong to a unit of the next pass now).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.ledger.files import append_table, next_number, numbered, read_columns
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.member import member_values, members_json, row_keys
from omnipipe.page import PageError
from omnipipe.shelf import Row, Shelf
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


_MEMBER = ", ".join(_NAMES[4:-1])
_SCHEMA = f"""
    CREATE TABLE units (place INTEGER PRIMARY KEY, id, pass, replaces, origins, UNIQUE (id));
    CREATE INDEX retries ON units (replaces) WHERE replaces IS NOT NULL;
    CREATE TABLE members (unit, rank, {_MEMBER});
    CREATE INDEX of_unit ON members (unit, rank, start);
    CREATE INDEX of_document ON members (doc_id);
"""
_UNIT = "SELECT place, id, pass, replaces, origins FROM units"
_INSERT = f"INSERT INTO members (unit, rank, {_MEMBER}) VALUES ({', '.join('?' * (2 + len(_NAMES[4:-1])))})"
_FIRST = "members JOIN units ON unit = place WHERE replaces IS NULL"
_SELF_AND_RETRIES = (
    "SELECT place, replaces FROM units WHERE id = ? UNION ALL SELECT place, replaces FROM units WHERE replaces = ?"
)
# The plus keeps SQLite from looking for the document, which may have members in thousands of units.
_TOUCHED = f"SELECT rowid, rank, {_MEMBER} FROM members WHERE unit = ? AND +doc_id = ? AND stop > ? AND start < ?"
_READ_AT_ONCE = 64


class PlanTable:
    """The plan of one run: every unit ever planned, with the members it still has. None is held in memory."""

    def __init__(self, layout: RunLayout, config_hash: str, *, files: Sequence[Path] | None = None) -> None:
        self._layout = layout
        self._config_hash = config_hash
        self._shelf = Shelf(_SCHEMA)
        self._num_members = 0
        self.num_pages = 0
        """Pages of all units; a retry's are counted with the unit that it replaces."""
        self.voided: set[str] = set()
        self.moved: set[str] = set()
        for path in numbered(layout.plan) if files is None else files:
            self._read(path)

    def unit(self, unit_id: str) -> Unit:
        """The unit with this id.

        Raises:
            KeyError: There is none.
        """
        row = self._shelf.row(f"{_UNIT} WHERE id=?", unit_id)
        if row is None:
            raise KeyError(unit_id)
        return _unit(row, self._shelf.rows(f"SELECT {_MEMBER} FROM members WHERE unit=? ORDER BY rank, start", row[0]))

    def units(self) -> Iterator[Unit]:
        """All units that are planned by now, in the order of the plan; the plan may grow meanwhile."""
        row = self._shelf.row("SELECT MAX(place) FROM units")
        place, last = 0, row[0] if row and row[0] is not None else 0
        while rows := self._shelf.rows(
            f"{_UNIT} WHERE place>? AND place<=? ORDER BY place LIMIT ?", place, last, _READ_AT_ONCE
        ):
            members: dict[int, list[Row]] = {}
            for unit, *values in self._shelf.rows(
                f"SELECT unit, {_MEMBER} FROM members WHERE unit>? AND unit<=? ORDER BY unit, rank, start",
                place,
                rows[-1][0],
            ):
                members.setdefault(unit, []).append(tuple(values))
            yield from (_unit(row, members.get(row[0], ())) for row in rows)
            place = rows[-1][0]

    def known(self, unit_ids: Iterable[str]) -> set[str]:
        """Those of `unit_ids` that are in the plan."""
        return {unit_id for unit_id in unit_ids if self._shelf.row("SELECT 1 FROM units WHERE id=?", unit_id)}

    def of_document(self, doc_id: str) -> list[Planned]:
        """What is planned of a document, by its pages."""
        rows = self._shelf.rows(f"SELECT id, {_MEMBER} FROM {_FIRST} AND doc_id=? ORDER BY start, place, rank", doc_id)
        return [Planned(unit_id, _member(*values)) for unit_id, *values in rows]

    def doc_ids(self) -> Iterator[str]:
        """Documents with planned pages, in the order of the plan."""
        ranked = f"SELECT doc_id, MIN(rank) AS first FROM {_FIRST} GROUP BY doc_id ORDER BY first"
        return (doc_id for doc_id, _ in self._shelf.scan(ranked))

    def spans(self) -> Iterator[tuple[str, int, int, str]]:
        """Document, first page, page after the last, and unit, of all that is planned, by document and page."""
        query = f"SELECT doc_id, start, stop, id FROM {_FIRST} ORDER BY doc_id, start, stop, id"
        return ((doc_id, start, stop, unit_id) for doc_id, start, stop, unit_id in self._shelf.scan(query))

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
            replaced = self.unit(replaces) if replaces is not None else None
            unit = Unit(
                id=self._unit_id(number, place, members),
                members=tuple(members),
                pass_index=replaced.pass_index if replaced is not None else pass_index,
                replaces=replaces,
                origins=replaced.origins if replaced is not None else _origins(members, homes),
            )
            made.append(unit)
        append_table(self._layout.plan, self._layout.tmp, number, _table(made, voids, moved))
        self._void([*voids, *moved])
        self.voided.update(void.unit_id for void in voids)
        self.moved.update(left.unit_id for left in moved)
        self._put(made)
        return made

    def restore(self, units: Sequence[Unit]) -> None:
        """Write units that were found in files and in no plan."""
        append_table(self._layout.plan, self._layout.tmp, next_number(self._layout.plan), _table(units))
        self._put(units)

    def adopt(self, unit: Unit) -> None:
        """Take a unit that was found in a file and in no plan into this table, and write nothing."""
        self._put([unit])

    def _unit_id(self, number: int, place: int, members: Sequence[Member]) -> str:
        identity = f"{self._config_hash} {number} {place} {members_json(members)}"
        return hashlib.sha256(identity.encode()).hexdigest()[:24]

    def _put(self, units: Iterable[Unit]) -> None:
        with self._shelf.writing() as execute:
            for unit in units:
                values = unit.id, unit.pass_index, unit.replaces, " ".join(unit.origins)
                made = execute("INSERT OR IGNORE INTO units (id, pass, replaces, origins) VALUES (?, ?, ?, ?)", values)
                if not made.rowcount:
                    # A file of the plan that somebody copied: twice in the plan is once planned.
                    continue
                place = made.lastrowid
                for rank, member in enumerate(unit.members, self._num_members):
                    execute(_INSERT, (place, rank, *_values(member)))
                self._num_members += len(unit.members)
                if unit.replaces is None:
                    self.num_pages += unit.num_pages

    def _void(self, gone: Iterable[Planned]) -> None:
        """Take pages out of units, and out of those that compute them anew."""
        with self._shelf.writing() as execute:
            for unit_id, out in gone:
                for place, replaces in execute(_SELF_AND_RETRIES, (unit_id, unit_id)).fetchall():
                    span = place, out.document.doc_id, out.start, out.stop
                    for row, rank, *values in execute(_TOUCHED, span).fetchall():
                        member = _member(*values)
                        pieces = _outside(member, out)
                        execute("DELETE FROM members WHERE rowid=?", (row,))
                        for piece in pieces:
                            execute(_INSERT, (place, rank, *_values(piece)))
                        if replaces is None:
                            self.num_pages -= _num_pages([member]) - _num_pages(pieces)

    def _read(self, path: Path) -> None:
        table = read_columns(path, _NAMES)
        members: dict[str, list[Member]] = {}
        heads: dict[str, tuple[int, str | None, str | None]] = {}
        gone: list[Planned] = []
        for row in zip(*(table.column(name).to_pylist() for name in _NAMES), strict=True):
            entry, unit_id, pass_index, replaces, *rest, origins = row
            member = None if rest[0] is None else _member(*rest)
            if entry in ("void", "moved"):
                (self.voided if entry == "void" else self.moved).add(unit_id)
                if member is not None:
                    gone.append(Planned(unit_id, member))
                continue
            heads[unit_id] = pass_index, replaces, origins
            members.setdefault(unit_id, [])
            if member is not None:
                members[unit_id].append(member)
        self._void(gone)
        self._put(
            Unit(
                id=unit_id,
                members=tuple(members[unit_id]),
                pass_index=pass_index,
                replaces=replaces,
                origins=tuple(origins.split()) if origins else (),
            )
            for unit_id, (pass_index, replaces, origins) in heads.items()
        )


def _unit(row: Row, members: Sequence[Row]) -> Unit:
    _, unit_id, pass_index, replaces, origins = row
    return Unit(
        id=unit_id,
        members=tuple(_member(*values) for values in members),
        pass_index=pass_index,
        replaces=replaces,
        origins=tuple(origins.split()),
    )


def _num_pages(members: Iterable[Member]) -> int:
    return sum(member.stop - member.start for member in members)


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
