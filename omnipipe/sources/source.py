"""What to read: a `Source` is a place where a document should be, a `SourceRecord` what was found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from omnipipe.page import PageError
from omnipipe.unit import DocumentRef

UserValue = str | int | float | bool | None
"""A value of a manifest's own column, JSON-able."""

TRANSIENT_CODES = frozenset({"missing", "unreadable", "changed"})
"""Problems that may be gone the next time although uri, size and stamp are the same."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place where a document should be, not opened yet.

    `uri` is an absolute path as a plain string for local files, `scheme://bucket/key` (nothing escaped) for object
    stores, `row:N:MANIFEST` for the bytes in row N (from 0) of a manifest, and `file://` with percent-escapes for a
    local name that is not valid Unicode. `size` is in bytes; `stamp` is the modification time in ns since 1970 as a
    decimal string (of the manifest, for bytes rows); both are None where they are not known. `user` holds a manifest's
    own columns.
    """

    uri: str
    size: int | None
    stamp: str | None
    user: Mapping[str, UserValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """What was found at a source.

    `doc_id` is the SHA-256 of the bytes, or of `uri:` and the uri where the bytes cannot be had. `page_count` counts
    pages or frames, None where the document cannot be opened; then `problem` says why. `ocr_share` (0 to 1) estimates
    how many of the pages need OCR; 0 where the run has no use for it.
    """

    uri: str
    doc_id: str
    size: int | None
    stamp: str | None
    format: str | None = None
    page_count: int | None = None
    ocr_share: float = 0.0
    metadata: dict[str, str] = field(default_factory=dict)
    user: Mapping[str, UserValue] = field(default_factory=dict)
    problem: PageError | None = None

    def ref(self) -> DocumentRef:
        """What a worker needs to find this document again."""
        return DocumentRef(
            doc_id=self.doc_id,
            uri=self.uri,
            size=self.size,
            stamp=self.stamp,
            count=self.page_count,
            format=self.format,
        )

    def is_current(self, source: Source) -> bool:
        """Whether `source` is what this record was made of, so that nothing has to be read again.

        False where the record has a problem that may be gone by now (`TRANSIENT_CODES`). A source of unknown size (the
        bytes in a manifest's row) is compared by its stamp alone.
        """
        if self.uri != source.uri or source.stamp is None or self.stamp != source.stamp:
            return False
        if source.size is not None and self.size != source.size:
            return False
        return self.problem is None or self.problem.code not in TRANSIENT_CODES
