"""Numbers of a run: pages by status, route and error code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """Committed pages; a skipped range counts every page of it. `num_rows` counts rows."""

    num_rows: int = 0
    num_pages: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    error_codes: Counter[str] = field(default_factory=Counter)
    text_bytes: int = 0

    def add(self, other: Counts) -> None:
        """Add the numbers of `other` to these."""
        self.num_rows += other.num_rows
        self.num_pages += other.num_pages
        self.text_bytes += other.text_bytes
        self.statuses.update(other.statuses)
        self.routes.update(other.routes)
        self.error_codes.update(other.error_codes)

    def to_plain(self) -> dict[str, object]:
        """JSON values, for footers and the manifest."""
        return {
            "rows": self.num_rows,
            "pages": self.num_pages,
            "statuses": dict(self.statuses),
            "routes": dict(self.routes),
            "error_codes": dict(self.error_codes),
            "text_bytes": self.text_bytes,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, object]) -> Counts:
        """The counts that `to_plain` wrote."""
        return cls(
            num_rows=_int(plain["rows"]),
            num_pages=_int(plain["pages"]),
            statuses=_counter(plain["statuses"]),
            routes=_counter(plain["routes"]),
            error_codes=_counter(plain["error_codes"]),
            text_bytes=_int(plain["text_bytes"]),
        )


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a count")
    return value


def _counter(value: object) -> Counter[str]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is not a table of counts")
    return Counter({str(key): _int(number) for key, number in value.items()})
