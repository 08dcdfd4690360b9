"""`--retry failed,fallback,skipped[:CODE]`: which committed rows are computed anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from omnipipe.errors import ERROR_CODES, UserError
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.unitfile import read_rows
from omnipipe.unit import Member, Unit

_STATUSES = ("failed", "fallback", "skipped")


@dataclass(frozen=True, slots=True)
class RetryChoice:
    """Statuses to compute anew, each with the error codes that are meant (None: all)."""

    codes: dict[str, frozenset[str] | None]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The choice that `text` names.

        Raises:
            UserError: A status or code is unknown.
        """
        codes: dict[str, frozenset[str] | None] = {}
        for part in text.split(","):
            status, colon, code = part.strip().partition(":")
            if status not in _STATUSES:
                raise UserError(f"--retry {text[:80]!r}: {status[:40]!r} is not one of {', '.join(_STATUSES)}.")
            if colon and code not in ERROR_CODES:
                raise UserError(
                    f"--retry {text[:80]!r}: {code[:40]!r} is no error code. Known: {', '.join(sorted(ERROR_CODES))}."
                )
            before = codes.get(status, frozenset())
            codes[status] = None if not colon or before is None else before | {code}
        return cls(codes)

    @property
    def problem_codes(self) -> frozenset[str]:
        """Codes of whole documents' problems that this choice takes up again: the index has to read those anew."""
        if "failed" not in self.codes:
            return frozenset()
        chosen = self.codes["failed"]
        return ERROR_CODES if chosen is None else chosen

    def takes(self, status: str, code: str | None) -> bool:
        """Whether a row with this status and error code is chosen."""
        if status not in self.codes:
            return False
        chosen = self.codes[status]
        return chosen is None or code in chosen


def chosen_members(layout: RunLayout, unit: Unit, choice: RetryChoice) -> Sequence[Member]:
    """Members with the chosen rows of a committed unit, in its order; adjoining pages together.

    A document's problem row is not among them: it takes a new look at the document, not at a page.
    """
    table = read_rows(layout.unit_file(unit.id), ("doc_id", "page_index", "status", "error_code"))
    names = ("doc_id", "page_index", "status", "error_code")
    rows = zip(*(table.column(name).to_pylist() for name in names), strict=True)
    chosen = {(doc_id, index) for doc_id, index, status, code in rows if choice.takes(status, code)}
    return [piece for member in unit.members if member.kind != "problem" for piece in _pieces(member, chosen)]


def _pieces(member: Member, chosen: set[tuple[str, int]]) -> Iterator[Member]:
    doc_id = member.document.doc_id
    if member.kind == "skipped":
        if (doc_id, member.start) in chosen:
            yield member
        return
    start: int | None = None
    for index in range(member.start, member.stop + 1):
        is_chosen = index < member.stop and (doc_id, index) in chosen
        if is_chosen and start is None:
            start = index
        elif not is_chosen and start is not None:
            yield member._replace(start=start, stop=index)
            start = None
