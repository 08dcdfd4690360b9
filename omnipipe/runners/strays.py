"""Units whose documents are not where they were: those may be met elsewhere while the inputs are indexed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager

from omnipipe.ledger.ledger import Ledger
from omnipipe.unit import Unit


class Strays:
    """Gives units with the places where their documents can be had now."""

    def __init__(self, ledger: Ledger, lock: AbstractContextManager[object]) -> None:
        self._ledger = ledger
        self._lock = lock
        self._waiting: list[Unit] = []

    def of_earlier(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """Those of an earlier run's `units` that are at home; the others wait for `rest`."""
        for unit in units:
            if found := self._at_home(unit, ask_stores=True):
                yield found
            else:
                self._waiting.append(unit)

    def of_new(self, units: Iterable[Unit], met: Collection[str] = ()) -> Iterator[Unit]:
        """Units that were planned just now; documents whose uri is in `met` are known to be there."""
        return (self._at_home(unit, ask_stores=False, met=met) or unit for unit in units)

    def rest(self) -> Iterator[Unit]:
        """Those that waited; all inputs are indexed by now."""
        return (self._at_home(unit, ask_stores=True) or unit for unit in self._waiting)

    def _at_home(self, unit: Unit, *, ask_stores: bool, met: Collection[str] = ()) -> Unit | None:
        with self._lock:
            return self._ledger.at_home(unit, ask_stores=ask_stores, met=met)
