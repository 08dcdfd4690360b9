"""A document opened from a path, by its content."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from omnipipe.page import ProblemError
from omnipipe.reading.detect import HEAD_BYTES, detect

if TYPE_CHECKING:
    from omnipipe.reading.source import PageSource


def open_source(path: str, passwords: Sequence[str]) -> PageSource:
    """The document at `path`, opened by its content.

    Raises:
        ProblemError: `missing`, `unreadable`, `empty`, `unsupported`, `encrypted`, `corrupt` or `too_large`.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError as problem:
        raise ProblemError("missing", f"{PurePath(path).name} is not there any more.") from problem
    except OSError as problem:
        raise ProblemError("unreadable", f"{PurePath(path).name}: {problem.strerror or problem}.") from problem
    format, offset = detect(head, path)
    if format == "pdf":
        from omnipipe.reading.pdf import PdfSource

        return PdfSource(path, passwords, size=size, offset=offset)
    from omnipipe.reading.image import ImageSource

    return ImageSource(path, format, head=head)
