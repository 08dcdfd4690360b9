"""Documents whose bytes are in a row of a manifest."""

from __future__ import annotations

import json
from array import array
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import accumulate
from typing import IO, TYPE_CHECKING

from omnipipe.page import ProblemError
from omnipipe.sources.manifest import BYTES_COLUMNS, find_bytes_column, find_key, open_file
from omnipipe.sources.place import suffix_of
from omnipipe.sources.remote import reason

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 8


class RowReader:
    """The rows of one open manifest; reading them in order is cheap."""

    def __init__(self, manifest: str) -> None:
        """Open `manifest`, a uri.

        Raises:
            OSError: It cannot be opened.
            InputError: No file system is known for it.
        """
        self.manifest = manifest
        self._stack = ExitStack()
        file = self._stack.enter_context(open_file(manifest))
        try:
            self._rows = _ParquetRows(file) if suffix_of(manifest) == "parquet" else _JsonRows(file)
        except ValueError as error:
            self.close()
            raise ProblemError("unreadable", f"{manifest} cannot be read: {reason(error)}") from error

    def read(self, number: int) -> bytes:
        """The bytes in row `number` (from 0).

        Raises:
            ProblemError: `missing`: there are none; `unreadable`: they cannot be decoded.
            OSError: The manifest cannot be read on.
        """
        try:
            content = self._rows.read(number)
        except ValueError as error:
            raise ProblemError("unreadable", f"row {number} of {self.manifest}: {reason(error)}") from error
        if content is None:
            raise ProblemError(
                "missing", f"row {number} of {self.manifest} has neither a path nor the bytes of a document"
            )
        return content

    def close(self) -> None:
        """Close the manifest."""
        self._stack.close()


class _ParquetRows:
    """One batch at a time: a row group of documents may be larger than the memory."""

    def __init__(self, file: IO[bytes]) -> None:
        import pyarrow.parquet as pq

        self._table = pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)
        self._column = find_bytes_column(self._table.schema_arrow)
        metadata = self._table.metadata
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        self._group_starts = list(accumulate(sizes, initial=0))
        self._group = -1
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._values: pa.Array | tuple[()] = ()
        self._start = 0

    def read(self, number: int) -> bytes | None:
        if self._column is None or number >= self._group_starts[-1]:
            return None
        group = bisect_right(self._group_starts, number) - 1
        if group != self._group or number < self._start:
            self._group, self._start, self._values = group, self._group_starts[group], ()
            self._batches = self._table.iter_batches(_BATCH_ROWS, row_groups=[group], columns=[self._column])
        while number >= self._start + len(self._values):
            self._start += len(self._values)
            self._values = next(self._batches).column(0)
        content = self._values[number - self._start].as_py()
        return None if content is None else bytes(content)


class _JsonRows:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._starts = array("q", [0])

    def read(self, number: int) -> bytes | None:
        self._file.seek(self._starts[min(number, len(self._starts) - 1)])
        while len(self._starts) <= number:
            self._file.readline()
            self._starts.append(self._file.tell())
        line = self._file.readline()
        row = json.loads(line)
        key = find_key(row, BYTES_COLUMNS) if isinstance(row, dict) else None
        content = row[key] if key is not None else None
        return b64decode(content, validate=True) if isinstance(content, str) else None
