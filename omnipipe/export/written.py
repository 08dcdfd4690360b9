"""Which files an export wrote, so that the next one of the same run can take away those that it has no more."""

from __future__ import annotations

import hashlib
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath


class WrittenFiles:
    """The list of one export, kept in its folder; 8 bytes a file in memory.

    What an export that was cut off had written by then counts with what is found. `is_again` is whether the list that
    is there is one of the same run and format; else it is forgotten, and its files stay.
    """

    def __init__(self, folder: Path, *, is_again: bool) -> None:
        self._folder = folder
        self._list = folder / ".omnipipe-export.files"
        self._next = folder / ".omnipipe-export.files.new"
        self._hashes = array("Q")
        if not is_again:
            self._list.unlink(missing_ok=True)
        elif self._next.exists():
            with self._list.open("ab") as kept:
                # A line that a kill cut short must not swallow another.
                kept.write(b"\n" + self._next.read_bytes() + b"\n")
        # A line at a time: what is written is on the list, whatever ends this process.
        self._file = self._next.open("w", encoding="utf-8", buffering=1)

    def add(self, name: PurePosixPath) -> None:
        """`name`, below the folder, is about to be written."""
        self._file.write(f"{name}\n")
        self._hashes.append(_hash(str(name)))

    def finish(self) -> None:
        """Remove what earlier exports wrote and this one did not."""
        self._file.close()
        hashes = array("Q", sorted(self._hashes))
        for name in self._before():
            at = bisect_left(hashes, _hash(name))
            if hashes[at : at + 1] == array("Q", [_hash(name)]):
                continue
            with suppress(OSError):
                (self._folder / name).unlink()
            for folder in list(PurePosixPath(name).parents)[:-1]:
                with suppress(OSError):
                    (self._folder / folder).rmdir()
        self._next.replace(self._list)

    def close(self) -> None:
        """Leave the list as it is, for the next export."""
        self._file.close()

    def _before(self) -> Iterator[str]:
        if not self._list.exists():
            return
        with self._list.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name = line.rstrip("\n")
                if name and not name.startswith("/") and ".." not in name.split("/"):
                    yield name


def _hash(name: str) -> int:
    # Where names that differ in case are one file, that of the new name must not go with the old one.
    folded = unicodedata.normalize("NFC", name).casefold().encode()
    return int.from_bytes(hashlib.blake2b(folded, digest_size=8).digest(), "little")
