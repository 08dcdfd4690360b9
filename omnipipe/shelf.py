"""Rows that a driver looks up and need not hold: a private SQLite database in a file without a name.

It is made anew from the files of the run by whoever opens them, and is gone with the process. It lies where SQLite puts
its temporary files (`SQLITE_TMPDIR`, `TMPDIR`, /var/tmp, /tmp) as soon as it outgrows its cache.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from omnipipe.errors import ConfigError, RunStopped

if TYPE_CHECKING:
    import sqlite3

Row = tuple[Any, ...]

_CACHE_KIB = 512
_FETCHED = 512


class Shelf:
    """Tables made by the statements of `schema`, shared by the threads of this process.

    Raises:
        ConfigError: This Python has no SQLite.
        RunStopped: The database cannot be kept (a full disk), in all methods.
    """

    def __init__(self, schema: str) -> None:
        try:
            import sqlite3
        except ImportError as error:
            raise ConfigError(
                f"this Python was built without its module sqlite3 ({error}). Use another one, such as the system's "
                "(make PYTHON=/usr/bin/python3 run), or build it again with libsqlite3-dev installed."
            ) from error
        self._error = sqlite3.Error
        self._lock = threading.Lock()
        # Each statement is one transaction of its own; there is no rollback: who fails here stops the run.
        self._db: sqlite3.Connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for pragma in (f"cache_size=-{_CACHE_KIB}", "journal_mode=OFF", "synchronous=OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(schema)

    def __del__(self) -> None:
        if hasattr(self, "_db"):
            self._db.close()

    def row(self, query: str, *values: object) -> Row | None:
        """The first row of the answer, None where there is none."""
        found: Row | None = self._asked(query, values, "fetchone")
        return found

    def rows(self, query: str, *values: object) -> list[Row]:
        """All rows of the answer, at once."""
        found: list[Row] = self._asked(query, values, "fetchall")
        return found

    def scan(self, query: str, *values: object) -> Iterator[Row]:
        """All rows of the answer, some at a time; nobody may write meanwhile."""
        cursor = None
        while True:
            try:
                with self._lock:
                    cursor = cursor or self._db.execute(query, values)
                    found = cursor.fetchmany(_FETCHED)
            except self._error as error:
                raise _stopped(error) from error
            if not found:
                return
            yield from found

    @contextmanager
    def writing(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """Alone with the tables: what is given runs a statement with its values."""
        try:
            with self._lock:
                self._db.execute("BEGIN")
                try:
                    yield self._db.execute
                finally:
                    if self._db.in_transaction:
                        self._db.execute("COMMIT")
        except self._error as error:
            raise _stopped(error) from error

    def _asked(self, query: str, values: tuple[object, ...], fetched: str) -> Any:
        try:
            with self._lock:
                return getattr(self._db.execute(query, values), fetched)()
        except self._error as error:
            raise _stopped(error) from error


def _stopped(error: Exception) -> RunStopped:
    return RunStopped(
        f"what is known of the documents cannot be kept in SQLite's temporary files: {error}. Make room in /var/tmp, "
        "or set SQLITE_TMPDIR to a folder that has some; the same command again goes on from here."
    )
