"""Where a document can be had now: it may have moved, or changed, since it was indexed."""

from __future__ import annotations

from collections.abc import Sequence

from omnipipe.sources.place import find_local_path, find_row
from omnipipe.sources.remote import find_files
from omnipipe.sources.source import SourceRecord
from omnipipe.sources.walk import find_stat


def find_home(records: Sequence[SourceRecord]) -> SourceRecord | None:
    """The first of a document's `records` whose place still looks as it did; None where none does.

    A store is asked only where the document has another place to go to.
    """
    return next((record for record in records if _is_there(record, may_ask=len(records) > 1)), None)


def _is_there(record: SourceRecord, *, may_ask: bool) -> bool:
    row = find_row(record.uri)
    place = row.manifest if row else record.uri
    path = find_local_path(place)
    found: tuple[int | None, str | None] | None
    if path is not None:
        status = find_stat(path)
        found = None if status is None else (status.st_size, str(status.st_mtime_ns))
    elif may_ask and row is None:
        file = find_files([place])[0]
        found = None if file is None else (file.size, file.stamp)
    else:
        return True
    return found is not None and found[1] == record.stamp and (row is not None or found[0] == record.size)
