"""A client's name for a document, as a file name that the reader may say in its messages."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_MOST_BYTES = 200
_PREFIX = "omnipipe-names-"
_YOUNG_SECONDS = 60.0
"""A folder this young may be one that its owner has not locked yet."""


def as_file_name(name: str) -> str:
    """`name` as it can be in a folder: no separators, no control characters, at most 200 bytes, its ending kept."""
    plain = "".join("_" if char in "/\\" or not char.isprintable() else char for char in name)
    data = plain.encode("utf-8", "replace")
    if len(data) > _MOST_BYTES:
        stem, dot, ending = plain.rpartition(".")
        tail = f"{dot}{ending}".encode("utf-8", "replace")[-20:] if stem else b""
        data = data[: _MOST_BYTES - len(tail)] + tail
    plain = data.decode("utf-8", "ignore")
    return "document" if plain.strip(". ") == "" else plain


def without_folder(name: str) -> str:
    """A client's name for its document, without any folder and in valid Unicode, at most 255 characters."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    plain = "".join(char if char.isprintable() else "_" for char in last)
    return plain[:255] or "document"


class ShownName:
    """A link with the client's name to a document in the spool, for one reader.

    What a reader says of a damaged document names the file that it was given, and its ending may decide what is said:
    with this link a row is the same as if the client had run the file itself. Use it as a context manager, or close it.
    """

    def __init__(self) -> None:
        _remove_leftovers(Path(tempfile.gettempdir()))
        self._root = tempfile.mkdtemp(prefix=_PREFIX)
        self._held = os.open(self._root, os.O_RDONLY)
        fcntl.flock(self._held, fcntl.LOCK_EX)
        self._link: tuple[str, str, str] | None = None

    def link(self, job_id: str, upload: Path, file_name: str) -> str:
        """The path of a file called `file_name` with the bytes of `upload`, until the next call for another job."""
        wanted = (job_id, str(upload), file_name)
        if self._link == wanted:
            return self._path(wanted)
        self._drop()
        path = self._path(wanted)
        os.mkdir(os.path.dirname(path))  # noqa: PTH102, PTH120 - plain strings: this is done for each small job
        os.symlink(os.path.abspath(upload), path)  # noqa: PTH100, PTH211
        self._link = wanted
        return path

    def hide(self, message: str) -> str:
        """`message` without the folder of the linked file, nor the place in the spool."""
        if self._link is None:
            return message
        path = self._path(self._link)
        for shown in (path, self._link[1], os.path.abspath(self._link[1])):  # noqa: PTH100
            message = message.replace(shown, self._link[2])
        # A message may have been cut within the path.
        return message.replace(self._root, "") if self._root in message else message

    def close(self) -> None:
        """Remove the link."""
        if self._held >= 0:
            shutil.rmtree(self._root, ignore_errors=True)
            os.close(self._held)
            self._held = -1

    def _path(self, link: tuple[str, str, str]) -> str:
        return f"{self._root}/{link[0]}/{as_file_name(link[2])}"

    def _drop(self) -> None:
        if self._link is None:
            return
        path = self._path(self._link)
        self._link = None
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108
            os.rmdir(os.path.dirname(path))  # noqa: PTH106, PTH120


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in `folder`: those that live hold a lock."""
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime < _YOUNG_SECONDS:
                continue
            opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(opened)
