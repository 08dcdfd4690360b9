"""Finished pages as lines of JSON, with the columns of the Parquet schema."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import attrgetter

from pydantic_core import to_json

from omnipipe.online.job import Row
from omnipipe.page import Page
from omnipipe.schema import PAGES, num_words

_NAMES = tuple(PAGES.names)
# Columns whose value is the attribute of the same name.
_PLAIN = tuple(name for name in _NAMES if name in Page.__slots__ and name not in ("blocks", "lines"))
_plain_values = attrgetter(*_PLAIN)


def row_of(page: Page, *, config_hash: str, run_id: str, created_at: datetime | None = None) -> Row:
    """The row of a finished page: the columns of `PAGES` in their order, by the same names and values.

    `created_at` (default: now) is written in UTC with a Z. Numbers that are not finite are null. Floats are written as
    exactly as they are known; the Parquet column rounds them to 32 bits.
    """
    text = page.text
    index = page.index
    values: dict[str, object] = dict.fromkeys(_NAMES)
    values.update(zip(_PLAIN, _plain_values(page), strict=True))
    values |= {
        "page_id": page.id,
        "page_index": index,
        "page_number": index + 1,
        "page_count": page.count,
        "source_uri": page.uri,
        "blocks": [
            {
                "id": f"b{order}",
                "type": kind,
                "bbox": bbox,
                "order": order,
                "level": level,
                "text": words,
                "html": html,
                "confidence": confidence,
                "source": source,
            }
            for kind, bbox, order, level, words, html, confidence, source in page.blocks
        ],
        "lines": [{"text": words, "bbox": bbox, "confidence": confidence} for words, bbox, confidence in page.lines],
        "config_hash": config_hash,
        "run_id": run_id,
        "created_at": _time(created_at),
    }
    if text is not None:
        values["char_count"] = len(text)
        values["word_count"] = num_words(text)
    if page.error is not None:
        values["error_code"], values["error_message"] = page.error
    return Row(index, page.status, to_json(values, inf_nan_mode="null"))


def _time(moment: datetime | None) -> str:
    moment = datetime.now(UTC) if moment is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
