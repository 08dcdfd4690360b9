"""One unit, one Parquet file: its rows, and a footer that says which unit it is and what is in it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omnipipe.errors import AccountingError
from omnipipe.ledger.counts import Counts
from omnipipe.ledger.files import REMEDY, one_line, open_parquet
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.member import members_from_json, members_json
from omnipipe.unit import Member

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_KEY = b"omnipipe.unit"
_MEMBERS = b"omnipipe.members"

# Measured on 128 text pages with 50 lines each (13.7 KB a page in memory): zstd 1 costs 8.6 ms and 5.3 KB a page,
# zstd 3 12 ms and 4.9 KB, lz4 6 ms and 10.7 KB. Each compressed column costs a context of its own, however short it is:
# short ones have a dictionary instead, which is a sixth off the time of a unit of text pages, and 3 % on its size.
_COMPRESSED = (
    "page_id",
    "text",
    "blocks.list.element.bbox.list.element",
    "blocks.list.element.text",
    "blocks.list.element.html",
    "lines.list.element.text",
    "lines.list.element.bbox.list.element",
    "lines.list.element.confidence",
    "error_message",
)
_DICTIONARY = (
    "doc_id",
    "source_uri",
    "status",
    "route",
    "route_reason",
    "text_format",
    *(f"blocks.list.element.{name}" for name in ("id", "type", "order", "level", "source")),
    "engine",
    "model",
    "model_revision",
    "config_hash",
    "run_id",
    "created_at",
)
_STATISTICS = ("doc_id", "page_index", "status", "route", "error_code")


class DamagedUnitError(AccountingError, ValueError):
    """The file of a unit cannot be read; `reason` is one line."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{path} is damaged: {reason}. {REMEDY}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitInfo:
    """The footer of a unit's file.

    `members` are those whose rows the file holds now, none if they were not read; `merged` names the retries that went
    into it; `digest` covers keys, statuses and texts.
    """

    unit_id: str
    pass_index: int
    run_id: str
    config_hash: str
    members: tuple[Member, ...]
    merged: tuple[str, ...]
    counts: Counts
    digest: str

    def to_json(self) -> str:
        """All but the members, as compact JSON."""
        plain = {
            "unit_id": self.unit_id,
            "pass": self.pass_index,
            "run_id": self.run_id,
            "config_hash": self.config_hash,
            "merged": list(self.merged),
            "counts": self.counts.to_plain(),
            "digest": self.digest,
        }
        return json.dumps(plain, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes, members: Sequence[Member] = ()) -> UnitInfo:
        """What `to_json` wrote, with `members`."""
        plain = json.loads(text)
        return cls(
            unit_id=plain["unit_id"],
            pass_index=plain["pass"],
            run_id=plain["run_id"],
            config_hash=plain["config_hash"],
            members=tuple(members),
            merged=tuple(plain["merged"]),
            counts=Counts.from_plain(plain["counts"]),
            digest=plain["digest"],
        )


def write_unit(path: Path, table: pa.Table, info: UnitInfo) -> None:
    """Write `table` with `info` in the footer."""
    import pyarrow.parquet as pq

    from omnipipe.schema import PAGES

    # A table that was read from a unit's file carries that file's footer in its schema.
    table = table.cast(PAGES) if table.schema.metadata != PAGES.metadata else table
    with pq.ParquetWriter(
        path,
        table.schema,
        compression=dict.fromkeys(_COMPRESSED, "zstd"),
        compression_level=dict.fromkeys(_COMPRESSED, 1),
        use_dictionary=list(_DICTIONARY),
        write_statistics=list(_STATISTICS),
        write_page_checksum=True,
    ) as writer:
        writer.write_table(table, row_group_size=max(1, table.num_rows))
        writer.add_key_value_metadata({_KEY: info.to_json().encode(), _MEMBERS: members_json(info.members).encode()})


def read_info(path: Path, *, with_members: bool = True) -> UnitInfo:
    """The footer of `path`; its members take most of the memory.

    Raises:
        DamagedUnitError: The file is torn or no unit of ours.
    """
    with _unit_opened(path) as file:
        metadata = file.metadata.metadata or {}
        if _KEY not in metadata or _MEMBERS not in metadata:
            raise ValueError("it has no footer of a unit")
        members = members_from_json(metadata[_MEMBERS].decode()) if with_members else ()
        return UnitInfo.from_json(metadata[_KEY], members)


def read_rows(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of `path`, checksums checked.

    Raises:
        DamagedUnitError: The file is torn, or lacks a column.
    """
    # One thread: several workers read beside each other.
    with _unit_opened(path) as file:
        return file.read(columns=list(columns) if columns is not None else None, use_threads=False)


@contextlib.contextmanager
def _unit_opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with open_parquet(path) as file:
            yield file
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedUnitError(path, one_line(error)) from error


def count_rows(table: pa.Table) -> tuple[Counts, str]:
    """Counts and digest of rows in the pages schema."""
    counts = Counts(num_rows=table.num_rows)
    digest = hashlib.sha256()
    names = ("page_id", "num_pages", "status", "route", "error_code", "text")
    statuses: Counter[str] = Counter()
    routes: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    for page_id, pages, status, route, code, text in zip(*(table.column(n).to_pylist() for n in names), strict=True):
        counts.num_pages += pages
        statuses[status] += pages
        routes[route] += pages
        if code is not None:
            codes[code] += pages
        raw = b"" if text is None else text.encode()
        counts.text_bytes += len(raw)
        digest.update(b"%s %s %d " % (page_id.encode(), status.encode(), -1 if text is None else len(raw)))
        digest.update(raw)
    counts.statuses, counts.routes, counts.error_codes = statuses, routes, codes
    return counts, digest.hexdigest()[:32]


@contextlib.contextmanager
def unit_lock(layout: RunLayout, run_id: str, unit_id: str) -> Iterator[None]:
    """One rewriter of a unit's file at a time, a late worker of a dead driver included, where the system has locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (layout.run_tmp(run_id) / f"{unit_id}.lock").open("w") as opened:
        with contextlib.suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
