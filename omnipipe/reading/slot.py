"""The place of one child process: started when needed, replaced when it is lost or has grown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

from omnipipe.page import ProblemError
from omnipipe.reading import child as replies
from omnipipe.reading.live import Child, ChildLostError, ReaderLimits


class ChildSlot:
    """Holds at most one child. `turn` counts the calls that the reader was given: the newest one owns the child."""

    def __init__(self, limits: ReaderLimits, passwords: Sequence[str]) -> None:
        self.limits = limits
        self.turn = 0
        self._is_answering = False
        self._passwords = tuple(passwords)
        self._child: Child | None = None
        self._lost_seconds: dict[tuple[object, ...], float] = {}
        self._avoided: dict[tuple[object, ...], set[int]] = {}

    def get(self) -> Child:
        """The child, started if there is none."""
        if self._child is not None and self._child.owner != os.getpid():
            self.drop()
        if self._child is None:
            self._child = Child(self.limits, self._passwords)
        return self._child

    def begin(self) -> int:
        """Start a call: its turn. Answers to an older call are still on their way in a child; that one is dropped."""
        if self._is_answering:
            self.drop()
        self._is_answering = True
        self.turn += 1
        return self.turn

    def end(self, turn: int, *, is_done: bool) -> None:
        """End the call of that turn; unless it has all of its answers its child is out of step and dropped."""
        if turn == self.turn:
            self._is_answering = False
            if not is_done:
                self.drop()

    def drop(self) -> None:
        """End the child, whatever it does."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def opened(self, child: Child) -> tuple[str, int, dict[str, str]]:
        """Wait until the document of the request is open: its format, page count and metadata.

        Raises:
            ProblemError: The child cannot open it.
            ChildLostError: The child is lost.
        """
        (kind, *values), _ = child.receive(self.limits.document_seconds)
        if kind == replies.PROBLEM:
            code, message = cast("tuple[str, str]", values)
            raise ProblemError(code, message)
        return cast("tuple[str, int, dict[str, str]]", tuple(values))

    def finish(self, child: Child) -> None:
        """Take the end of an answer, and replace the child if it is due."""
        (_, resident), _ = child.receive(self.limits.page_seconds)
        if child.num_answered >= self.limits.recycle_pages or cast("int", resident) > self.limits.recycle_bytes:
            self.drop()

    def count_lost(self, path: str) -> None:
        """A page of the document at `path` was given up at its deadline."""
        key = _key(path)
        self._lost_seconds[key] = self._lost_seconds.get(key, 0.0) + self.limits.page_seconds

    def is_given_up(self, path: str) -> bool:
        """Whether the pages of the document at `path` have lost so much time that the rest is not tried."""
        if not self._lost_seconds:
            return False
        return self._lost_seconds.get(_key(path), 0.0) >= self.limits.document_seconds

    def avoid(self, path: str, index: int) -> None:
        """The child was lost when it looked at page `index` for the sake of another one: that is not tried again."""
        self._avoided.setdefault(_key(path), set()).add(index)

    def avoided(self, path: str) -> tuple[int, ...]:
        """The pages of the document at `path` that are not looked at for the sake of others."""
        return tuple(sorted(self._avoided.get(_key(path), ()))) if self._avoided else ()


def problem_of(lost: ChildLostError) -> ProblemError:
    """What a document has that the child could not open."""
    code = "document_timeout" if lost.code == "render_timeout" else lost.code
    return ProblemError(code, f"The document cannot be opened: {lost.reason}.")


def _key(path: str) -> tuple[object, ...]:
    try:
        status = os.stat(path)  # noqa: PTH116 - as in the child
    except OSError:
        return (path,)
    return path, status.st_size, status.st_mtime_ns
