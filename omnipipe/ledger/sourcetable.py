"""`sources/`: what the index found at each uri; append-only, the last row of a uri counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from omnipipe.ledger.files import append_table, next_number, numbered, read_columns
from omnipipe.ledger.layout import RunLayout
from omnipipe.page import PageError
from omnipipe.sources.source import SourceRecord

if TYPE_CHECKING:
    import pyarrow as pa

_Row = tuple[str, str, int | None, str | None, str | None, int | None, float, str, str, str | None, str | None]
_NAMES = (
    "uri",
    "doc_id",
    "size",
    "stamp",
    "format",
    "page_count",
    "ocr_share",
    "metadata",
    "user",
    "problem_code",
    "problem_message",
)


class SourceTable:
    """The sources of one run, in memory."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._rows: dict[str, _Row] = {}
        # doc_id to the uri where it was seen first, and to the others, in order: hardly any document has others.
        self._first: dict[str, str] = {}
        self._others: dict[str, dict[str, None]] = {}
        for path in numbered(layout.sources):
            for row in _read(path):
                self._put(row)

    def find(self, uri: str) -> SourceRecord | None:
        """What was found at `uri` the last time."""
        row = self._rows.get(uri)
        return None if row is None else _record(row)

    def doc_ids(self) -> list[str]:
        """Documents that live at some uri, in the order of their first appearance."""
        return list(self._first)

    def has(self, doc_id: str) -> bool:
        """Whether the document lives at some uri."""
        return doc_id in self._first

    def records(self, doc_id: str) -> list[SourceRecord]:
        """What was found at each uri where the document lives now; the first is its source_uri."""
        return [_record(self._rows[uri]) for uri in self._uris(doc_id)]

    def first(self, doc_id: str) -> SourceRecord | None:
        """The record of the document's source_uri."""
        uri = self._first.get(doc_id)
        return None if uri is None else self.find(uri)

    def changed(self, records: Iterable[SourceRecord]) -> list[SourceRecord]:
        """Those of `records` that are not known as they are; the last one of each uri."""
        last = {record.uri: record for record in records}
        return [record for record in last.values() if self._rows.get(record.uri) != _row(record)]

    def orphans(self, records: Sequence[SourceRecord]) -> list[str]:
        """Documents that would live nowhere any more once `records` are added."""
        moved = {record.uri: record.doc_id for record in records}
        kept = set(moved.values())
        left = {row[1] for uri in moved if (row := self._rows.get(uri)) is not None and row[1] != moved[uri]}
        return [doc_id for doc_id in left if doc_id not in kept and all(uri in moved for uri in self._uris(doc_id))]

    def add(self, records: Sequence[SourceRecord]) -> None:
        """Append `records` as one file."""
        if not records:
            return
        rows = [_row(record) for record in records]
        append_table(self._layout.sources, self._layout.tmp, next_number(self._layout.sources), _table(rows))
        for row in rows:
            self._put(row)

    def _put(self, row: _Row) -> None:
        uri, doc_id = row[0], row[1]
        before = self._rows.get(uri)
        if before is not None and before[1] != doc_id:
            self._leave(before[1], uri)
        self._rows[uri] = row
        if self._first.setdefault(doc_id, uri) != uri:
            self._others.setdefault(doc_id, {})[uri] = None

    def _uris(self, doc_id: str) -> Iterator[str]:
        if doc_id in self._first:
            yield self._first[doc_id]
            yield from self._others.get(doc_id, ())

    def _leave(self, doc_id: str, uri: str) -> None:
        others = self._others.get(doc_id, {})
        if self._first[doc_id] != uri:
            del others[uri]
        elif others:
            self._first[doc_id] = next(iter(others))
            del others[self._first[doc_id]]
        else:
            del self._first[doc_id]
        if not others:
            self._others.pop(doc_id, None)


def user_json(user: Mapping[str, object]) -> str:
    """User columns as JSON, keys in the user's order."""
    return json.dumps(dict(user), separators=(",", ":"), ensure_ascii=True) if user else "{}"


def _row(record: SourceRecord) -> _Row:
    problem = record.problem
    return (
        record.uri,
        record.doc_id,
        record.size,
        record.stamp,
        record.format,
        record.page_count,
        record.ocr_share,
        user_json(record.metadata),
        user_json(record.user),
        problem.code if problem else None,
        problem.message if problem else None,
    )


def _record(row: _Row) -> SourceRecord:
    uri, doc_id, size, stamp, form, count, ocr_share, metadata, user, code, message = row
    return SourceRecord(
        uri=uri,
        doc_id=doc_id,
        size=size,
        stamp=stamp,
        format=form,
        page_count=count,
        ocr_share=ocr_share,
        metadata=json.loads(metadata),
        user=json.loads(user),
        problem=None if code is None else PageError(code, message or ""),
    )


def _read(path: Path) -> Iterable[_Row]:
    table = read_columns(path, _NAMES)
    return zip(*(table.column(name).to_pylist() for name in _NAMES), strict=True)


def _table(rows: Sequence[_Row]) -> pa.Table:
    import pyarrow as pa

    kinds = {"size": pa.int64(), "page_count": pa.int64(), "ocr_share": pa.float64()}
    columns = {
        name: pa.array(values, kinds.get(name, pa.string()))
        for name, values in zip(_NAMES, zip(*rows, strict=True), strict=True)
    }
    columns["added_at"] = pa.array([datetime.now(UTC)] * len(rows), pa.timestamp("us", tz="UTC"))
    return pa.table(columns).replace_schema_metadata({"omnipipe.schema": "sources"})
