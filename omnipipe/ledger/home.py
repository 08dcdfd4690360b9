"""Where a document can be had now: it may have moved, or changed, since it was indexed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from omnipipe.sources.place import Row, find_local_path, find_row, local_uri
from omnipipe.sources.remote import find_files
from omnipipe.sources.source import SourceRecord
from omnipipe.sources.walk import find_stat, is_folder, walk


def find_home(records: Sequence[SourceRecord], *, ask_stores: bool) -> SourceRecord | None:
    """The first of a document's `records` whose place still looks as it did; None where none does.

    A store is asked, if at all, only where the document has another place to go to.
    """
    asks = ask_stores and len(records) > 1
    return next((record for record in records if is_here(record) or _is_far(record, asks=asks)), None)


def is_here(record: SourceRecord) -> bool:
    """Whether there is a local file that looks as `record` says."""
    path, row = _place(record)
    status = None if path is None else find_stat(path)
    if status is None or str(status.st_mtime_ns) != record.stamp:
        return False
    return row is not None or status.st_size == record.size


def is_known_folder(record: SourceRecord, knows: Callable[[str], bool]) -> bool:
    """Whether there is a local folder now where `record` found nothing, and `knows` the uri of each document in it."""
    path = find_local_path(record.uri)
    if path is None or not is_folder(path):
        return False
    # One that cannot be listed is given as what is in it.
    uris = (local_uri(found) for found, _ in walk(path, Counter()))
    return all(uri != record.uri and knows(uri) for uri in uris)


def _is_far(record: SourceRecord, *, asks: bool) -> bool:
    path, row = _place(record)
    if path is not None:
        return False
    if row is not None or not asks:
        return True
    file = find_files([record.uri])[0]
    return file is not None and (file.size, file.stamp) == (record.size, record.stamp)


def _place(record: SourceRecord) -> tuple[str | None, Row | None]:
    """The local file that holds the document, None elsewhere; and the row of it, if it is a manifest."""
    row = find_row(record.uri)
    return find_local_path(row.manifest if row else record.uri), row
