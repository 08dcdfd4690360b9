"""One document's row, from the rows of its pages and what the index found."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from omnipipe.ledger.sourcetable import user_json
from omnipipe.page import STATUSES
from omnipipe.sources.source import SourceRecord
from omnipipe.text.blocks.paragraphs import join_pages

COLUMNS: tuple[tuple[str, str], ...] = (
    ("id", "string"),
    ("text", "large_string"),
    ("page_starts", "int64s"),
    ("page_ends", "int64s"),
    ("page_indices", "int64s"),
    ("source_uri", "string"),
    ("source_uris", "strings"),
    ("file_name", "string"),
    ("file_size", "int64"),
    ("sha256", "string"),
    ("mime", "string"),
    ("metadata", "string"),
    ("user", "string"),
    ("page_count", "int64"),
    *((f"pages_{status}", "int64") for status in STATUSES),
    ("status", "string"),
    ("error_code", "string"),
    ("error_message", "string"),
    ("prompt_tokens", "int64"),
    ("completion_tokens", "int64"),
    ("cost_usd", "float64"),
    ("energy_j", "float64"),
    ("run_id", "string"),
)
"""Names and kinds of the columns of `documents/`."""

_MIMES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "jp2": "image/jp2",
}


class PageRow(NamedTuple):
    """The columns of a page that its document's row is made of."""

    page_index: int
    num_pages: int
    page_count: int | None
    source_uri: str
    status: str
    text: str | None
    error_code: str | None
    error_message: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    energy_j: float | None


def document_row(
    doc_id: str, records: Sequence[SourceRecord], rows: Sequence[PageRow], *, run_id: str
) -> dict[str, object]:
    """The row of a document whose pages are `rows`, in order.

    `page_starts[i]` and `page_ends[i]` are where the text of page `page_indices[i]` starts and ends in `text`, in
    characters; see `join_pages` for what lies between. Ranges that were skipped, and documents that could not be
    opened, have no entry there.
    """
    pages = [row for row in rows if row.page_count is not None and row.error_code != "max_pages"]
    statuses: Counter[str] = Counter()
    for row in rows:
        statuses[row.status] += row.num_pages
    first = records[0] if records else None
    uri = first.uri if first else rows[0].source_uri
    error = next((row for row in rows if row.status == "failed"), None)
    indices = [row.page_index for row in pages]
    joined = join_pages([row.text or "" for row in pages], indices)
    return {
        "id": doc_id,
        "text": joined.text,
        "page_starts": joined.starts,
        "page_ends": joined.ends,
        "page_indices": indices,
        "source_uri": uri,
        "source_uris": [record.uri for record in records] or [uri],
        "file_name": PurePosixPath(uri.replace("\\", "/")).name,
        "file_size": first.size if first else None,
        "sha256": None if doc_id == hashlib.sha256(f"uri:{uri}".encode()).hexdigest() else doc_id,
        "mime": _MIMES.get(first.format or "") if first else None,
        "metadata": user_json(first.metadata) if first else "{}",
        "user": user_json(first.user) if first else "{}",
        "page_count": next((row.page_count for row in rows if row.page_count is not None), None),
        **{f"pages_{status}": statuses[status] for status in STATUSES},
        "status": _status(statuses),
        "error_code": error.error_code if error else None,
        "error_message": error.error_message if error else None,
        "prompt_tokens": _total(row.prompt_tokens for row in rows),
        "completion_tokens": _total(row.completion_tokens for row in rows),
        "cost_usd": _total(row.cost_usd for row in rows),
        "energy_j": _total(row.energy_j for row in rows),
        "run_id": run_id,
    }


def _status(statuses: Counter[str]) -> str:
    if not statuses["failed"] and not statuses["skipped"]:
        return "success"
    return "partial_success" if statuses["ok"] + statuses["fallback"] + statuses["blank"] else "failure"


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
