"""Documents as a client hands them over, ready to be sent more than once and never whole in memory."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from omnipipe.errors import InputError

Document = str | Path | bytes | IO[bytes]
"""A path, the bytes themselves, or an open binary file, which is read from where it stands."""


class Upload(NamedTuple):
    """A file that can be read again from its first byte, and the name that the server is told."""

    name: str
    file: IO[bytes]


@contextmanager
def open_upload(document: Document, name: str | None = None) -> Iterator[Upload]:
    """`document` as an upload.

    A file that cannot be rewound (a pipe), or that stands elsewhere than at its start, is copied to a temporary file.

    Raises:
        InputError: There is no such file, or it cannot be read.
    """
    if isinstance(document, bytes):
        yield Upload(name or "document", io.BytesIO(document))
    elif isinstance(document, str | Path):
        path = Path(document)
        try:
            opened = path.open("rb")
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}. Name a file that can be read.") from error
        with opened:
            yield Upload(name or path.name, opened)
    else:
        with _rewindable(document) as again:
            yield Upload(name or _file_name(document), again)


@contextmanager
def _rewindable(file: IO[bytes]) -> Iterator[IO[bytes]]:
    if file.seekable() and file.tell() == 0:
        yield file
        return
    with tempfile.TemporaryFile(prefix="omnipipe-") as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield copy


def _file_name(file: IO[bytes]) -> str:
    # The name of a pipe is its number.
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str) else "document"
