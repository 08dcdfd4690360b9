"""What is committed, whether it is all that was planned, and what is written of it at the end."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from omnipipe.errors import AccountingError
from omnipipe.ledger.counts import Counts
from omnipipe.ledger.documents import write_documents
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.manifest import Manifest, now
from omnipipe.ledger.plantable import PlanTable
from omnipipe.ledger.sourcetable import SourceTable
from omnipipe.ledger.unitfile import UnitInfo, read_info
from omnipipe.page import STATUSES
from omnipipe.shelf import Shelf

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a finished run holds; `pages_in` counts what the index promised, skipped ranges included."""

    pages_in: int
    num_documents: int
    num_units: int
    counts: Counts
    is_changed: bool


class Accounts:
    """What is in `pages/` against what is planned."""

    def __init__(self, layout: RunLayout, manifest: Manifest, plan: PlanTable) -> None:
        self._layout = layout
        self._manifest = manifest
        self._plan = plan
        self._footers = Shelf("CREATE TABLE footers (unit_id PRIMARY KEY, mtime, size, footer) WITHOUT ROWID")

    def names(self) -> frozenset[str]:
        """Ids of units whose file is there."""
        return unit_names(self._layout)

    def find_info(self, unit_id: str) -> UnitInfo | None:
        """The footer of a unit's file without its members, None where there is none.

        Raises:
            DamagedUnitError: The file cannot be read.
        """
        path = self._layout.unit_file(unit_id)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        state = stat.st_mtime_ns, stat.st_size
        known = self._footers.row("SELECT mtime, size, footer FROM footers WHERE unit_id=?", unit_id)
        if known is not None and known[:2] == state:
            return UnitInfo.from_json(known[2])
        info = read_info(path, with_members=False)
        with self._footers.writing() as execute:
            execute("INSERT OR REPLACE INTO footers VALUES (?, ?, ?, ?)", (unit_id, *state, info.to_json()))
        return info

    def counts(self) -> Counts:
        """Numbers of the committed units of the plan."""
        finished = self._manifest.finished
        if finished and finished.get("state") == self.state():
            return Counts.from_plain(_mapping(finished["counts"]))
        counts = Counts()
        for name in self._plan.known(self.names()):
            info = self.find_info(name)
            if info is not None:
                counts.add(info.counts)
        return counts

    def state(self) -> str:
        """A hash over names, sizes and times of all that the accounts are made of."""
        digest = hashlib.sha256()
        for folder in (self._layout.sources, self._layout.plan, self._layout.pages):
            with os.scandir(folder) as entries:
                for name, entry in sorted((entry.name, entry) for entry in entries):
                    stat = entry.stat()
                    digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:32]

    def finish(self, sources: Callable[[], SourceTable]) -> RunSummary:
        """Check that every planned page has its row; write documents and manifest unless nothing changed.

        Raises:
            AccountingError: A page is missing, or there is one too many; the message lists the units.
        """
        finished = self._manifest.finished
        state = self.state()
        if finished and finished.get("state") == state and self._has(finished.get("documents")):
            return self._summary(finished, is_changed=False)
        num_units, counts = self._checked()
        parts, num_documents = write_documents(
            self._layout, run_id=self._manifest.run_id, sources=sources(), plan=self._plan, find_info=self.find_info
        )
        made: dict[str, object] = {
            "at": now(),
            "state": state,
            "pages_in": self._plan.num_pages,
            "num_documents": num_documents,
            "num_units": num_units,
            "counts": counts.to_plain(),
            "documents": parts,
        }
        for started in filter(self._layout.is_own, self._layout.starts.iterdir()):
            started.unlink(missing_ok=True)
        self._manifest = self._manifest.with_finished(made)
        self._manifest.write(self._layout)
        return self._summary(made, is_changed=True)

    def _checked(self) -> tuple[int, Counts]:
        """The number of committed units, and what they hold in all."""
        num_units, counts = 0, Counts()
        wrong: list[str] = []
        names = self.names()
        for unit in self._plan.units():
            if unit.replaces is not None:
                continue
            info = self.find_info(unit.id) if unit.id in names else None
            if info is None:
                if unit.members:
                    first = unit.members[0]
                    wrong.append(
                        f"unit {unit.id} ({unit.num_pages} pages from page {first.start + 1} of {first.document.uri}) "
                        "is not committed"
                    )
                continue
            num_units += 1
            counts.add(info.counts)
            summed = sum(info.counts.statuses[status] for status in STATUSES)
            if not info.counts.num_pages == summed == unit.num_pages:
                wrong.append(f"unit {unit.id} has {info.counts.num_pages} pages where {unit.num_pages} are planned")
        wrong += [f"pages/{name}.parquet is in no plan" for name in sorted(names - self._plan.known(names))]
        if wrong:
            raise AccountingError(_listed(f"{self._layout.root}: the accounts do not balance", wrong))
        return num_units, counts

    def _has(self, parts: object) -> bool:
        return isinstance(parts, list) and all((self._layout.documents / part).exists() for part in parts)

    def _summary(self, finished: Mapping[str, object], *, is_changed: bool) -> RunSummary:
        return RunSummary(
            pages_in=_int(finished["pages_in"]),
            num_documents=_int(finished["num_documents"]),
            num_units=_int(finished["num_units"]),
            counts=Counts.from_plain(_mapping(finished["counts"])),
            is_changed=is_changed,
        )


def unit_names(layout: RunLayout) -> frozenset[str]:
    """Ids of the units whose file is in `pages/`; none where somebody removed that."""
    if not layout.pages.is_dir():
        return frozenset()
    with os.scandir(layout.pages) as entries:
        return frozenset(entry.name[:-8] for entry in entries if entry.name.endswith(".parquet"))


def _listed(what: str, entries: Iterable[str]) -> str:
    listed = list(entries)
    more = f"\n  and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"{what}: " + "".join(f"\n  {entry}" for entry in listed[:_SHOWN]) + more


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is not a table of counts")
    return value


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a count")
    return value
