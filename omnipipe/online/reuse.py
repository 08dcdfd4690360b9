"""Rows of one job as another job's: the same bytes and question, perhaps under another name."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic_core import to_json

from omnipipe.online.job import Job, Row

# What these say is the same for the same bytes, and names no file.
_LASTING_CODES = frozenset({"max_pages", "unanswered"})


def copied_rows(rows: Sequence[Row], source: Job, target: Job) -> list[Row] | None:
    """`rows` of `source` with the name and id of `target`.

    None where a row might be another one today, or says the other's file name: those that failed.
    """
    if not all(_is_lasting(row) for row in rows):
        return None
    names = (_field("source_uri", source.file_name), _field("source_uri", target.file_name))
    ids = (_field("run_id", source.id), _field("run_id", target.id))
    return [row._replace(json=_replaced(row.json.replace(*names, 1), *ids)) for row in rows]


def _is_lasting(row: Row) -> bool:
    if row.status == "skipped":
        return json.loads(row.json)["error_code"] in _LASTING_CODES
    return row.status in ("ok", "blank")


def _field(name: str, value: str) -> bytes:
    # No text of a page can hold this: its quotes are escaped.
    return f'"{name}":'.encode() + to_json(value)


def _replaced(line: bytes, old: bytes, new: bytes) -> bytes:
    head, found, tail = line.rpartition(old)
    return head + new + tail if found else line
