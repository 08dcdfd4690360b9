"""Documents as local files."""

from __future__ import annotations

from pathlib import Path

from omnipipe.sources.source import Source
from omnipipe.unit import DocumentRef


class Fetcher:
    """Gives a document's bytes as a local file; what is remote goes through a small cache that `close` removes."""

    def __init__(self, cache_dir: Path | None = None) -> None:
        self._cache_dir = cache_dir

    def local_path(self, document: DocumentRef | Source) -> str:
        """A local file with the bytes of `document`.

        For a `DocumentRef` the bytes are those that were indexed. A file from the cache stays at least until the next
        call.

        Raises:
            ProblemError: `missing`, `unreadable`, `changed` (other bytes than were indexed) or `too_large`.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Remove the cache."""
