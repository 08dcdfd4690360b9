"""Rows as the server answers them, as the Arrow table that a run would have written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa

from omnipipe.online.job import Row
from omnipipe.schema import PAGES, RESULT_COLUMNS

COMPARED = tuple(name for name in RESULT_COLUMNS if name != "source_uri")
"""All result columns but the one that holds the document's folder."""


def table_of(rows: Iterable[Row]) -> pa.Table:
    """The compared columns, sorted by page_id."""
    plain = [json.loads(row.json) for row in rows]
    for row in plain:
        assert list(row) == PAGES.names
        row["created_at"] = datetime.fromisoformat(row["created_at"])
    return pa.Table.from_pylist(plain, schema=PAGES).select(COMPARED).sort_by("page_id").combine_chunks()
