"""Names of what a run directory holds, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunLayout:
    """Paths inside one run directory; makes and reads nothing."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def sources(self) -> Path:
        return self.root / "sources"

    @property
    def plan(self) -> Path:
        return self.root / "plan"

    @property
    def pages(self) -> Path:
        return self.root / "pages"

    @property
    def documents(self) -> Path:
        return self.root / "documents"

    @property
    def starts(self) -> Path:
        return self.root / "starts"

    @property
    def open(self) -> Path:
        """Pages that a pass left to the next one."""
        return self.root / "open"

    @property
    def spool(self) -> Path:
        """Dear answers of units that are not committed yet."""
        return self.root / "spool"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def lease(self) -> Path:
        """The heartbeat that stands for the lock where the file system has no locks."""
        return self.root / "lease"

    def folders(self) -> tuple[Path, ...]:
        """Every folder of a run, in the order to make them."""
        return (
            self.sources,
            self.plan,
            self.pages,
            self.documents,
            self.open,
            self.spool,
            self.starts,
            self.tmp,
            self.logs,
        )

    def unit_file(self, unit_id: str) -> Path:
        return self.pages / f"{unit_id}.parquet"

    def open_file(self, unit_id: str) -> Path:
        return self.open / f"{unit_id}.jsonl"

    def spool_file(self, unit_id: str) -> Path:
        return self.spool / f"{unit_id}.jsonl"

    def starts_file(self, unit_id: str) -> Path:
        return self.starts / f"{unit_id}.jsonl"

    def run_tmp(self, run_id: str) -> Path:
        """Temporary files of one run: `--fresh` moves this folder away first, so that no late worker can commit."""
        return self.tmp / run_id
