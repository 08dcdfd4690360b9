"""Small pictures of pages for a report, drawn in the child process that reads documents."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from omnipipe.page import PageError, ProblemError
from omnipipe.reading.facts import RenderPolicy
from omnipipe.reading.process import ReaderProcess

_SMALL = RenderPolicy(dpi=96, longest_side=900, max_pixels=810_000, small_side=1, format="jpeg", quality=60)


class PagePictures:
    """Pictures of documents that lie in `folders`, or in a folder `pdfs` there. A context manager."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [*folders, *(folder / "pdfs" for folder in folders)]
        self._reader = ReaderProcess()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._reader.close()

    def find(self, path: str, page: int) -> str | PageError:
        """A JPEG of page `page` (from 1) of `path`, at most 900 pixels a side, as a data URI; or why there is none."""
        file = self._file(path)
        if file is None:
            return PageError.of("missing", f"{path} is in none of the folders of documents")
        try:
            (found,) = self._reader.render_pages(str(file), [page - 1], _SMALL)
        except ProblemError as problem:
            return problem.error
        if isinstance(found, PageError):
            return found
        return f"data:image/jpeg;base64,{base64.b64encode(found.data).decode('ascii')}"

    def _file(self, path: str) -> Path | None:
        name = PurePosixPath(path)
        if name.is_absolute() or ".." in name.parts:
            return None
        # The file alone as well: tests may name folders that were left away here.
        tails = [PurePosixPath(*name.parts[start:]) for start in range(len(name.parts))]
        places = (folder / tail for tail in tails for folder in self._folders)
        return next((place for place in places if place.is_file()), None)
