"""`documents/`: one row per document, made from the page files; parts named by what is in them."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from omnipipe.errors import AccountingError
from omnipipe.ledger.beside import Beside, num_spare
from omnipipe.ledger.docrow import COLUMNS, PageRow, document_row
from omnipipe.ledger.files import write_first
from omnipipe.ledger.heap import give_back
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.plantable import PlanTable
from omnipipe.ledger.sourcetable import SourceTable, user_json
from omnipipe.ledger.unitfile import UnitInfo, read_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from omnipipe.sources.source import SourceRecord

PART_DOCUMENTS = 2_000
PART_BYTES = 256 * 2**20
_SCHEMA_VERSION = "2"
_GROUP_BYTES = 2 * 2**20
_GROUP_DOCUMENTS = 1_000
_BATCH_BYTES = 2**18
_OPEN_UNITS = 4


Item = TypeVar("Item")


class _Document(NamedTuple):
    """A document and the units that hold its rows."""

    doc_id: str
    unit_ids: tuple[str, ...]


class _Part(NamedTuple):
    """`name` changes when anything that the rows of the part are made of changes."""

    documents: Sequence[_Document]
    name: str


class _Found(NamedTuple):
    """`fingerprint` stands for all that the document's row is made of; `text_bytes` is an estimate."""

    document: _Document
    fingerprint: str
    text_bytes: int


class Written(NamedTuple):
    """Names of the parts, in order, and the number of documents in them."""

    parts: list[str]
    num_documents: int


def write_documents(
    layout: RunLayout,
    *,
    run_id: str,
    sources: SourceTable,
    plan: PlanTable,
    find_info: Callable[[str], UnitInfo | None],
) -> Written:
    """Write the parts of `documents/` that are not there yet and remove those that are out of date.

    `find_info` gives the footer of a unit, which must be committed. Holds a row group of texts in memory (2 MB, or the
    longest document), never a part.
    """
    names: list[str] = []
    num_documents = 0
    with closing(Beside(num_spare(sources.num_documents() // PART_DOCUMENTS + 1), write_part)) as beside:
        for documents, name in _parts(_documents(layout, sources, plan, find_info)):
            num_documents += len(documents)
            names.append(name)
            if not (layout.documents / name).exists():
                records = [sources.records(document.doc_id) for document in documents]
                part = PartTask(layout.root, run_id, name, documents, records)
                if not beside.offer(part):
                    write_part(part)
        # What was too much for another process is said by this one.
        for part in beside.undone():
            write_part(part)
    for path in layout.documents.glob("*.parquet"):
        if path.name not in names and layout.is_own(path):
            path.unlink(missing_ok=True)
    return Written(names, num_documents)


def _documents(
    layout: RunLayout, sources: SourceTable, plan: PlanTable, find_info: Callable[[str], UnitInfo | None]
) -> Iterator[_Found]:
    # Documents of one unit come one after the other, nearly all of them.
    @lru_cache(maxsize=_OPEN_UNITS)
    def committed(unit_id: str) -> tuple[UnitInfo, str]:
        info = find_info(unit_id)
        if info is None:
            raise AccountingError(f"{layout.unit_file(unit_id)} is gone. Run the same command again.")
        return info, f"{unit_id} {info.digest} {layout.unit_file(unit_id).stat().st_size}"

    # Documents whose place is gone.
    elsewhere = (doc_id for doc_id in plan.doc_ids() if not sources.has(doc_id))
    last: tuple[str, ...] = ()
    for doc_id in chain(sources.doc_ids(), elsewhere):
        planned = plan.of_document(doc_id)
        if not planned:
            continue
        unit_ids = tuple(dict.fromkeys(entry.unit_id for entry in planned))
        # Documents of one unit share the tuple that names it.
        last = unit_ids = last if unit_ids == last else unit_ids
        records = sources.records(doc_id)
        parts = [_SCHEMA_VERSION, doc_id, *(committed(unit_id)[1] for unit_id in unit_ids)]
        parts += [f"{record.uri} {user_json(record.user)} {user_json(record.metadata)}" for record in records]
        fingerprint = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        size = sum(_share(committed(entry.unit_id)[0], entry.member.num_rows) for entry in planned)
        yield _Found(_Document(doc_id, unit_ids), fingerprint, size)


def _share(info: UnitInfo, num_rows: int) -> int:
    return info.counts.text_bytes * num_rows // max(1, info.counts.num_rows)


def _parts(found: Iterator[_Found]) -> Iterator[_Part]:
    documents: list[_Document] = []
    digest = hashlib.sha256()
    size = 0
    for document, fingerprint, text_bytes in found:
        if documents and (len(documents) >= PART_DOCUMENTS or size + text_bytes > PART_BYTES):
            yield _Part(documents, _part_name(digest.hexdigest()))
            documents, digest, size = [], hashlib.sha256(), 0
        digest.update(f"\n{fingerprint}".encode() if documents else fingerprint.encode())
        documents.append(document)
        size += text_bytes
    if documents:
        yield _Part(documents, _part_name(digest.hexdigest()))


def _part_name(digest: str) -> str:
    return f"{digest[:24]}.parquet"


class PartTask(NamedTuple):
    """A part to write: what `_Rows` needs, wherever that runs. `records` are those of each document."""

    root: Path
    run_id: str
    name: str
    documents: Sequence[_Document]
    records: Sequence[Sequence[SourceRecord]]


def write_part(part: PartTask) -> None:
    """Write one part of `documents/`, unless it is there."""
    # What the run before this took, a driver's share of Ray most of all, is not needed any more, nor are the holes that
    # the part before left.
    give_back()
    layout = RunLayout(part.root)
    write_first(layout.documents / part.name, layout.run_tmp(part.run_id), _Rows(layout, part).write)


class _Rows:
    """Writes one part, streaming over the unit files it is made of."""

    def __init__(self, layout: RunLayout, part: PartTask) -> None:
        self._layout = layout
        self._part = part
        self._open: OrderedDict[str, dict[str, list[PageRow]]] = OrderedDict()

    def write(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = documents_schema()
        # Read, made and written in turn: threads for these steps wait for one another, and take a quarter more CPU.
        with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["mime", "status"]) as writer:
            for group in _cut(self._batches(schema), _GROUP_BYTES, _batch_size):
                table = pa.Table.from_batches(group, schema)
                writer.write_table(table, row_group_size=table.num_rows)

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows in small batches: Python's strings take more room than Arrow's, and leave holes where they were."""
        import pyarrow as pa

        rows_of = map(self._row, self._part.documents, self._part.records)
        for rows in _cut(rows_of, _BATCH_BYTES, _row_size):
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    def _row(self, document: _Document, records: Sequence[SourceRecord]) -> dict[str, object]:
        rows = [row for unit_id in document.unit_ids for row in self._unit(unit_id).pop(document.doc_id, ())]
        rows.sort(key=lambda row: row.page_index)
        return document_row(document.doc_id, records, rows, run_id=self._part.run_id)

    def _unit(self, unit_id: str) -> dict[str, list[PageRow]]:
        if unit_id in self._open:
            self._open.move_to_end(unit_id)
            return self._open[unit_id]
        table = read_rows(self._layout.unit_file(unit_id), ("doc_id", *PageRow._fields))
        by_doc: dict[str, list[PageRow]] = {}
        columns = (table.column(name).to_pylist() for name in PageRow._fields)
        for doc_id, *values in zip(table.column("doc_id").to_pylist(), *columns, strict=True):
            by_doc.setdefault(doc_id, []).append(PageRow(*values))
        self._open[unit_id] = by_doc
        if len(self._open) > _OPEN_UNITS:
            self._open.popitem(last=False)
        return by_doc


def _cut(items: Iterable[Item], size: int, measured: Callable[[Item], tuple[int, int]]) -> Iterator[list[Item]]:
    """`items` in lists of `size` bytes or `_GROUP_DOCUMENTS` documents, or more, as `measured`."""
    cut: list[Item] = []
    num_bytes = num_documents = 0
    for item in items:
        cut.append(item)
        more_bytes, more_documents = measured(item)
        num_bytes, num_documents = num_bytes + more_bytes, num_documents + more_documents
        if num_bytes >= size or num_documents >= _GROUP_DOCUMENTS:
            yield cut
            cut = []
            num_bytes = num_documents = 0
    if cut:
        yield cut


def _row_size(row: Mapping[str, object]) -> tuple[int, int]:
    return len(str(row["text"])), 1


def _batch_size(batch: pa.RecordBatch) -> tuple[int, int]:
    return batch.nbytes, batch.num_rows


def documents_schema() -> pa.Schema:
    """The schema of `documents/`."""
    import pyarrow as pa

    kinds: dict[str, pa.DataType] = {
        "string": pa.string(),
        "large_string": pa.large_string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "strings": pa.list_(pa.string()),
        "int64s": pa.list_(pa.int64()),
    }
    return pa.schema(
        [(name, kinds[kind]) for name, kind in COLUMNS],
        metadata={"omnipipe.schema": "documents", "omnipipe.schema_version": _SCHEMA_VERSION},
    )
