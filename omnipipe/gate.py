"""Work in company or alone, among the threads of one process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from omnipipe.errors import EngineDeadError


class Gate:
    """Lets many units in at once, or one alone. For the threads of one worker process.

    Raises:
        EngineDeadError: Where one wants to go in, if the gate was shut.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._is_alone = False
        self._is_shut = False

    def shut(self) -> None:
        """Let nobody in any more, nor those that wait: the engine is dead, and what meets it now is not to blame."""
        with self._changed:
            self._is_shut = True
            self._changed.notify_all()

    @contextmanager
    def among_others(self) -> Iterator[None]:
        """Inside with others, never with one that wants to be alone."""
        with self._changed:
            self._await(lambda: not self._is_alone)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside when all others have left."""
        with self._changed:
            self._await(lambda: not self._is_alone)
            self._is_alone = True
        try:
            with self._changed:
                self._await(lambda: not self._inside)
            yield
        finally:
            with self._changed:
                self._is_alone = False
                self._changed.notify_all()

    def _await(self, may_enter: Callable[[], bool]) -> None:
        self._changed.wait_for(lambda: self._is_shut or may_enter())
        if self._is_shut:
            raise EngineDeadError("the engine died while this unit waited for it")
