"""What has to be done now and then: expiry, packing of finished jobs, leftovers of the dead."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from omnipipe.errors import RunStopped
from omnipipe.online.jobs.pack import remove_pack, write_pack
from omnipipe.online.jobs.removal import by_pack, erase_leftovers, new_pack, packed_jobs, packing, remove, rewrite_pack
from omnipipe.online.jobs.segment import PACKED_SUFFIX, SEGMENT_SUFFIX
from omnipipe.online.jobs.shelf import Shelf

_MANY_SEGMENTS = 16
_PACK_BYTES = 8 << 20
_PACK_JOBS = 2_000
_EXPIRED_SHARE = 0.25
_EXPIRED_SECONDS = 3_600.0
_WORD_SECONDS = 60.0
_STALE_SECONDS = 3_600.0
_DAY = 86_400.0


def sweep(shelf: Shelf, keep_seconds: float, pack_bytes: int) -> int:
    """How many jobs were removed. Another process that sweeps just now leaves nothing to do."""
    with _alone(shelf.layout.root / "sweep.lock") as is_alone:
        if not is_alone:
            return 0
        num_removed = _expire(shelf, keep_seconds)
        erase_leftovers(shelf)
        with contextlib.suppress(RunStopped):
            # On a full disk packing is for later.
            _rewrite_unwanted(shelf)
            _pack(shelf, pack_bytes)
        with packing(shelf):
            _drop_files(shelf)
        erase_leftovers(shelf)
        _tidy(shelf)
    return num_removed


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[bool]:
    import fcntl

    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(opened)


def _expire(shelf: Shelf, keep_seconds: float) -> int:
    """Remove what was finished too long ago; of a pack only when that is worth writing it again."""
    now = time.time()
    with shelf.lock:
        shelf.follower.refresh()
        expired = shelf.index.finals_before(now - keep_seconds)
        very_old = shelf.index.finals_before(now - keep_seconds - _EXPIRED_SECONDS)
    long_ago = set(very_old)
    due: list[bytes] = []
    for pack, keys in by_pack(shelf, list(expired)).items():
        for key in keys:
            shelf.uploads.remove(key.hex())
        if not pack or not long_ago.isdisjoint(keys) or len(keys) >= _EXPIRED_SHARE * _pack_size(shelf, pack):
            due += keys
    if due:
        remove(shelf, due)
    return len(due)


def _pack_size(shelf: Shelf, pack: str) -> int:
    with shelf.lock:
        number = shelf.index.number(pack)
        finals = shelf.index.finals()
    return sum(final.head.file == number for _, final in finals)


def _rewrite_unwanted(shelf: Shelf) -> None:
    """Finish removals that a kill cut short."""
    with shelf.lock:
        packs = set(shelf.follower.unwanted.values())
    for pack in packs:
        with packing(shelf):
            rewrite_pack(shelf, pack)


def _pack(shelf: Shelf, pack_bytes: int) -> None:
    """Put the jobs of full segments into Parquet, where all of them are finished."""
    segments = _closed_segments(shelf)
    with shelf.lock:
        busy = {record.file for live in shelf.index.live.values() for record in live.records}
        numbers = {shelf.index.number(name) for name in segments} - busy
        names = [shelf.index.files[number] for number in numbers]
        finals = shelf.index.finals()
    keys = [
        key for key, final in finals if any(part.file in numbers for part in (final.head, *final.parts, *final.others))
    ]
    size = sum(segments[name] for name in names)
    if not keys or (size < pack_bytes and len(names) < _MANY_SEGMENTS):
        return
    for some in _chunks(shelf, keys):
        with packing(shelf):
            with shelf.lock:
                # What was removed meanwhile must not be written.
                shelf.follower.refresh()
            write_pack(shelf.layout.pages, new_pack(), packed_jobs(shelf, some))
            with shelf.lock:
                shelf.follower.refresh()


def _chunks(shelf: Shelf, keys: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Jobs that go into one pack: few enough to write it again soon where one of them is removed."""
    chunk: list[bytes] = []
    size = 0
    for key in keys:
        with shelf.lock:
            final = shelf.index.find_final(key)
        size += sum(part.length for part in final.parts) if final is not None else 0
        chunk.append(key)
        if size >= _PACK_BYTES or len(chunk) >= _PACK_JOBS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _drop_files(shelf: Shelf) -> None:
    """Remove closed segments and packs that hold nothing of any job."""
    segments = _closed_segments(shelf)
    with shelf.lock:
        shelf.follower.refresh()
        used = {record.file for live in shelf.index.live.values() for record in live.records}
        packs = list(shelf.follower.packs)
        finals = shelf.index.finals()
    for _, final in finals:
        used |= {part.file for part in (final.head, *final.parts, *final.others)}
    with shelf.lock:
        told = shelf.follower.told
        # All others have to read first that a job was removed.
        unheard = {name for name in segments if time.monotonic() - told.get(name, -_WORD_SECONDS) < _WORD_SECONDS}
        empty = [name for name in segments if shelf.index.number(name) not in used and name not in unheard]
        packs = [name for name in packs if shelf.index.number(name) not in used]
        for name in empty:
            told.pop(name, None)
    for name in empty:
        shelf.follower.path(name).unlink(missing_ok=True)
    for name in packs:
        remove_pack(shelf.layout.pages, name.removesuffix(PACKED_SUFFIX))
    with shelf.lock:
        shelf.follower.refresh()


def _closed_segments(shelf: Shelf) -> dict[str, int]:
    """Segments that nobody appends to any more, with their sizes: own ones, and those of writers that are gone."""
    sizes: dict[str, int] = {}
    gone: dict[str, bool] = {}
    # Only what comes before the own current one: a new one may be begun at any time.
    current = shelf.journal.segment
    for path in sorted(shelf.layout.segments.glob(f"*{SEGMENT_SUFFIX}")):
        writer = path.stem.rpartition("-")[0]
        if writer not in gone:
            gone[writer] = writer != shelf.writer and shelf.lease.is_dead(writer)
        if gone[writer] or (writer == shelf.writer and path.name < current):
            with contextlib.suppress(FileNotFoundError):
                sizes[path.name] = path.stat().st_size
    return sizes


def _tidy(shelf: Shelf) -> None:
    """Remove what killed processes left behind."""
    shelf.lease.forget_dead()
    for path in shelf.layout.uploads.glob("*.tmp"):
        if shelf.lease.is_dead(path.name.partition(".")[0]):
            path.unlink(missing_ok=True)
    layout = shelf.layout
    for folder in (layout.uploads, layout.passwords, layout.spool, layout.claims):
        for path in _stale(folder, _DAY if folder == layout.claims else _STALE_SECONDS):
            if not _is_needed(shelf, path, is_upload=folder == layout.uploads):
                path.unlink(missing_ok=True)
    for path in (*_stale(layout.pages, _STALE_SECONDS), *_stale(layout.writers, _STALE_SECONDS)):
        if path.suffix not in (".parquet", PACKED_SUFFIX, ".lock"):
            path.unlink(missing_ok=True)
    for path in _stale(layout.pages, _STALE_SECONDS):
        if path.suffix == ".parquet" and not path.with_suffix(PACKED_SUFFIX).exists():
            path.unlink(missing_ok=True)
    with shelf.lock:
        removed = shelf.follower.removed
        for key in [key for key, since in removed.items() if time.monotonic() - since > _DAY]:
            del removed[key]


def _stale(folder: Path, seconds: float) -> list[Path]:
    found: list[Path] = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > seconds:
                found.append(path)
    return found


def _is_needed(shelf: Shelf, path: Path, *, is_upload: bool) -> bool:
    name = path.name.partition(".")[0]
    try:
        key = bytes.fromhex(name)
    except ValueError:
        return path.suffix == ".tmp" and is_upload
    with shelf.lock:
        return key in shelf.index.live or (is_upload and shelf.index.find_final(key) is not None)
