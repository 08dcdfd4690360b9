"""`sources/`: what the index found at each uri; append-only, the last row of a uri counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnipipe.ledger.files import append_table, next_number, numbered, read_columns
from omnipipe.ledger.layout import RunLayout
from omnipipe.page import PageError
from omnipipe.shelf import Row, Shelf
from omnipipe.sources.source import TRANSIENT_CODES, SourceRecord

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


_ALL = ", ".join(_NAMES)
_SCHEMA = f"""
    CREATE TABLE sources (place INTEGER PRIMARY KEY, {_ALL}, UNIQUE (uri));
    CREATE INDEX homes ON sources (doc_id, place);
    CREATE TABLE documents (place INTEGER PRIMARY KEY, doc_id, UNIQUE (doc_id));
"""
_INSERT = f"INSERT INTO sources ({_ALL}) VALUES ({', '.join('?' * len(_NAMES))})"
_UPDATE = f"UPDATE sources SET {', '.join(f'{name}=?' for name in _NAMES)} WHERE uri=?"
_LEAVE = "DELETE FROM documents WHERE doc_id=? AND NOT EXISTS (SELECT 1 FROM sources WHERE doc_id=?)"
_OF_DOCUMENT = f"SELECT {_ALL} FROM sources WHERE doc_id=? ORDER BY place"


class SourceTable:
    """The sources of one run. None is held in memory."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._shelf = Shelf(_SCHEMA)
        for path in numbered(layout.sources):
            self._put(_read(path))

    def find(self, uri: str) -> SourceRecord | None:
        """What was found at `uri` the last time."""
        row = self._row(uri)
        return None if row is None else _record(row)

    def knows(self, uri: str) -> bool:
        """Whether anything, a document or a problem, was found at `uri`."""
        return self._row(uri) is not None

    def doc_ids(self) -> Iterator[str]:
        """Documents that live at some uri, in the order of their first appearance."""
        return (doc_id for (doc_id,) in self._shelf.scan("SELECT doc_id FROM documents ORDER BY place"))

    def num_documents(self) -> int:
        """How many documents live at some uri."""
        row = self._shelf.row("SELECT COUNT(*) FROM documents")
        return 0 if row is None else int(row[0])

    def has(self, doc_id: str) -> bool:
        """Whether the document lives at some uri."""
        return self._shelf.row("SELECT 1 FROM documents WHERE doc_id=?", doc_id) is not None

    def records(self, doc_id: str) -> list[SourceRecord]:
        """What was found at each uri where the document lives now; the first is its source_uri."""
        return [_record(row) for row in self._shelf.rows(_OF_DOCUMENT, doc_id)]

    def first(self, doc_id: str) -> SourceRecord | None:
        """The record of the document's source_uri."""
        row = self._shelf.row(_OF_DOCUMENT, doc_id)
        return None if row is None else _record(row)

    def lost(self) -> list[SourceRecord]:
        """What was found at places where nothing could be had the last time."""
        codes = ", ".join(f"'{code}'" for code in sorted(TRANSIENT_CODES))
        return [_record(row) for row in self._shelf.rows(f"SELECT {_ALL} FROM sources WHERE problem_code IN ({codes})")]

    def changed(self, records: Iterable[SourceRecord]) -> list[SourceRecord]:
        """Those of `records` that are not known as they are; the last one of each uri."""
        last = {record.uri: record for record in records}
        return [record for record in last.values() if self._row(record.uri) != _row(record)]

    def orphans(self, records: Sequence[SourceRecord]) -> list[str]:
        """Documents that would live nowhere any more once `records` are added."""
        moved = {record.uri: record.doc_id for record in records}
        kept = set(moved.values())
        before = {uri: self._home(uri) for uri in moved}
        left = {doc_id for uri, doc_id in before.items() if doc_id is not None and doc_id != moved[uri]}
        return [doc_id for doc_id in left if doc_id not in kept and all(uri in moved for uri in self._uris(doc_id))]

    def add(self, records: Sequence[SourceRecord]) -> None:
        """Append `records` as one file."""
        if not records:
            return
        rows = [_row(record) for record in records]
        append_table(self._layout.sources, self._layout.tmp, next_number(self._layout.sources), _table(rows))
        self._put(rows)

    def _put(self, rows: Iterable[_Row]) -> None:
        with self._shelf.writing() as execute:
            for row in rows:
                uri, doc_id = row[0], row[1]
                before = execute("SELECT doc_id FROM sources WHERE uri=?", (uri,)).fetchone()
                if before == (doc_id,):
                    execute(_UPDATE, (*row, uri))
                    continue
                if before is not None:
                    execute("DELETE FROM sources WHERE uri=?", (uri,))
                    execute(_LEAVE, (*before, *before))
                execute(_INSERT, row)
                execute("INSERT OR IGNORE INTO documents (doc_id) VALUES (?)", (doc_id,))

    def _row(self, uri: str) -> Row | None:
        return self._shelf.row(f"SELECT {_ALL} FROM sources WHERE uri=?", uri)

    def _home(self, uri: str) -> str | None:
        row = self._shelf.row("SELECT doc_id FROM sources WHERE uri=?", uri)
        return None if row is None else str(row[0])

    def _uris(self, doc_id: str) -> list[str]:
        return [uri for (uri,) in self._shelf.rows("SELECT uri FROM sources WHERE doc_id=?", doc_id)]


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


def _record(row: Sequence[Any]) -> SourceRecord:
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
