"""Jobs go from the disk: uploads, passwords and answers, rows in segments, rows in Parquet."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as NotDoneError

from omnipipe.errors import OmnipipeError
from omnipipe.online.job import Row
from omnipipe.online.jobs.follow import read_final
from omnipipe.online.jobs.frame import Kind, encode
from omnipipe.online.jobs.index import Final
from omnipipe.online.jobs.journal import GROUP_SECONDS, Placed, Write
from omnipipe.online.jobs.pack import PackedJob, read_packed, remove_pack, write_pack
from omnipipe.online.jobs.segment import PACKED_SUFFIX, SEGMENT_SUFFIX, Place, erase
from omnipipe.online.jobs.shelf import Shelf, read_rows

_WORD_SECONDS = 5.0
_PAUSE_SECONDS = 0.0005


@contextlib.contextmanager
def packing(shelf: Shelf) -> Iterator[None]:
    """Be the only one, of all processes and threads, that writes or removes packs.

    Else a job that is removed could come back with a pack that was begun before, and of a pack and its successor one
    process could remove the first and another the second.
    """
    import fcntl

    opened = os.open(shelf.layout.root / "pack.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def remove(shelf: Shelf, keys: Sequence[bytes]) -> None:
    """Remove jobs; nothing of them is on the disk when this returns.

    Raises:
        RunStopped: The disk is too full to write a Parquet file without them.
    """
    with packing(shelf):
        _remove(shelf, keys)


def _remove(shelf: Shelf, keys: Sequence[bytes]) -> None:
    with shelf.lock:
        shelf.follower.refresh()
        keys = [key for key in keys if shelf.index.has(key)]
    are_foreign = _stop(shelf, keys)
    _say(shelf, keys)
    places: list[Place] = []
    with shelf.lock:
        shelf.follower.refresh()
        for key in keys:
            job, found = shelf.places_of(key)
            places += found
            shelf.index.discard(key, job)
            shelf.follower.removed[key] = time.monotonic()
    for key in keys:
        shelf.uploads.remove(key.hex())
        shelf.side.remove(key.hex())
    erase((place for place in places if place.file.endswith(SEGMENT_SUFFIX)), shelf.follower.path)
    if are_foreign:
        # Their owner may have looked for a claim just before there was one.
        time.sleep(2 * GROUP_SECONDS)
        with shelf.lock:
            shelf.follower.refresh()
    erase_leftovers(shelf)
    for pack in {place.file for place in places if place.file.endswith(PACKED_SUFFIX)}:
        rewrite_pack(shelf, pack)


def erase_leftovers(shelf: Shelf) -> None:
    """Erase the records in segments that nobody needs: of jobs that were removed, or packed."""
    with shelf.lock:
        leftovers = list(shelf.follower.leftovers)
        shelf.follower.leftovers.clear()
    erase(leftovers, shelf.follower.path)


def rewrite_pack(shelf: Shelf, pack: str) -> None:
    """Write a pack again without the jobs that were removed, under another name; readers of the old one look again.

    Callers hold `packing`.
    """
    folder = shelf.layout.pages
    with shelf.lock:
        number = shelf.index.number(pack)
        known = shelf.index.finals()
    finals = [final for _, final in known if final.head.file == number]
    path = shelf.follower.path(pack)
    rows = read_packed(path.with_suffix(".parquet")) if finals else None
    if rows is not None:
        write_pack(folder, new_pack(after=path.stem), _repacked(shelf, finals, rows))
    remove_pack(folder, path.stem)
    with shelf.lock:
        shelf.follower.refresh()
        for key in [key for key, file in shelf.follower.unwanted.items() if file == pack]:
            del shelf.follower.unwanted[key]


def _repacked(shelf: Shelf, finals: Sequence[Final], rows: Sequence[Row]) -> Iterator[PackedJob]:
    for final in finals:
        job = read_final(shelf.index, final, shelf.follower.path)
        if job is not None:
            found = [row for part in final.parts for row in rows[part.offset : part.offset + part.take]]
            yield PackedJob(job, final.generation, found)


def new_pack(after: str = "0") -> str:
    """A name that no pack had before, later in the alphabet than that of the pack it replaces."""
    number = max(time.time_ns(), int(after.partition("-")[0]) + 1)
    return f"{number:020}-{secrets.token_hex(4)}"


def packed_jobs(shelf: Shelf, keys: Sequence[bytes]) -> Iterator[PackedJob]:
    """Finished jobs with their rows, one after the other."""
    for key in keys:
        with shelf.lock:
            final = shelf.index.find_final(key)
            if final is None:
                continue
            job = read_final(shelf.index, final, shelf.follower.path)
            parts = [(part, shelf.follower.path(shelf.index.files[part.file])) for part in final.parts]
        rows = read_rows(parts)
        # Requests go on meanwhile: the interpreter is theirs after each job.
        time.sleep(_PAUSE_SECONDS)
        if job is not None and rows is not None:
            yield PackedJob(job, final.generation, rows)


def by_pack(shelf: Shelf, keys: Sequence[bytes]) -> dict[str, list[bytes]]:
    """Which of the finished jobs are in which pack; "" for those in none."""
    packs: defaultdict[str, list[bytes]] = defaultdict(list)
    with shelf.lock:
        for key in keys:
            final = shelf.index.find_final(key)
            if final is not None:
                file = shelf.index.files[final.head.file]
                packs[file if file.endswith(PACKED_SUFFIX) else ""].append(key)
    return packs


def _stop(shelf: Shelf, keys: Sequence[bytes]) -> bool:
    """Let nobody write about the jobs any more; whether any is in work at another process."""
    are_foreign = False
    with shelf.lock:
        live = {key: live for key in keys if (live := shelf.index.live.get(key)) is not None}
        for found in live.values():
            found.is_lost = True
    for key, found in live.items():
        if found.writer == shelf.writer or found.job.is_final:
            continue
        are_foreign = True
        # Whoever has it then: its next write finds the claim.
        with contextlib.suppress(OmnipipeError):
            generation = found.generation + 1
            while not shelf.claims.take(key.hex(), generation):
                generation += 1
    return are_foreign


def _say(shelf: Shelf, keys: Sequence[bytes]) -> None:
    """Tell all other processes, now and after restarts."""

    def placed(places: Sequence[Placed]) -> None:
        with shelf.lock:
            shelf.follower.told[places[0].segment] = time.monotonic()

    writes = [Write([encode(Kind.REMOVED, key, 0, b"")], placed=placed, is_urgent=True) for key in keys]
    for write in writes:
        shelf.journal.put(write)
    until = time.monotonic() + _WORD_SECONDS
    for write in writes:
        # On a full disk the word waits, the rest does not: it makes room.
        with contextlib.suppress(NotDoneError):
            write.done.result(max(until - time.monotonic(), 0))
