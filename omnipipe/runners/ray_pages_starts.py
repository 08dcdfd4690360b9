"""How often a dataset's tasks took their actors down, in files of this machine: Ray would repeat them for ever."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from omnipipe.ledger.starts import append_end, append_page, append_start, judge
from omnipipe.ledger.store import Attempt
from omnipipe.unit import Unit


class TaskStarts:
    """Starts of the units of one task, which a new actor repeats from its first unit.

    Of a unit that came through at once nothing stays. What is known of others is kept until the task is done: a later
    one may take the actor down as well.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._kept: list[Path] = []

    def plan_attempt(self, unit: Unit) -> Attempt:
        """Record that `unit` starts now, and say how."""
        before = append_start(self._file(unit), self._token, "")
        if not before:
            return Attempt()
        verdict = judge(before, self._token)
        return Attempt("page_by_page" if verdict.is_alone else "whole", verdict.poisoned)

    def record_page(self, unit: Unit, page_id: str) -> None:
        """Record that the page `page_id` starts alone."""
        append_page(self._file(unit), self._token, page_id)

    def record_end(self, unit: Unit) -> None:
        """Record that all pages came through alone."""
        append_end(self._file(unit), self._token)

    def end(self, unit: Unit, attempt: Attempt) -> None:
        """Record that all pages of `unit` are there."""
        if attempt == Attempt():
            _remove(self._file(unit))
        else:
            self._kept.append(self._file(unit))

    def close(self) -> None:
        """Forget the task: it is done."""
        for file in self._kept:
            _remove(file)
        self._kept.clear()

    def _file(self, unit: Unit) -> Path:
        return Path(tempfile.gettempdir(), f"omnipipe-dataset-{self._token}-{unit.id}")


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink(missing_ok=True)
