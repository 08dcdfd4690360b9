"""Documents as local files, checked to be those that were indexed."""

# ruff: noqa: PTH116
from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from omnipipe.errors import InputError
from omnipipe.page import ProblemError
from omnipipe.sources.bounded import BoundedCalls, Heard
from omnipipe.sources.cache import FileCache
from omnipipe.sources.place import Row, find_local_path, find_row
from omnipipe.sources.remote import Remote, os_errors, reason
from omnipipe.sources.row import RowReader
from omnipipe.sources.source import Source
from omnipipe.unit import DocumentRef

if TYPE_CHECKING:
    from pyarrow import NativeFile

_CHUNK_BYTES = 1 << 20
_CACHE_BYTES = 1 << 30
_CACHE_FILES = 64
# Every byte is hashed, which takes seconds a GiB: a file of holes may have thousands of them on no disk at all.
_LOCAL_BYTES = 16 << 30
# The units of a document follow each other; a run of millions must not remember them all.
_MAX_VERIFIED = 256


class Fetcher:
    """Gives a document's bytes as a local file; what is remote goes through a small cache that `close` removes.

    The cache is a folder in `cache_dir` (by default the system's place for temporary files), made when it is needed.
    It holds at most `cache_bytes`; a larger document is `too_large`. Storage that does not answer for `silent_seconds`
    is not waited for.
    """

    def __init__(
        self, cache_dir: Path | None = None, *, cache_bytes: int = _CACHE_BYTES, silent_seconds: float = 120.0
    ) -> None:
        self._cache = FileCache(cache_dir, max_bytes=cache_bytes, max_files=_CACHE_FILES)
        self._max_bytes = cache_bytes
        self._bounded = BoundedCalls(silent_seconds)
        self._rows: RowReader | None = None
        self._verified: dict[str, tuple[str, int, int]] = {}
        self._lock = threading.Lock()

    def local_path(self, document: DocumentRef | Source) -> str:
        """A local file with the bytes of `document`.

        For a `DocumentRef` the bytes are those that were indexed. A file from the cache stays at least until the next
        call; its name is the document's.

        Raises:
            ProblemError: `missing`, `unreadable`, `changed` (other bytes than were indexed) or `too_large`.
            RunStopped: The disk with the cache is full, or no storage answers any more.
        """
        if "\0" in document.uri:
            raise ProblemError("missing", f"{document.uri!r} cannot be the name of a file")
        path = find_local_path(document.uri)
        with self._lock, _problems(document.uri):
            if path is None:
                return self._cached(document)
            self._check(path, document)
            return path

    def hashed(self, path: str, uri: str) -> tuple[os.stat_result, str]:
        """What is known of the file at `path`, and the SHA-256 of its bytes.

        Raises:
            ProblemError: `missing` or `unreadable`.
            RunStopped: No storage answers any more.
        """
        with self._lock, _problems(uri):
            return self._bounded.call(uri, lambda heard: (os.stat(path), sha256_of(path, heard)))

    def close(self) -> None:
        """Remove the cache."""
        with self._lock:
            self._close_rows()
            self._cache.close()
            self._bounded.close()

    def _check(self, path: str, document: DocumentRef | Source) -> None:
        status = self._bounded.call(document.uri, lambda _: _look(path, document.uri))
        if status.st_size > _LOCAL_BYTES:
            size, most = status.st_size >> 30, _LOCAL_BYTES >> 30
            raise ProblemError("too_large", f"{document.uri} has {size:,} GiB; at most {most} GiB are read")
        if isinstance(document, Source):
            return
        if (document.size, document.stamp) == (status.st_size, str(status.st_mtime_ns)):
            return
        seen = (document.doc_id, status.st_size, status.st_mtime_ns)
        if self._verified.get(path) == seen:
            return
        if document.size not in (None, status.st_size) or self._hash(path, document.uri) != document.doc_id:
            raise _changed(document.uri)
        self._verified[path] = seen
        if len(self._verified) > _MAX_VERIFIED:
            del self._verified[next(iter(self._verified))]

    def _hash(self, path: str, uri: str) -> str:
        return self._bounded.call(uri, lambda heard: sha256_of(path, heard))

    def _cached(self, document: DocumentRef | Source) -> str:
        doc_id = None if isinstance(document, Source) else document.doc_id
        key = (document.uri, doc_id or document.stamp)
        found = self._cache.find(key)
        if found is not None:
            return found
        row = find_row(document.uri)
        name = _name(document.uri) if row is None else f"row-{row.number}"
        chunks = self._download(document.uri) if row is None else iter([self._row_bytes(row)])
        path = self._cache.put(key, name, chunks, digest=doc_id)
        if path is None:
            raise _changed(document.uri)
        return path

    def _download(self, uri: str) -> Iterator[bytes]:
        remote = Remote.of(uri)
        size = 0
        with os_errors():
            stream = self._bounded.call(uri, lambda _: remote.filesystem.open_input_stream(remote.path))
            while chunk := self._bounded.call(uri, lambda heard: _next_chunk(stream, heard)):
                size += len(chunk)
                if size > self._max_bytes:
                    raise ProblemError(
                        "too_large", f"{uri} has more than the {self._max_bytes >> 20} MiB that are fetched"
                    )
                yield chunk
            # Not where it did not come to its end: closing waits for a call that never comes back.
            stream.close()

    def _row_bytes(self, row: Row) -> bytes:
        rows, self._rows = self._rows, None

        def read(_: Heard) -> tuple[RowReader, bytes]:
            reader = rows
            if reader is None or reader.manifest != row.manifest:
                if reader is not None:
                    reader.close()
                reader = RowReader(row.manifest)
            try:
                return reader, reader.read(row.number)
            except (OSError, ProblemError):
                reader.close()
                raise

        self._rows, content = self._bounded.call(row.uri, read)
        return content

    def _close_rows(self) -> None:
        if self._rows is not None:
            self._rows.close()
        self._rows = None


def sha256_of(path: str, heard: Heard = lambda: None) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; `heard` is called whenever some have come."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            heard()
            digest.update(chunk)
    return digest.hexdigest()


def _look(path: str, uri: str) -> os.stat_result:
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        os.scandir(path).close()
    if not stat.S_ISREG(status.st_mode):
        raise ProblemError("unreadable", f"{uri} is not a file")
    if not os.access(path, os.R_OK):
        raise PermissionError(13, "Permission denied")
    return status


def _next_chunk(stream: NativeFile, heard: Heard) -> bytes:
    chunk = stream.read(_CHUNK_BYTES)
    heard()
    return cast("bytes", chunk)


@contextmanager
def _problems(uri: str) -> Iterator[None]:
    """Turn what the operating system and the object store say of `uri` into problems."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ProblemError("missing", f"{uri} is not there") from error
    except OSError as error:
        raise ProblemError("unreadable", f"{uri} cannot be read: {error.strerror or reason(error)}") from error
    except (InputError, ValueError) as error:
        raise ProblemError("unreadable", f"{uri} cannot be read: {reason(error)}") from error


def _changed(uri: str) -> ProblemError:
    return ProblemError("changed", f"{uri} has other bytes than when it was indexed. Run again to read what it is now")


def _name(uri: str) -> str:
    # Problems name the file they are about, and equal runs must give equal messages: no made-up names.
    name = uri.rstrip("/").rpartition("/")[2]
    return name.encode()[-200:].decode(errors="ignore")
