"""Files that list documents: a path a line, or rows with a path or the bytes and columns of the user's own."""

from __future__ import annotations

import codecs
import io
import json
import math
import os
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import IO, TYPE_CHECKING, NamedTuple

from omnipipe.errors import InputError
from omnipipe.sources.place import find_local_path, suffix_of
from omnipipe.sources.remote import Remote, os_errors, reason
from omnipipe.sources.source import UserValue

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

PATH_COLUMNS = ("path", "uri", "url", "file", "source_uri")
BYTES_COLUMNS = ("bytes", "content", "pdf")

_NO_LIKE = (ValueError, OverflowError, KeyError)
"""What pyarrow raises for values that Python has no like of; the last one for an unknown time zone, up to 24."""


class Entry(NamedTuple):
    """Row `row` (from 0) of a manifest. `path` is as it was written; None: the row holds the bytes, or is broken."""

    row: int
    path: str | None
    user: Mapping[str, UserValue]


def read_manifest(uri: str) -> Iterator[Entry]:
    """The rows of the manifest at `uri`, lazily; its ending says what it is.

    Raises:
        InputError: It cannot be read, or has neither a path nor a bytes column.
    """
    kind = suffix_of(uri)
    try:
        with open_file(uri) as file:
            if kind == "parquet":
                yield from _read_parquet(uri, file)
            elif kind in ("jsonl", "ndjson"):
                yield from _read_jsonl(uri, file)
            else:
                yield from read_paths(file, uri)
    except OSError as error:
        raise InputError(f"{uri} cannot be read: {reason(error)}. Give a manifest that this user can read.") from error


def read_paths(lines: IO[bytes], name: str) -> Iterator[Entry]:
    """A path a line, in the file system's encoding; empty lines are passed over. `name` is that of the list.

    A NUL in the first line ends each path instead, as `find -print0` writes them.

    Raises:
        InputError: The list is in UTF-16.
    """
    first = next(lines, b"").removeprefix(codecs.BOM_UTF8)
    every = chain([first], lines)
    if b"\0" not in first:
        paths = (os.fsdecode(line).rstrip("\r\n") for line in every)
    elif first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{name} is in UTF-16. Write it in UTF-8, with a path a line.")
    else:
        paths = (os.fsdecode(path) for path in _nul_ended(every))
    for row, path in enumerate(paths):
        if path.strip():
            yield Entry(row, path, {})


def _nul_ended(lines: Iterable[bytes]) -> Iterator[bytes]:
    left = b""
    for line in lines:
        *whole, left = (left + line).split(b"\0")
        yield from whole
    yield left.removesuffix(b"\n")


@contextmanager
def open_file(uri: str) -> Iterator[IO[bytes]]:
    """The file at `uri`, local or remote, to read from and to seek in.

    Raises:
        OSError: It cannot be opened.
        InputError: No file system is known for `uri`.
    """
    path = find_local_path(uri)
    if path is not None:
        with open(path, "rb") as file:
            yield file
        return
    remote = Remote.of(uri)
    with os_errors():
        native = remote.filesystem.open_input_file(remote.path)
    with native, io.BufferedReader(native, 1 << 20) as file:
        yield file


def find_bytes_column(schema: pa.Schema) -> str | None:
    """The name of the column that holds documents, None if there is none."""
    import pyarrow as pa

    for field in _in_order(schema, BYTES_COLUMNS):
        if (
            pa.types.is_binary(field.type)
            or pa.types.is_large_binary(field.type)
            or pa.types.is_binary_view(field.type)
        ):
            return str(field.name)
    return None


def find_key(row: dict[str, object], names: Sequence[str]) -> str | None:
    """The key of `row` that is the first of `names` there is, whatever its case."""
    by_name = {key.lower(): key for key in reversed(row)}
    return next((by_name[name] for name in names if name in by_name), None)


def _read_jsonl(uri: str, file: IO[bytes]) -> Iterator[Entry]:
    is_first = True
    for index, line in enumerate(file):
        if not line.strip():
            continue
        row = _json_object(line)
        key = (find_key(row, PATH_COLUMNS) or find_key(row, BYTES_COLUMNS)) if row else None
        if is_first and key is None:
            keys = "is not a JSON object" if row is None else f"has the keys {', '.join(row)[:80] or 'of none'}"
            raise InputError(
                f"{uri} line {index + 1} {keys}. A row names its document as {', '.join(PATH_COLUMNS)}, or holds it in "
                "base64 as bytes."
            )
        is_first = False
        row = row or {}
        path = row.get(key) if key is not None and key.lower() in PATH_COLUMNS else None
        user = {name: _user_value(value) for name, value in row.items() if name != key}
        yield Entry(index, path if isinstance(path, str) and path else None, user)


def _json_object(line: bytes) -> dict[str, object] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _read_parquet(uri: str, file: IO[bytes]) -> Iterator[Entry]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        schema = table.schema_arrow
        bytes_column = find_bytes_column(schema)
        path_column = _find_path_column(schema)
        if bytes_column and path_column and not _has_nulls(table, bytes_column):
            path_column = None
        if bytes_column is None and path_column is None:
            have = ", ".join(f"{field.name} ({field.type})" for field in schema)[:80]
            raise InputError(
                f"{uri} has the columns {have}. A manifest names its documents in a text "
                f"column {', '.join(PATH_COLUMNS)}, or holds them in a binary column {', '.join(BYTES_COLUMNS)}."
            )
        is_either = bytes_column is not None and path_column is not None
        columns = [name for name in schema.names if name != bytes_column or is_either]
        if not columns:
            yield from (Entry(row, None, {}) for row in range(table.metadata.num_rows))
            return
        row = 0
        for batch in table.iter_batches(batch_size=8 if is_either else 1024, columns=columns):
            held = [False] * len(batch)
            if is_either:
                held = batch.column(bytes_column).is_valid().to_pylist()
                batch = batch.drop_columns([bytes_column])
            for values, is_held in zip(_plain_rows(batch), held, strict=True):
                path = values.pop(path_column) if path_column and not is_held else None
                named = path if isinstance(path, str) and path else None
                yield Entry(row, named, {name: _user_value(value) for name, value in values.items()})
                row += 1
    except pa.ArrowException as error:
        raise InputError(f"{uri} is not a Parquet file that can be read: {reason(error)}. Write it anew.") from error


def _has_nulls(table: pq.ParquetFile, column: str) -> bool:
    """Whether some rows of a column may be null, from the statistics: the column itself may be as large as a disk."""
    metadata = table.metadata
    (place,) = [place for place in range(metadata.num_columns) if metadata.schema.column(place).path == column][:1]
    known = [metadata.row_group(group).column(place).statistics for group in range(metadata.num_row_groups)]
    return any(found is None or not found.has_null_count or found.null_count for found in known)


def _plain_rows(batch: pa.RecordBatch) -> list[dict[str, object]]:
    try:
        rows: list[dict[str, object]] = batch.to_pylist()
    except _NO_LIKE:
        # One value that Python has no like of: the other rows, and this one's document, are none the worse.
        columns = [[_plain(value) for value in column] for column in batch.columns]
        rows = [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]
    return rows


def _plain(scalar: pa.Scalar) -> object:
    """The value of `scalar`; as text where it is no Unicode, or a time beyond Python's or in no zone known here."""
    import pyarrow as pa

    try:
        return scalar.as_py()
    except _NO_LIKE:
        if isinstance(scalar, pa.DictionaryScalar):
            return _plain(scalar.value)
        if isinstance(scalar, pa.StringScalar):
            return os.fsdecode(scalar.as_buffer().to_pybytes())
        return f"{scalar.value} {scalar.type}" if pa.types.is_temporal(scalar.type) else None


def _find_path_column(schema: pa.Schema) -> str | None:
    import pyarrow as pa

    for field in _in_order(schema, PATH_COLUMNS):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            return str(field.name)
    return None


def _in_order(schema: pa.Schema, names: Sequence[str]) -> list[pa.Field]:
    return [field for name in names for field in schema if field.name.lower() == name]


def _user_value(value: object) -> UserValue:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, dict | list):
        value = json.dumps(_json_value(value), ensure_ascii=False)
    # A JSON string may hold half a surrogate pair, which no Parquet file takes.
    return str(value).encode(errors="backslashreplace").decode()


def _json_value(value: object) -> object:
    # JSON has no NaN and no infinity: what json.dumps writes for them, other readers refuse.
    if isinstance(value, dict):
        return {str(key): _json_value(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value if value is None or isinstance(value, str | int) else str(value)
