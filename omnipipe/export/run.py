"""From a run directory to what other tools read: a markdown tree, plain text, or JSON lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from omnipipe.errors import InputError, OutputError
from omnipipe.export.document import PageRow, RunDocuments
from omnipipe.export.writer import JsonLinesWriter, TreeWriter, Writer, is_json_lines_file, left_over, temporary_file
from omnipipe.ledger.accounts import unit_names
from omnipipe.ledger.layout import RunLayout, local_path
from omnipipe.ledger.manifest import Manifest
from omnipipe.ledger.plantable import PlanTable
from omnipipe.page import STATUSES

Format = Literal["markdown", "text", "jsonl"]
_MARKER = ".omnipipe-export.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What is exported. Pages of other `statuses`, or of a known quality (0 to 1) below `min_quality`, are left out.

    `front_matter` is for markdown; `source` is the corpus name in JSON lines; `overwrite` allows an output that has
    other files in it.
    """

    format: Format = "markdown"
    statuses: frozenset[str] = field(default=frozenset(STATUSES))
    min_quality: float | None = None
    front_matter: bool = False
    source: str = "omnipipe"
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary:
    """What was written. `num_left_out` counts documents without any text among the chosen pages."""

    output: Path
    num_documents: int
    num_pages: int
    num_left_out: int
    warnings: tuple[str, ...]


def export_run(run_dir: str | Path, output: str | Path, options: ExportOptions | None = None) -> ExportSummary:
    """Write the documents of a run to `output`, each file whole or not at all; memory holds one document at a time.

    Files that an earlier export of the same run wrote there, and that no document has any more, are removed.

    Raises:
        InputError: `run_dir` holds no run, or one with a damaged file.
        OutputError: `output` has other files in it, or cannot be written.
    """
    options = options or ExportOptions()
    target = local_path(output)
    layout = RunLayout(local_path(run_dir))
    manifest = Manifest.load(layout) if layout.root.is_dir() else None
    if manifest is None or not layout.pages.is_dir():
        raise InputError(f"{layout.root} holds no run. Name the directory that omnipipe run -o wrote.")
    documents = RunDocuments(sorted(layout.pages.glob("*.parquet")), with_plain=options.format == "text")
    try:
        is_again = _prepare(target, manifest.run_id, options)
        writer = _writer(target, documents.taken, options, is_again=is_again)
        try:
            written, pages = _write_all(documents, writer, options)
            writer.close()
        except BaseException:
            writer.discard()
            raise
    except OSError as error:
        if error.errno is None:
            raise
        # Of pyarrow's errors, the text has the number and more.
        reason = os.strerror(error.errno)
        raise OutputError(f"{target} cannot be written: {reason}. Choose another -o, or make room.") from error
    warnings = _unfinished(layout, manifest)
    return ExportSummary(
        output=target,
        num_documents=written,
        num_pages=pages,
        num_left_out=documents.num_documents - written,
        warnings=warnings,
    )


def _write_all(documents: RunDocuments, writer: Writer, options: ExportOptions) -> tuple[int, int]:
    num_documents = num_pages = 0
    for document in documents:
        rows = [row for row in document.rows if _is_chosen(row, options)]
        if not any(row.text for row in rows):
            continue
        writer.write(document, rows)
        num_documents += 1
        num_pages += len(rows)
    return num_documents, num_pages


def _is_chosen(row: PageRow, options: ExportOptions) -> bool:
    if row.status not in options.statuses:
        return False
    return options.min_quality is None or row.quality is None or row.quality >= options.min_quality


def _writer(target: Path, taken: set[int], options: ExportOptions, *, is_again: bool) -> Writer:
    if options.format == "jsonl":
        return JsonLinesWriter(target, source=options.source)
    is_markdown = options.format == "markdown"
    return TreeWriter(target, taken, is_markdown=is_markdown, front_matter=options.front_matter, is_again=is_again)


def _prepare(target: Path, run_id: str, options: ExportOptions) -> bool:
    """Make `target`, and see that nothing of the user's is written over; whether it has an export of this run."""
    if options.format == "jsonl" and is_json_lines_file(target):
        if target.exists() and not options.overwrite:
            raise OutputError(f"{target} exists. Choose another -o, or write over it with --overwrite.")
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove(left_over(target.parent, target))
        return False
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file. Name a folder with -o.")
    mark = {"run_id": run_id, "format": options.format}
    is_again = _mark(target) == mark
    half = left_over(target) if target.is_dir() else []
    if target.is_dir() and not options.overwrite and not is_again and any(set(target.iterdir()) - set(half)):
        raise OutputError(
            f"{target} has other files in it. Choose an empty folder with -o, or write into it with --overwrite."
        )
    _remove(half)
    if not is_again:
        target.mkdir(parents=True, exist_ok=True)
        _write_mark(target, mark)
    return is_again


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _write_mark(target: Path, mark: Mapping[str, str]) -> None:
    # Whole or not at all: on a full disk it would be an empty file, and the folder no export's any more.
    made = temporary_file(target)
    try:
        made.write_text(json.dumps(mark), encoding="utf-8")
        made.replace(target / _MARKER)
    finally:
        made.unlink(missing_ok=True)


def _mark(target: Path) -> object:
    try:
        found: object = json.loads((target / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _unfinished(layout: RunLayout, manifest: Manifest) -> tuple[str, ...]:
    """A warning where pages are planned that have no row yet, or may be planned still."""
    names = unit_names(layout)
    plan = PlanTable(layout, manifest.config_hash)
    missing = sum(unit.num_pages for unit in plan.units() if unit.replaces is None and unit.id not in names)
    if not missing and manifest.finished is not None and manifest.finished.get("pages_in") == plan.num_pages:
        return ()
    what = f"{missing:,} planned pages have no row yet" if missing else "its last run did not come to its end"
    return (f"the run in {layout.root} is not finished: {what}. Finish it with omnipipe run, and export again.",)


def parse_statuses(text: str | None) -> frozenset[str]:
    """The statuses in a list such as `ok,fallback`; all for None.

    Raises:
        InputError: One is no status.
    """
    if text is None:
        return frozenset(STATUSES)
    chosen = [part.strip() for part in text.split(",") if part.strip()]
    wrong: Sequence[str] = [status for status in chosen if status not in STATUSES]
    if wrong or not chosen:
        raise InputError(
            f"--status {text[:80]!r}: {(wrong or ['nothing'])[0]!r} is no status. Use {', '.join(STATUSES)}."
        )
    return frozenset(chosen)
