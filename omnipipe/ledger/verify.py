"""The proof, from the files alone, that every planned page is in a run exactly once."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from omnipipe.errors import OmnipipeError, OutputError
from omnipipe.ledger.counts import Counts
from omnipipe.ledger.files import REMEDY, one_line, open_parquet
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.manifest import Manifest
from omnipipe.ledger.member import row_keys
from omnipipe.ledger.plantable import PlanTable
from omnipipe.ledger.sourcetable import SourceTable
from omnipipe.ledger.tally import Tallies, Tally
from omnipipe.ledger.unitfile import DamagedUnitError, UnitInfo, count_rows, read_info, read_rows
from omnipipe.page import STATUSES
from omnipipe.text.blocks.paragraphs import SEPARATOR
from omnipipe.unit import Unit

_COLUMNS = (
    "page_id",
    "doc_id",
    "page_index",
    "page_number",
    "num_pages",
    "status",
    "route",
    "error_code",
    "text",
    "char_count",
    "config_hash",
    "run_id",
)


@dataclass(slots=True)
class VerifyReport:
    """What `verify_run` found. `problems` says what is wrong, a sentence each; `notes` what is odd but harmless."""

    run_dir: Path
    pages_in: int = 0
    num_units: int = 0
    num_documents: int = 0
    counts: Counts = field(default_factory=Counts)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify_run(run_dir: Path | str) -> VerifyReport:
    """Check a run from its files: plan against pages, no key twice, sums, checksums, documents against pages.

    Reads every page once, a unit at a time; writes nothing there. Pages that are planned and not computed yet are a
    problem. What is known of documents and units lies in SQLite's temporary files: memory does not grow with them.

    Raises:
        OutputError: There is no run in `run_dir`.
    """
    layout = RunLayout(Path(run_dir).expanduser().absolute())
    if not layout.root.is_dir():
        wrong = "is no folder" if layout.root.exists() else "does not exist"
        raise OutputError(f"{layout.root} {wrong}. Give the directory that a run was written to with -o.")
    manifest = Manifest.load(layout)
    if manifest is None:
        raise OutputError(f"{layout.root} holds no run: it has no manifest.json.")
    report = VerifyReport(layout.root)
    return _Verification(layout, manifest, report).run()


class _Verification:
    def __init__(self, layout: RunLayout, manifest: Manifest, report: VerifyReport) -> None:
        self._layout = layout
        self._manifest = manifest
        self._report = report
        self._tallies = Tallies()

    def run(self) -> VerifyReport:
        plan = self._plan() or PlanTable(self._layout, self._manifest.config_hash, files=())
        self._adopt_lost(plan)
        self._no_key_twice(plan)
        for unit in plan.units():
            if unit.replaces is None:
                self._report.pages_in += unit.num_pages
                self._check_unit(unit)
            elif unit.members:
                self._check_retry(unit, unit.replaces)
        self._check_sums()
        self._check_sources()
        self._check_end(plan)
        self._check_documents()
        return self._report

    def _adopt_lost(self, plan: PlanTable) -> None:
        """Units that have a file and are in no plan: all of them, where the plan is lost."""
        num_lost = 0
        is_planned = any(unit.replaces is None for unit in plan.units())
        for name in self._not_in(plan):
            try:
                info = read_info(self._layout.unit_file(name))
            except (DamagedUnitError, OSError) as error:
                self._damaged(f"pages/{name}.parquet", error)
                continue
            if info.unit_id != name:
                self._report.problems.append(f"pages/{name}.parquet is in no plan: it holds unit {info.unit_id}")
            elif self._is_ours(info):
                num_lost += 1
                plan.adopt(Unit(id=name, members=info.members, pass_index=info.pass_index))
                if is_planned:
                    self._report.problems.append(f"pages/{name}.parquet is in no plan")
        if num_lost and not is_planned:
            self._report.notes.append(f"the plan is lost; it was rebuilt from the footers of {num_lost} files")

    def _not_in(self, plan: PlanTable) -> list[str]:
        if not self._layout.pages.is_dir():
            return []
        with os.scandir(self._layout.pages) as entries:
            names = (entry.name.removesuffix(".parquet") for entry in entries if entry.name.endswith(".parquet"))
            return sorted(name for name in names if not plan.known([name]))

    def _plan(self) -> PlanTable | None:
        try:
            return PlanTable(self._layout, self._manifest.config_hash)
        except (OmnipipeError, ValueError, KeyError, TypeError) as error:
            self._report.problems.append(str(error)[:300])
            return None

    def _check_sources(self) -> None:
        try:
            SourceTable(self._layout)
        except OutputError as error:
            self._report.problems.append(str(error))

    def _damaged(self, name: str, error: Exception) -> None:
        reason = error.reason if isinstance(error, DamagedUnitError) else one_line(error)
        self._report.problems.append(f"{name} is damaged: {reason}. {REMEDY}")

    def _is_ours(self, info: UnitInfo) -> bool:
        if info.run_id != self._manifest.run_id:
            self._report.problems.append(f"pages/{info.unit_id}.parquet belongs to another run ({info.run_id})")
            return False
        return True

    def _no_key_twice(self, plan: PlanTable) -> None:
        for (doc_id, _, stop, one), (other_id, start, _, other) in pairwise(plan.spans()):
            if doc_id == other_id and start < stop:
                self._report.problems.append(f"{doc_id}#{start} is planned twice, in units {one} and {other}")

    def _check_unit(self, unit: Unit) -> None:
        report = self._report
        name = f"pages/{unit.id}.parquet"
        try:
            info = read_info(self._layout.unit_file(unit.id), with_members=False)
            table = read_rows(self._layout.unit_file(unit.id), _COLUMNS)
            columns = {column: table.column(column).to_pylist() for column in _COLUMNS}
        except FileNotFoundError:
            if unit.members:
                report.problems.append(_missing(unit))
            return
        except (ValueError, KeyError, OSError) as error:
            self._damaged(name, error)
            return
        report.num_units += 1
        if info.unit_id != unit.id:
            report.problems.append(f"{name} holds unit {info.unit_id}")
        found = list(zip(columns["doc_id"], columns["page_index"], columns["num_pages"], strict=True))
        planned = list(row_keys(unit.members))
        if found != planned:
            report.problems.append(_difference(name, planned, found))
        counts, digest = count_rows(table)
        if digest != info.digest or counts != info.counts:
            report.problems.append(f"{name}: its rows are not those that its footer was written for")
        report.counts.add(counts)
        ids = [f"{doc_id}#{index}" for doc_id, index, _ in found]
        numbers = [index + 1 for _, index, _ in found]
        if columns["page_id"] != ids or columns["page_number"] != numbers:
            report.problems.append(f"{name}: page_id or page_number do not fit doc_id and page_index")
        wanted = {"config_hash": self._manifest.config_hash, "run_id": self._manifest.run_id}
        for column, value in wanted.items():
            if set(columns[column]) - {value}:
                report.problems.append(f"{name}: rows with another {column} than the run's {value}")
        if set(columns["status"]) - set(STATUSES):
            report.problems.append(f"{name}: rows with an unknown status")
        if [None if text is None else len(text) for text in columns["text"]] != columns["char_count"]:
            report.problems.append(f"{name}: char_count does not fit the text")
        self._tally(columns)

    def _tally(self, columns: dict[str, list[object]]) -> None:
        tallies: dict[str, Tally] = {}
        names = ("doc_id", "num_pages", "status", "char_count")
        for doc_id, pages, status, characters in zip(*(columns[name] for name in names), strict=True):
            tally = tallies.setdefault(str(doc_id), Tally())
            tally.statuses[str(status)] += pages if isinstance(pages, int) else 0
            tally.characters += characters if isinstance(characters, int) else 0
        self._tallies.add(tallies)

    def _check_retry(self, unit: Unit, replaces: str) -> None:
        try:
            info = read_info(self._layout.unit_file(replaces), with_members=False)
        except (DamagedUnitError, OSError):
            # Said of the file itself.
            return
        if unit.id not in info.merged:
            self._report.problems.append(f"{_missing(unit)} (it was to be computed anew)")

    def _check_sums(self) -> None:
        report = self._report
        total = sum(report.counts.statuses[status] for status in STATUSES)
        if total != report.pages_in:
            sums = ", ".join(f"{status} {report.counts.statuses[status]}" for status in STATUSES)
            report.problems.append(f"{report.pages_in} pages are planned, the rows sum to {total} ({sums})")

    def _check_end(self, plan: PlanTable) -> None:
        """What a driver had not listed yet when it was killed is in no plan, and nobody could miss it."""
        finished = self._manifest.finished
        if finished is None or finished.get("pages_in") != plan.num_pages:
            self._report.problems.append(
                "the run is not finished: it is at work, or its last command did not come to its end, and may not have "
                "listed all documents yet. Run the same command again"
            )

    def _check_documents(self) -> None:
        report = self._report
        if self._manifest.finished is None:
            report.notes.append("documents/ is not written yet")
            return
        parts = self._manifest.finished.get("documents")
        wanted = {str(part) for part in parts} if isinstance(parts, list) else set()
        there = {path.name for path in self._layout.documents.glob("*.parquet")}
        report.problems += [f"documents/{name} is missing" for name in sorted(wanted - there)]
        report.problems += [f"documents/{name} does not belong to the run" for name in sorted(there - wanted)]
        is_whole = wanted <= there
        for name in sorted(wanted & there):
            try:
                self._check_part(name)
            except (ValueError, KeyError, OSError) as error:
                is_whole = False
                self._damaged(f"documents/{name}", error)
        report.num_documents = self._tallies.num_met
        if is_whole:
            report.problems += [f"documents/ lacks {doc_id}" for doc_id in self._tallies.not_met(10)]

    def _check_part(self, name: str) -> None:
        statuses = [f"pages_{status}" for status in STATUSES]
        with open_parquet(self._layout.documents / name) as file:
            for batch in file.iter_batches(
                batch_size=64, columns=["id", "text", "page_starts", "page_ends", *statuses]
            ):
                for row in batch.to_pylist():
                    doc_id = row["id"]
                    tally = self._tallies.meet(doc_id)
                    if tally is None:
                        self._report.problems.append(f"documents/{name}: {doc_id} is there twice, or has no pages")
                        continue
                    self._check_document(name, row, tally)

    def _check_document(self, name: str, row: dict[str, object], tally: Tally) -> None:
        counted = {status: row[f"pages_{status}"] for status in STATUSES}
        if counted != {status: tally.statuses[status] for status in STATUSES} or not _fits(row, tally.characters):
            self._report.problems.append(f"documents/{name}: {row['id']} does not agree with its pages")


def _fits(row: dict[str, object], characters: int) -> bool:
    """Whether a document's text is that of pages with so many characters, which starts and ends where it says."""
    text, starts, ends = row["text"], row["page_starts"], row["page_ends"]
    if not isinstance(text, str) or not isinstance(starts, list) or not isinstance(ends, list):
        return False
    if len(starts) != len(ends) or starts[:1] not in ([], [0]) or (ends[-1] if ends else 0) != len(text):
        return False
    seams = [text[end:start] for end, start in zip(ends, starts[1:], strict=False)]
    # Where a broken word was made whole, its hyphen is gone.
    missing = characters - sum(end - start for start, end in zip(starts, ends, strict=True))
    return 0 <= missing <= seams.count("") and set(seams) <= {SEPARATOR, " ", ""}


def _missing(unit: Unit) -> str:
    first = unit.members[0]
    return (
        f"unit {unit.id} is not there: {unit.num_pages} pages, from page {first.start + 1} of {first.document.uri}. "
        "Run the same command again to compute them"
    )


def _difference(name: str, planned: list[tuple[str, int, int]], found: list[tuple[str, int, int]]) -> str:
    doubled = [key for key, number in Counter(found).items() if number > 1]
    missing = sorted(set(planned) - set(found))
    extra = sorted(set(found) - set(planned))
    for what, keys in (("is there twice", doubled), ("is missing", missing), ("is not planned there", extra)):
        if keys:
            doc_id, index, _ = keys[0]
            return f"{name}: {doc_id}#{index} {what}" + (f", and {len(keys) - 1} more" if len(keys) > 1 else "")
    return f"{name}: its rows are not in the planned order"
