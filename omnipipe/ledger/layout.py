"""Names of what a run directory holds, in one place."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnipipe.errors import OutputError

_TABLE = r"[0-9a-f]{24}\.parquet"
_LINES = r"[0-9a-f]{24}\.jsonl"
# In `tmp`: the folder of a run, one that `--fresh` has put aside, and files on their way to a name of their own.
_PASSING = r"(gone-)?[0-9a-f]{16}(-\d+)?|[\w-]+\.(parquet|json)\.\d+\.\d+"
_NAMES = {
    "sources": r"\d{6,}\.parquet",
    "plan": r"\d{6,}\.parquet",
    "pages": _TABLE,
    "documents": _TABLE,
    "open": _LINES,
    "spool": _LINES,
    "starts": _LINES,
    "tmp": _PASSING,
}


def local_path(place: Path | str) -> Path:
    """`place` as the path of a run, of what is made of it, or of where that goes.

    Raises:
        OutputError: It is `-`, which is no stream here; or no file system, or not Arrow, takes such a name.
    """
    text = os.fspath(place)
    if not text:
        raise OutputError("The name of the folder is empty. Name one, or . for this one.")
    if text == "-":
        raise OutputError("- is no folder: there is nothing to write on standard output. Name a folder with -o.")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise OutputError(f"{text!a} is no valid Unicode in the encoding of this system. Choose another folder.")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise OutputError(f"{text[:80]}: {error} Write the whole path.") from error


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

    def is_own(self, path: Path) -> bool:
        """Whether a run gives such names to what it writes into the folder of `path`, which the user may have filled:
        `documents` is a common name."""
        return re.fullmatch(_NAMES[path.parent.name], path.name) is not None

    def entries(self) -> Iterator[Path]:
        """What is in the folders, `logs` left out, but for hidden names."""
        for folder in self.folders():
            if folder.name in _NAMES and folder.is_dir():
                yield from (path for path in folder.iterdir() if not path.name.startswith("."))

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
