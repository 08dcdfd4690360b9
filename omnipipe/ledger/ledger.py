"""The driver's side of the ledger: one run directory, its sources, its plan and its accounts."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from omnipipe.ledger.accounts import Accounts, RunSummary
from omnipipe.ledger.counts import Counts
from omnipipe.ledger.files import stopping
from omnipipe.ledger.home import find_home, is_here, is_known_folder
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.lock import RunLock
from omnipipe.ledger.manifest import Manifest
from omnipipe.ledger.member import row_keys, without_pages
from omnipipe.ledger.openpages import read_open
from omnipipe.ledger.packing import UnitSize, Work, pack
from omnipipe.ledger.plantable import Planned, PlanTable
from omnipipe.ledger.retry import RetryChoice, chosen_members
from omnipipe.ledger.rewrite import keep_members
from omnipipe.ledger.rundir import begin, layout_of, take
from omnipipe.ledger.sourcetable import SourceTable, user_json
from omnipipe.ledger.store import UnitStore
from omnipipe.ledger.unitfile import read_info
from omnipipe.ledger.wanted import find_lack
from omnipipe.pipeline import Pipeline
from omnipipe.unit import DocumentRef, Member, Unit

if TYPE_CHECKING:
    from omnipipe.sources.pages import PageSelection
    from omnipipe.sources.source import Source, SourceRecord

_TRANSIENT = frozenset({"missing", "unreadable", "changed"})


class Ledger:
    """One run directory, held by one driver until `close`."""

    def __init__(
        self,
        layout: RunLayout,
        manifest: Manifest,
        lock: RunLock,
        *,
        boot_id: str,
        warnings: Sequence[str],
        num_passes: int = 1,
    ) -> None:
        self.run_dir = layout.root
        self.run_id = manifest.run_id
        self.boot_id = boot_id
        self.config_hash = manifest.config_hash
        self.warnings = list(warnings)
        self._layout = layout
        self._lock = lock
        self._num_passes = num_passes
        self._sources: SourceTable | None = None
        # Units that `add_sources` had to make, until somebody asks for work.
        self._carried: list[Unit] = []
        self._plan = PlanTable(layout, manifest.config_hash)
        self._accounts = Accounts(layout, manifest, self._plan)
        self._restore()
        self._settle(self._plan.voided)

    @classmethod
    def open(cls, run_dir: Path | str, pipeline: Pipeline, *, fresh: bool = False) -> Ledger:
        """The run in `run_dir`, made where there is none, locked against a second driver.

        `fresh` empties a run of ours first. `warnings` names versions that differ from those that began the run.

        Raises:
            OutputError: `run_dir` is no run of ours and not empty, holds another pipeline's run, cannot be written,
                is an object store, or another driver holds it.
        """
        layout = layout_of(run_dir)
        boot_id = uuid.uuid4().hex[:16]
        lock = take(layout, boot_id)
        try:
            manifest, warnings = begin(layout, pipeline, boot_id, fresh=fresh)
            passes = len(pipeline.passes)
            return cls(layout, manifest, lock, boot_id=boot_id, warnings=warnings, num_passes=passes)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Let another driver in."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def store(self) -> UnitStore:
        """What workers need to commit into this run."""
        return UnitStore(self.run_dir, self.run_id, self.boot_id, self.config_hash, self._num_passes)

    def known_source(self, source: Source, *, again: Collection[str] = ()) -> SourceRecord | None:
        """What an earlier run found in `source`, if its size, stamp and user columns are the same.

        Sources whose bytes could not be had, and those with a problem code in `again`, are never known.
        """
        record = self._source_table().find(source.uri)
        if record is None or not record.is_current(source) or user_json(record.user) != user_json(source.user):
            return None
        return None if record.problem is not None and record.problem.code in again else record

    def add_sources(self, records: Iterable[SourceRecord]) -> None:
        """Keep what the index found; records that are known already cost nothing.

        Where a uri has other bytes now, and no other uri has the old ones, the old document's rows leave the run. A
        uri whose bytes cannot be had now keeps what it had before.
        """
        sources = self._source_table()
        changed = [record for record in sources.changed(records) if not self._is_glitch(record)]
        orphans = sources.orphans(changed)
        gone = [planned for doc_id in orphans for planned in self._plan.of_document(doc_id)]
        self._carried += self._replan([], gone)
        sources.add(changed)

    def drop_folders(self) -> list[Unit]:
        """Units in place of those that lost a folder's row: it could not be had, and now all that is in it is known.

        Call it when all sources are added.
        """
        sources = self._source_table()
        lost = ((record, self._plan.of_document(record.doc_id)) for record in sources.lost())
        known = [planned for record, planned in lost if planned and is_known_folder(record, sources.knows)]
        return self._replan([], list(chain.from_iterable(known)))

    def plan(
        self,
        records: Sequence[SourceRecord],
        selection: PageSelection | None = None,
        max_pages: int | None = None,
        *,
        size: UnitSize | None = None,
    ) -> list[Unit]:
        """Units for those pages of `records` that are in no unit yet, written to the plan before they are returned.

        Call `add_sources` with the same records first. Where that took pages out of a unit that nobody had committed,
        the unit's other pages are in a new one, which is returned here as well.
        """
        members: list[Member] = []
        voids: list[Planned] = []
        seen: set[str] = set()
        for record in records:
            if record.doc_id in seen or self._is_glitch(record):
                continue
            seen.add(record.doc_id)
            planned = self._plan.of_document(record.doc_id)
            ref = self._ref(record.doc_id) or record.ref()
            lack = find_lack(record, ref, planned, selection=selection, max_pages=max_pages)
            members += lack.members
            voids += lack.voids
        carried, self._carried = self._carried, []
        return carried + self._replan(members, voids, size=size, records=records)

    def plan_retry(self, choice: str, *, max_pages: int | None = None) -> list[Unit]:
        """Units that compute committed rows anew: `failed,fallback,skipped`, each with `:CODE` if wanted.

        Of skipped ranges, the pages before `max_pages` (None: all) are read. Documents that could not be opened are
        not among them: index their sources again (`known_source(source, again=retry_codes(choice))`).

        Raises:
            UserError: `choice` names no such status or code.
        """
        chosen = RetryChoice.parse(choice)
        retries: list[tuple[str, list[Member]]] = []
        members: list[Member] = []
        voids: list[Planned] = []
        for unit in self._plan.units():
            info = self._accounts.find_info(unit.id) if unit.replaces is None and unit.members else None
            if info is None or not any(info.counts.statuses[status] for status in chosen.codes):
                continue
            again = []
            for member in chosen_members(self._layout, unit, chosen):
                if member.kind == "read":
                    again.append(member)
                    continue
                cut = member.stop if max_pages is None else min(member.stop, max(member.start, max_pages))
                if cut > member.start:
                    voids.append(Planned(unit.id, member))
                    members.append(Member(member.document, member.start, cut))
                    members += [member._replace(start=cut)] if cut < member.stop else []
            if again and unit.pass_index + 1 < self._num_passes:
                # Pages that may go on to another pass this time cannot come back into the file that they are in.
                voids += [Planned(unit.id, member) for member in again]
                members += again
            elif again:
                retries.append((unit.id, again))
        return self._replan(members, voids, retries=retries)

    @staticmethod
    def retry_codes(choice: str) -> frozenset[str]:
        """Problem codes of documents that `choice` (as in `plan_retry`) takes up again, for `known_source`."""
        return RetryChoice.parse(choice).problem_codes

    def escalate(
        self, pass_index: int, *, size: UnitSize | None = None, left_by: Collection[str] | None = None
    ) -> list[Unit]:
        """Units of pass `pass_index` for the pages that the pass before it has left open and that are in none yet.

        `left_by` are the units that left pages open; where it is not given, the run directory is searched for them.
        """
        origins = self._find_origins(pass_index - 1) if left_by is None else left_by
        moved: list[Planned] = []
        for unit_id in sorted(set(origins) - self._plan.moved):
            left = {(page.doc_id, page.index) for page in read_open(self._layout.open_file(unit_id))}
            members = self._plan.unit(unit_id).members
            kept = {(doc_id, index) for doc_id, index, _ in row_keys(members)} - left
            moved += [Planned(unit_id, member) for member in without_pages(members, kept)]
        if not moved:
            return []
        size = size or UnitSize()
        works = [Work(planned.member, size.page_seconds(1.0)) for planned in moved]
        units = self._plan.append(pack(works, size), moved=moved, pass_index=pass_index)
        return [self._current(unit) for unit in units]

    def has_open(self, pass_index: int) -> bool:
        """Whether pages wait for pass `pass_index` that are in none of its units yet."""
        return bool(self._find_origins(pass_index - 1) - self._plan.moved)

    def _find_origins(self, pass_index: int) -> set[str]:
        with os.scandir(self._layout.open) as entries:
            left = {entry.name.removesuffix(".jsonl") for entry in entries}
        there = map(self._plan.unit, self._plan.known(left & self._accounts.names()))
        return {unit.id for unit in there if unit.pass_index == pass_index and unit.members}

    def pending(self, pass_index: int | None = None) -> Iterator[Unit]:
        """Units that are planned and not committed, in the order of the plan; of one pass only, if it is given."""
        names = self._accounts.names()
        self._carried = []
        for unit in self._plan.units():
            if pass_index is not None and unit.pass_index != pass_index:
                continue
            if not unit.members or (unit.replaces is None and unit.id in names):
                continue
            if unit.replaces is not None:
                info = self._accounts.find_info(unit.replaces)
                if info is None or unit.id in info.merged:
                    continue
            yield self._current(unit)

    def at_home(self, unit: Unit, *, ask_stores: bool, met: Collection[str] = ()) -> Unit | None:
        """`unit` with the places where its documents can be had now; None where one of them was not met again yet.

        Costs a look at each document's file, but for the uris in `met`; `ask_stores`: at each object too, if its
        document has other places.
        Documents that no source leads to any more stay as they are.
        """
        members = []
        sources = self._source_table()
        for member in unit.members:
            is_met = member.kind != "read" or member.document.uri in met
            home = None if is_met else sources.first(member.document.doc_id)
            # Not all places of a document at once: there may be thousands.
            if home is not None and not is_here(home):
                home = find_home(sources.records(member.document.doc_id), ask_stores=ask_stores)
                if home is None:
                    return None
            members.append(member if home is None else member._replace(document=home.ref()))
        return replace(unit, members=tuple(members))

    @property
    def num_planned_pages(self) -> int:
        """Pages of the whole plan, committed or not; a skipped range counts every page of it."""
        return self._plan.num_pages

    def counts(self) -> Counts:
        """Numbers of what is committed now."""
        return self._accounts.counts()

    def finish(self) -> RunSummary:
        """Check the accounts, write `documents/` and the manifest where something changed.

        Raises:
            AccountingError: A planned page has no row; the message lists the units.
        """
        with stopping(self._layout.root, *self._layout.folders()):
            return self._accounts.finish(self._source_table)

    def _source_table(self) -> SourceTable:
        if self._sources is None:
            self._sources = SourceTable(self._layout)
        return self._sources

    def _is_glitch(self, record: SourceRecord) -> bool:
        # What was read once is not thrown away because its place cannot be reached today.
        if record.problem is None or record.problem.code not in _TRANSIENT:
            return False
        known = self._source_table().find(record.uri)
        return known is not None and known.doc_id != record.doc_id

    def _ref(self, doc_id: str) -> DocumentRef | None:
        first = self._source_table().first(doc_id)
        return None if first is None else first.ref()

    def _current(self, unit: Unit) -> Unit:
        # A document may have moved, or been touched, since it was planned. Hardly any has: the plan's own objects are
        # not made twice.
        members = tuple(map(self._current_member, unit.members))
        return unit if members == unit.members else replace(unit, members=members)

    def _current_member(self, member: Member) -> Member:
        ref = self._ref(member.document.doc_id)
        return member if ref is None or ref == member.document else member._replace(document=ref)

    def _replan(
        self,
        members: Sequence[Member],
        voids: Sequence[Planned],
        *,
        retries: Sequence[tuple[str, Sequence[Member]]] = (),
        size: UnitSize | None = None,
        records: Sequence[SourceRecord] = (),
    ) -> list[Unit]:
        names = self._accounts.names() if voids else frozenset()
        gone = list(voids)
        members = list(members)
        # A unit that is not committed yet is given up as a whole: a late worker may still hold it with the old members.
        for unit_id in dict.fromkeys(void.unit_id for void in voids):
            if unit_id not in names:
                kept = [Planned(unit_id, member) for member in self._plan.unit(unit_id).members]
                kept = [planned for planned in kept if planned not in gone]
                gone += kept
                members += [planned.member for planned in kept]
        size = size or UnitSize()
        shares = {record.doc_id: record.ocr_share for record in records}
        works = [Work(member, self._row_seconds(member, size, shares)) for member in members]
        units = self._plan.append(pack(works, size), retries=retries, voids=gone)
        self._settle(dict.fromkeys(void.unit_id for void in gone))
        return [self._current(unit) for unit in units]

    def _row_seconds(self, member: Member, size: UnitSize, shares: dict[str, float]) -> float:
        if member.kind != "read":
            return size.text_page_seconds
        doc_id = member.document.doc_id
        if doc_id not in shares:
            first = self._source_table().first(doc_id)
            shares[doc_id] = first.ocr_share if first else 0.0
        return size.page_seconds(shares[doc_id])

    def _settle(self, unit_ids: Collection[str]) -> None:
        for unit_id in unit_ids:
            keep_members(self._layout, self.run_id, self._plan.unit(unit_id), self.config_hash)

    def _restore(self) -> None:
        lost = []
        names = self._accounts.names()
        for name in sorted(names - self._plan.known(names)):
            info = self._accounts.find_info(name)
            if info is not None and info.run_id == self.run_id:
                members = read_info(self._layout.unit_file(name)).members
                lost.append(Unit(id=info.unit_id, members=members, pass_index=info.pass_index))
        if lost:
            self.warnings.append(f"{len(lost)} units were in no plan; the plan was rebuilt from their files.")
            self._plan.restore(lost)
