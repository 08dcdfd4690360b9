"""Records of a segment file: framed, checked, and readable up to the byte where a writer was killed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from omnipipe.online.job import Row

_MAGIC = b"oP"
_HEADER = struct.Struct("<2sBBI16sIII")
_ROW = struct.Struct("<iBI")
_COUNT = struct.Struct("<I")
HEADER_BYTES = _HEADER.size
_ERASED_AT = 3
ERASED = b"\x01"
"""The byte at `erased_at(frame)` of a frame whose payload is gone. It is not part of the header's checksum, so that a
frame is marked by a write of one byte, which no kill can tear."""


class Kind(IntEnum):
    """What a record says."""

    JOB = 1
    ROWS = 2
    REMOVED = 3
    PACKED = 4


class Frame(NamedTuple):
    """One record as found at `offset` of a file. `payload` starts at `payload_at` and is `length` bytes long.

    `is_whole` is False where the payload does not match its checksum: it was erased, or never written in full.
    """

    kind: Kind
    job_id: bytes
    generation: int
    offset: int
    length: int
    is_erased: bool
    is_whole: bool

    @property
    def payload_at(self) -> int:
        return self.offset + HEADER_BYTES

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return self.payload_at + self.length


def encode(kind: Kind, job_id: bytes, generation: int, payload: bytes) -> bytes:
    """One record. `job_id` are the 16 bytes of a job's id."""
    fields = (_MAGIC, kind, 0, generation, job_id, len(payload), zlib.crc32(payload))
    check = zlib.crc32(_HEADER.pack(*fields, 0))
    return _HEADER.pack(*fields, check) + payload


def walk(data: bytes | memoryview, base: int = 0) -> Iterator[Frame]:
    """The records of `data`, which was read from offset `base` of a file and starts with a record.

    Ends before the first one that is not all there; whoever follows a file goes on from the last `end` later.
    """
    data = memoryview(data)
    at = 0
    size = len(data)
    while at + HEADER_BYTES <= size:
        magic, kind, erased, generation, job_id, length, payload_check, check = _HEADER.unpack_from(data, at)
        fields = (magic, kind, 0, generation, job_id, length, payload_check)
        stop = at + HEADER_BYTES + length
        if magic != _MAGIC or check != zlib.crc32(_HEADER.pack(*fields, 0)) or stop > size:
            return
        is_whole = not erased and zlib.crc32(data[at + HEADER_BYTES : stop]) == payload_check
        if not is_whole and not erased and stop == size:
            # Perhaps it is being written just now.
            return
        yield Frame(Kind(kind), job_id, generation, base + at, length, bool(erased), is_whole)
        at = stop


def erased_at(offset: int) -> int:
    """Where the mark of an erased record is, for the record at `offset`."""
    return offset + _ERASED_AT


def encode_rows(rows: Sequence[Row]) -> bytes:
    """The payload of a `ROWS` record: the rows' JSON as it is."""
    parts = [_COUNT.pack(len(rows))]
    for row in rows:
        status = row.status.encode()
        parts += (_ROW.pack(row.page_index, len(status), len(row.json)), status, row.json)
    return b"".join(parts)


def decode_rows(payload: bytes) -> list[Row]:
    """The rows that `encode_rows` was given."""
    (count,) = _COUNT.unpack_from(payload)
    at = _COUNT.size
    rows = []
    for _ in range(count):
        page_index, status_length, json_length = _ROW.unpack_from(payload, at)
        status_at = at + _ROW.size
        json_at = status_at + status_length
        at = json_at + json_length
        rows.append(Row(page_index, payload[status_at:json_at].decode(), payload[json_at:at]))
    return rows


def count_rows(payload: bytes | memoryview) -> int:
    """How many rows are in a `ROWS` payload."""
    return int(_COUNT.unpack_from(payload)[0])
