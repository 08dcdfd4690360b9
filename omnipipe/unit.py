"""Units of work: the pages that are planned, retried and committed together."""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

from omnipipe.page import PageError


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRef:
    """What a worker needs to find a document again and to see whether it is still the same.

    `size` is in bytes, `stamp` the modification time in ns (local files) or the etag (object stores), `format` one of
    pdf, png, jpeg, tiff, webp, bmp, gif, jp2 (by content), None where it is not known.
    """

    doc_id: str
    uri: str
    size: int | None = None
    stamp: str | None = None
    count: int | None = None
    format: str | None = None


class Member(NamedTuple):
    """Pages `start` to `stop` (exclusive, 0-based) of one document.

    kind `read`: one row a page. `problem`: the document cannot be opened, one row that says so (`problem`).
    `skipped`: one row for the whole range.
    """

    document: DocumentRef
    start: int
    stop: int
    kind: Literal["read", "problem", "skipped"] = "read"
    problem: PageError | None = None

    @property
    def num_rows(self) -> int:
        return self.stop - self.start if self.kind == "read" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A piece of the plan. `replaces` is set for pages that are computed anew within an older unit's file.

    `origins` are the units of earlier passes that left these pages open.
    """

    id: str
    members: tuple[Member, ...]
    pass_index: int = 0
    replaces: str | None = None
    origins: tuple[str, ...] = ()

    @property
    def num_rows(self) -> int:
        return sum(member.num_rows for member in self.members)

    @property
    def num_pages(self) -> int:
        return sum(member.stop - member.start for member in self.members)

    def to_bytes(self) -> bytes:
        """This unit for another process of the run, or for later: a tenth of what it takes as objects."""
        return zlib.compress(pickle.dumps(self, protocol=5), level=1)

    @staticmethod
    def from_bytes(data: bytes) -> Unit:
        """What `to_bytes` made."""
        unit: Unit = pickle.loads(zlib.decompress(data))
        return unit


ENGINE_START = "EngineStart"
"""The key of `Receipt.stage_seconds` for the time that loading an engine took; in one receipt of each process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What travels back of a finished unit: numbers only. `num_open` pages go on to the next pass."""

    unit_id: str
    num_pages: int
    statuses: dict[str, int]
    routes: dict[str, int]
    error_codes: dict[str, int]
    seconds: float
    stage_seconds: dict[str, float]
    worker: str
    was_done: bool = False
    pass_index: int = 0
    num_open: int = 0
