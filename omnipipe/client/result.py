"""What a client gets: the state of a job, and its rows as the same `Page` objects that the library works with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, cast

from omnipipe.page import Block, Line, Page, PageError
from omnipipe.text.blocks.paragraphs import PageJoiner

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, object]
"""A row as the server sends it: the columns of `omnipipe.schema.PAGES` by name."""

_FINAL = frozenset({"done", "cancelled"})
_OTHER_NAMES = {"uri": "source_uri", "index": "page_index", "count": "page_count"}
_MADE = frozenset({"blocks", "lines", "flags", "error", "image", "num_pages"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """How far a job is: `state` is queued, running, done or cancelled (then `reason` says why).

    `num_pages` (pages that get a row) and `page_count` (of the document) are None until the server opened it.
    """

    id: str
    state: str
    file_name: str = ""
    size: int = 0
    page_count: int | None = None
    num_pages: int | None = None
    num_rows: int = 0
    created_at: float | None = None
    finished_at: float | None = None
    reason: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.state in _FINAL

    @classmethod
    def from_plain(cls, plain: Mapping[str, object]) -> JobState:
        """The state in a server's answer; what a newer server says beside it is left out."""
        return cls(**{name: plain[name] for name in _JOB_FIELDS if name in plain})  # type: ignore[arg-type]


_JOB_FIELDS = tuple(one.name for one in fields(JobState))


@dataclass(frozen=True)
class Result:
    """The rows of a job in page order.

    `rows` are as the server sent them; `pages` are the same as `omnipipe.Page`, without pixels.
    """

    job: JobState
    rows: tuple[Row, ...] = field(repr=False)

    @classmethod
    def of(cls, job: JobState, rows: Iterable[Row]) -> Result:
        """The result of `job` from its rows in any order."""
        return cls(job, tuple(sorted(rows, key=lambda row: cast("int", row["page_index"]))))

    @cached_property
    def pages(self) -> tuple[Page, ...]:
        """One `Page` a row; pages that could not be read are among them, with their `error`."""
        return tuple(page_of(row) for row in self.rows)

    @property
    def markdown(self) -> str:
        """The text of all pages, as `omnipipe extract` prints it.

        An empty line is between two pages; a paragraph that runs on over a page's end is one.
        """
        pages = PageJoiner()
        texts = [pages.add(cast("str | None", row["text"]) or "", cast("int", row["page_index"])) for row in self.rows]
        return "".join([*texts, pages.end()])

    @property
    def failed(self) -> tuple[Page, ...]:
        """The pages that have no text for a reason: `failed` and `skipped`."""
        return tuple(page for page in self.pages if page.status in ("failed", "skipped"))

    def to_arrow(self) -> pa.Table:
        """The rows as a table in the schema `omnipipe.schema.PAGES`, as a batch run writes them."""
        import pyarrow as pa

        from omnipipe.schema import PAGES

        rows = [{**row, "created_at": _time(row.get("created_at"))} for row in self.rows]
        return pa.Table.from_pylist(rows, schema=PAGES)


def page_of(row: Row) -> Page:
    """The `Page` that became `row`."""
    code = row.get("error_code")
    values = {name: row.get(_OTHER_NAMES.get(name, name)) for name in Page.__slots__ if name not in _MADE}
    return Page(
        **values,  # type: ignore[arg-type]
        num_pages=cast("int | None", row.get("num_pages")) or 1,
        blocks=tuple(_block(block) for block in _rows(row.get("blocks"))),
        lines=tuple(_line(line) for line in _rows(row.get("lines"))),
        flags=tuple(cast("Sequence[str]", row.get("flags") or ())),
        # Not PageError.of: a newer server may know a code that this client does not.
        error=None if code is None else PageError(cast("str", code), cast("str", row.get("error_message") or "")),
    )


def _block(block: Row) -> Block:
    plain = {name: block.get(name) for name in Block._fields}
    return Block(**{**plain, "bbox": _box(plain["bbox"])})  # type: ignore[arg-type]


def _line(line: Row) -> Line:
    return Line(line["text"], _box(line["bbox"]), line.get("confidence"))  # type: ignore[arg-type]


def _box(box: object) -> tuple[float, ...] | None:
    return None if box is None else tuple(float(edge) for edge in cast("Sequence[float]", box))


def _rows(value: object) -> Sequence[Row]:
    return cast("Sequence[Row]", value or ())


def _time(value: object) -> datetime | None:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    if isinstance(value, int | float) and math.isfinite(value):
        from datetime import UTC

        return datetime.fromtimestamp(value, UTC)
    return None
