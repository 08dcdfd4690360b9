"""Names below a server's data directory, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataLayout:
    """Folders and files of `ServeSettings.data_dir`. All folders are the server's alone (mode 0700)."""

    root: Path

    @property
    def segments(self) -> Path:
        """Records of jobs and rows: `<writer>-<n>.seg`."""
        return self.root / "segments"

    @property
    def pages(self) -> Path:
        """Rows of finished jobs as Parquet, each file with a `.jobs` beside it."""
        return self.root / "pages"

    @property
    def uploads(self) -> Path:
        """Documents as they came, one file a job."""
        return self.root / "uploads"

    @property
    def passwords(self) -> Path:
        """Passwords of unfinished jobs."""
        return self.root / "passwords"

    @property
    def spool(self) -> Path:
        """Dear answers of unfinished jobs."""
        return self.root / "spool"

    @property
    def writers(self) -> Path:
        """One locked file for each living process."""
        return self.root / "writers"

    @property
    def claims(self) -> Path:
        """Who took over which job: `<job>.<generation>`."""
        return self.root / "claims"

    def make(self) -> None:
        """Make the folders that are missing."""
        folders = (self.segments, self.pages, self.uploads, self.passwords, self.spool, self.writers, self.claims)
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in folders:
            folder.mkdir(mode=0o700, exist_ok=True)
