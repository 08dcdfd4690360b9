"""A run's documents, one after another, from its page files: one document in memory at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from omnipipe.errors import InputError
from omnipipe.export.name import common_folder, name_hashes, uri_parts
from omnipipe.ledger.files import one_line
from omnipipe.text.plain import plain_page

if TYPE_CHECKING:
    import numpy.typing as npt

_BLOCK_TEXTS = tuple(f"blocks.list.element.{name}" for name in ("type", "text", "source"))
_PIECES_KEPT = 4


class PageRow(NamedTuple):
    """What an export needs of a page; `plain` is its text without markup, None if that was not asked for."""

    page_index: int
    num_pages: int
    page_count: int | None
    status: str
    route: str
    text: str | None
    quality: float | None
    error_code: str | None
    error_message: str | None
    config_hash: str
    created_at: datetime
    plain: str | None = None


@dataclass(frozen=True, slots=True)
class RunDocument:
    """A document with its rows in page order.

    `parts` are its folders and its name, the first `num_shared` of which all documents have in common.
    """

    doc_id: str
    uri: str
    parts: tuple[str, ...]
    num_shared: int
    rows: tuple[PageRow, ...]


class _Piece(NamedTuple):
    file: Path
    row_group: int


class RunDocuments:
    """Iterates over the documents in `files` (Parquet in the pages schema), in the order of files and rows.

    The index that it makes first holds 36 bytes a document; then a few row groups and one document are in memory.
    `taken` are hashes of names that more than one document would have (`name_hashes`).
    """

    def __init__(self, files: Sequence[Path], *, with_plain: bool = False) -> None:
        self._with_plain = with_plain
        self._pieces: list[_Piece] = []
        self._cache: OrderedDict[int, dict[str, tuple[str, list[PageRow]]]] = OrderedDict()
        self._root: tuple[str, ...] | None = None
        self.taken: set[int] = set()
        self.num_documents = 0
        self._scattered = self._index(files)

    def __iter__(self) -> Iterator[RunDocument]:
        for number in range(len(self._pieces)):
            for doc_id, (uri, rows) in self._piece(number).items():
                places = self._scattered.get(_key(doc_id), (number,))
                if places[0] != number:
                    continue
                if len(places) > 1:
                    # A retry may replace a file meanwhile: what it holds now counts.
                    rows = [row for place in places for row in self._piece(place).get(doc_id, (uri, []))[1]]
                rows = sorted(rows, key=lambda row: row.page_index)
                yield RunDocument(doc_id, uri, uri_parts(uri), len(self._root or ()), tuple(rows))

    def _index(self, files: Sequence[Path]) -> dict[tuple[int, int], tuple[int, ...]]:
        keys: list[npt.NDArray[np.uint64]] = []
        for file in files:
            with _opened(file) as parquet:
                for row_group in range(parquet.num_row_groups):
                    table = parquet.read_row_group(row_group, columns=["doc_id", "source_uri"])
                    keys.append(self._index_piece(table, len(self._pieces)))
                    self._pieces.append(_Piece(file, row_group))
        if not keys:
            return {}
        entries = np.concatenate(keys)
        order = np.lexsort((entries[:, 2], entries[:, 1], entries[:, 0]))
        entries = entries[order]
        is_first = np.ones(len(entries), dtype=bool)
        is_first[1:] = (entries[1:, :2] != entries[:-1, :2]).any(axis=1)
        firsts = entries[is_first]
        self.num_documents = len(firsts)
        self.taken = _doubles(firsts)
        scattered: dict[tuple[int, int], tuple[int, ...]] = {}
        for at in np.flatnonzero(~is_first):
            key = (int(entries[at, 0]), int(entries[at, 1]))
            before = scattered.get(key, (int(entries[at - 1, 2]),))
            scattered[key] = (*before, int(entries[at, 2]))
        return scattered

    def _index_piece(self, table: pa.Table, number: int) -> npt.NDArray[np.uint64]:
        seen: dict[str, str] = {}
        for doc_id, uri in zip(table["doc_id"].to_pylist(), table["source_uri"].to_pylist(), strict=True):
            seen.setdefault(doc_id, uri)
        entries: list[tuple[int, ...]] = []
        for doc_id, uri in seen.items():
            parts = uri_parts(uri)
            self._root = parts[:-1] if self._root is None else common_folder(self._root, parts[:-1])
            entries.append((*_key(doc_id), number, *name_hashes(parts)))
        # The type is named: numpy would make floats of integers on both sides of 2**63, and lose their last digits.
        return np.array(entries, dtype=np.uint64).reshape(-1, 5)

    def _piece(self, number: int) -> dict[str, tuple[str, list[PageRow]]]:
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        if len(self._cache) >= _PIECES_KEPT:
            self._cache.popitem(last=False)
        found = self._cache[number] = _read(self._pieces[number], with_plain=self._with_plain)
        return found


@contextmanager
def _opened(file: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(file) as parquet:
            yield parquet
    except (pa.ArrowException, OSError) as error:
        reason = one_line(error)
        raise InputError(
            f"{file} cannot be read: {reason}. omnipipe verify {file.parent.parent} says what else is wrong."
        ) from error


def _read(piece: _Piece, *, with_plain: bool) -> dict[str, tuple[str, list[PageRow]]]:
    names = PageRow._fields[:-1]
    columns = ["doc_id", "source_uri", *names, *(_BLOCK_TEXTS if with_plain else [])]
    with _opened(piece.file) as parquet:
        table = parquet.read_row_group(piece.row_group, columns=columns)
    plain: list[str | None] = [None] * len(table)
    if with_plain:
        plain = list(map(_plain, table["blocks"].to_pylist(), table["text"].to_pylist()))
    values = zip(*(table[name].to_pylist() for name in names), plain, strict=True)
    documents: dict[str, tuple[str, list[PageRow]]] = {}
    for doc_id, uri, row in zip(table["doc_id"].to_pylist(), table["source_uri"].to_pylist(), values, strict=True):
        documents.setdefault(doc_id, (uri, []))[1].append(PageRow(*row))
    return documents


def _plain(blocks: Sequence[dict[str, str | None]] | None, markdown: str | None) -> str | None:
    if not blocks:
        return None
    return plain_page(((block["type"] or "", block["text"], block["source"]) for block in blocks), markdown)


def _key(doc_id: str) -> tuple[int, int]:
    return int(doc_id[:16], 16), int(doc_id[16:32], 16)


def _doubles(firsts: npt.NDArray[np.uint64]) -> set[int]:
    # A short name may be another document's long name: all names are counted together, a document's own once.
    short, long = firsts[:, 3], firsts[:, 4]
    names, counts = np.unique(np.concatenate([short, long[long != short]]), return_counts=True)
    return {int(name) for name in names[counts > 1]}
