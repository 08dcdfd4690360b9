"""Cancelling a job that another process works on: a note in a folder that all of them look into."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STALE_SECONDS = 86_400.0
_MOST_REASON_BYTES = 500


class FarCancels:
    """Notes for the processes that share a data directory; one file a job, the reason in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, job_id: str, reason: str) -> None:
        """Leave a note for whoever works on the job."""
        self._folder.mkdir(parents=True, exist_ok=True)
        made = self._folder / f".{job_id}.{os.getpid()}"
        made.write_bytes(reason.encode()[:_MOST_REASON_BYTES])
        made.replace(self._folder / job_id)

    def asked(self) -> dict[str, str]:
        """The reasons by job id; cheap where there are none."""
        try:
            return {path.name: _reason(path) for path in self._folder.iterdir() if not path.name.startswith(".")}
        except FileNotFoundError:
            return {}

    def settle(self, job_id: str) -> None:
        """The job is final: the note is of no use any more."""
        (self._folder / job_id).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove the notes that nobody settled in a day."""
        for path in self._folder.iterdir() if self._folder.exists() else ():
            try:
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()
            except FileNotFoundError:
                continue


def _reason(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return "the job was cancelled"
