"""Files beside a job until it is final: its passwords, and dear answers."""

from __future__ import annotations

import json
import os
from pathlib import Path

from omnipipe.online.jobs.layout import DataLayout


class SideFiles:
    """What of a job must not outlive its work."""

    def __init__(self, layout: DataLayout) -> None:
        self._layout = layout

    def answers(self, job_id: str) -> Path:
        """Where dear answers are kept; see `omnipipe.ledger.spool.Spool`."""
        return self._layout.spool / f"{job_id}.jsonl"

    def keep_passwords(self, job_id: str, passwords: tuple[str, ...]) -> None:
        """Write them, durably but for the folder's entry."""
        opened = os.open(self._passwords(job_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(opened, json.dumps(passwords).encode())
            os.fsync(opened)
        finally:
            os.close(opened)

    def passwords(self, job_id: str) -> tuple[str, ...]:
        """What `keep_passwords` was given; empty where that was nothing or the job is final."""
        try:
            return tuple(json.loads(self._passwords(job_id).read_bytes()))
        except (FileNotFoundError, ValueError):
            return ()

    def remove(self, job_id: str) -> None:
        """Remove them all."""
        self._passwords(job_id).unlink(missing_ok=True)
        self.answers(job_id).unlink(missing_ok=True)

    def _passwords(self, job_id: str) -> Path:
        return self._layout.passwords / f"{job_id}.json"
