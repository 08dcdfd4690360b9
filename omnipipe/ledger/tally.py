"""What the pages of each document add up to, kept on disk: a run may have millions of documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from omnipipe.page import STATUSES
from omnipipe.shelf import Shelf

_SUMS = (*STATUSES, "characters")
_SCHEMA = f"CREATE TABLE tallies (doc_id PRIMARY KEY, is_met, {', '.join(_SUMS)}) WITHOUT ROWID"
_ADD = (
    f"INSERT INTO tallies VALUES (?, 0, {', '.join('?' * len(_SUMS))}) "
    f"ON CONFLICT (doc_id) DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in _SUMS)}"
)


@dataclass(slots=True)
class Tally:
    """Pages by status, and characters of their texts."""

    statuses: Counter[str] = field(default_factory=Counter)
    characters: int = 0


class Tallies:
    """The tallies of all documents of a run."""

    def __init__(self) -> None:
        self._shelf = Shelf(_SCHEMA)
        self.num_met = 0

    def add(self, tallies: Mapping[str, Tally]) -> None:
        """Add those of some documents' pages to what is known of them."""
        with self._shelf.writing() as execute:
            for doc_id, tally in tallies.items():
                execute(_ADD, (doc_id, *(tally.statuses[status] for status in STATUSES), tally.characters))

    def meet(self, doc_id: str) -> Tally | None:
        """The tally of a document, once: None the second time, and where it has no pages."""
        with self._shelf.writing() as execute:
            met = execute("UPDATE tallies SET is_met = 1 WHERE doc_id = ? AND is_met = 0", (doc_id,)).rowcount
        if not met:
            return None
        self.num_met += 1
        row = self._shelf.row(f"SELECT {', '.join(_SUMS)} FROM tallies WHERE doc_id = ?", doc_id)
        *counts, characters = row or ()
        return Tally(Counter(dict(zip(STATUSES, counts, strict=True))), characters)

    def not_met(self, limit: int) -> list[str]:
        """The first `limit` documents that have pages and were not met."""
        rows = self._shelf.rows("SELECT doc_id FROM tallies WHERE is_met = 0 ORDER BY doc_id LIMIT ?", limit)
        return [doc_id for (doc_id,) in rows]
