"""Reading and erasing records of segment files."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from omnipipe.online.jobs.frame import ERASED, HEADER_BYTES, Frame, erased_at, walk

PACKED_SUFFIX = ".jobs"
SEGMENT_SUFFIX = ".seg"
_CHUNK_BYTES = 4 << 20


class Place(NamedTuple):
    """A record: its file's name, its offset, its payload's length in bytes."""

    file: str
    offset: int
    length: int


def read_frames(opened: int, start: int, size: int, take: Callable[[Frame, memoryview], None]) -> int:
    """Give the records between `start` and `size` of a file to `take`, with their payloads; where to go on later.

    A payload is valid during the call only.
    """
    at = start
    chunk = _CHUNK_BYTES
    while at < size:
        data = memoryview(os.pread(opened, min(chunk, size - at), at))
        end = at
        for frame in walk(data, at):
            take(frame, data[frame.payload_at - at : frame.end - at])
            end = frame.end
        if end == at:
            if at + len(data) >= size:
                break
            chunk *= 4
        at = end
    return at


def read_payload(path: Path, offset: int, length: int) -> bytes | None:
    """The payload of one record; None where the file has gone or the record was erased."""
    try:
        opened = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        data = os.pread(opened, HEADER_BYTES + length, offset)
    finally:
        os.close(opened)
    frame = next(walk(data, offset), None)
    return data[HEADER_BYTES:] if frame is not None and frame.is_whole and frame.length == length else None


def erase(places: Iterable[Place], path: Callable[[str], Path]) -> int:
    """Overwrite the payloads of records with zeros, on the disk when it returns; how many that were.

    The mark comes last: a record that a kill left between the two counts as not whole until it is erased again.
    """
    by_file: defaultdict[str, list[Place]] = defaultdict(list)
    for place in places:
        by_file[place.file].append(place)
    num_erased = 0
    for file, found in by_file.items():
        try:
            opened = os.open(path(file), os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            num_erased += _erase_in(opened, found)
        finally:
            os.close(opened)
    return num_erased


def _erase_in(opened: int, places: Iterable[Place]) -> int:
    todo = [place for place in places if os.pread(opened, 1, erased_at(place.offset)) != ERASED]
    for place in todo:
        os.pwrite(opened, bytes(place.length), place.offset + HEADER_BYTES)
    for place in todo:
        os.pwrite(opened, ERASED, erased_at(place.offset))
    if todo:
        os.fsync(opened)
    return len(todo)
