"""The Arrow form of what omnipipe writes, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate, chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from omnipipe.page import Block, Line, Page

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA_VERSION = "1"

_BBOX = pa.list_(pa.float32(), 4)
_BLOCK = pa.struct(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("bbox", _BBOX),
        ("order", pa.int32()),
        ("level", pa.int8()),
        ("text", pa.string()),
        ("html", pa.string()),
        ("confidence", pa.float32()),
        ("source", pa.string()),
    ]
)
_LINE = pa.struct([("text", pa.string()), ("bbox", _BBOX), ("confidence", pa.float32())])

_PAGE_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("page_id", pa.string()),
    ("doc_id", pa.string()),
    ("page_index", pa.int32()),
    ("page_number", pa.int32()),
    ("page_count", pa.int32()),
    ("num_pages", pa.int32()),
    ("source_uri", pa.string()),
    ("status", pa.string()),
    ("route", pa.string()),
    ("route_reason", pa.string()),
    ("text", pa.string()),
    ("text_format", pa.string()),
    ("blocks", pa.list_(_BLOCK)),
    ("lines", pa.list_(_LINE)),
    ("flags", pa.list_(pa.string())),
    ("width_pt", pa.float32()),
    ("height_pt", pa.float32()),
    ("rotation_applied", pa.int16()),
    ("image_width", pa.int32()),
    ("image_height", pa.int32()),
    ("char_count", pa.int32()),
    ("word_count", pa.int32()),
    ("ink_ratio", pa.float32()),
    ("has_text_layer", pa.bool_()),
    ("text_layer_quality", pa.float32()),
    ("language", pa.string()),
    ("quality", pa.float32()),
    ("agreement", pa.float32()),
    ("engine", pa.string()),
    ("model", pa.string()),
    ("model_revision", pa.string()),
    ("config_hash", pa.string()),
    ("temperature", pa.float32()),
    ("finish_reason", pa.string()),
    ("prompt_tokens", pa.int32()),
    ("completion_tokens", pa.int32()),
    ("error_code", pa.string()),
    ("error_message", pa.string()),
    ("attempts", pa.int16()),
    ("read_ms", pa.float32()),
    ("render_ms", pa.float32()),
    ("queue_ms", pa.float32()),
    ("infer_ms", pa.float32()),
    ("energy_j", pa.float32()),
    ("cost_usd", pa.float64()),
    ("run_id", pa.string()),
    ("created_at", pa.timestamp("us", tz="UTC")),
)

MEASUREMENT_COLUMNS = frozenset(
    {
        "attempts",
        "read_ms",
        "render_ms",
        "queue_ms",
        "infer_ms",
        "energy_j",
        "cost_usd",
        "run_id",
        "created_at",
    }
)
"""Columns that say how a row was made. All others are its result: equal for equal bytes, index and config."""

PAGES = pa.schema(
    [
        pa.field(name, kind, metadata={"role": "measurement" if name in MEASUREMENT_COLUMNS else "result"})
        for name, kind in _PAGE_COLUMNS
    ],
    metadata={"omnipipe.schema": "pages", "omnipipe.schema_version": SCHEMA_VERSION},
)
RESULT_COLUMNS = tuple(name for name, _ in _PAGE_COLUMNS if name not in MEASUREMENT_COLUMNS)

# Columns whose value is the attribute of the same name.
_PLAIN = frozenset(Page.__slots__) & {name for name, _ in _PAGE_COLUMNS}


def pages_table(pages: Sequence[Page], *, config_hash: str, run_id: str, created_at: datetime) -> pa.Table:
    """The rows of `pages` in the `PAGES` schema, in the given order."""
    made: dict[str, pa.Array] = {
        "page_id": pa.array([page.id for page in pages], pa.string()),
        "page_index": pa.array([page.index for page in pages], pa.int32()),
        "page_number": pa.array([page.index + 1 for page in pages], pa.int32()),
        "page_count": pa.array([page.count for page in pages], pa.int32()),
        "source_uri": pa.array([page.uri for page in pages], pa.string()),
        "blocks": _blocks_array([page.blocks for page in pages]),
        "lines": _lines_array([page.lines for page in pages]),
        "flags": pa.array([list(page.flags) for page in pages], pa.list_(pa.string())),
        "char_count": pa.array([None if page.text is None else len(page.text) for page in pages], pa.int32()),
        "word_count": pa.array([None if page.text is None else len(page.text.split()) for page in pages], pa.int32()),
        "config_hash": pa.array([config_hash] * len(pages), pa.string()),
        "error_code": pa.array([page.error.code if page.error else None for page in pages], pa.string()),
        "error_message": pa.array([page.error.message if page.error else None for page in pages], pa.string()),
        "run_id": pa.array([run_id] * len(pages), pa.string()),
        "created_at": pa.array([created_at] * len(pages), pa.timestamp("us", tz="UTC")),
    }
    columns = [
        made[name] if name in made else pa.array([getattr(page, name) for page in pages], kind)
        for name, kind in _PAGE_COLUMNS
    ]
    return pa.Table.from_arrays(columns, schema=PAGES)


def _blocks_array(pages: Sequence[Sequence[Block]]) -> pa.ListArray:
    blocks = list(chain.from_iterable(pages))
    values = pa.StructArray.from_arrays(
        [
            pa.array([f"b{block.order}" for block in blocks], pa.string()),
            pa.array([block.type for block in blocks], pa.string()),
            _boxes_array([block.bbox for block in blocks]),
            pa.array([block.order for block in blocks], pa.int32()),
            pa.array([block.level for block in blocks], pa.int8()),
            pa.array([block.text for block in blocks], pa.string()),
            pa.array([block.html for block in blocks], pa.string()),
            pa.array([block.confidence for block in blocks], pa.float32()),
            pa.array([block.source for block in blocks], pa.string()),
        ],
        fields=list(_BLOCK),
    )
    return pa.ListArray.from_arrays(_offsets(pages), values, type=pa.list_(_BLOCK))


def _lines_array(pages: Sequence[Sequence[Line]]) -> pa.ListArray:
    lines = list(chain.from_iterable(pages))
    values = pa.StructArray.from_arrays(
        [
            pa.array([line.text for line in lines], pa.string()),
            _boxes_array([line.bbox for line in lines]),
            pa.array([line.confidence for line in lines], pa.float32()),
        ],
        fields=list(_LINE),
    )
    return pa.ListArray.from_arrays(_offsets(pages), values, type=pa.list_(_LINE))


def _offsets(pages: Iterable[Sequence[object]]) -> pa.Array:
    return pa.array(list(accumulate((len(page) for page in pages), initial=0)), pa.int32())


def _boxes_array(boxes: Sequence[Sequence[float] | None]) -> pa.FixedSizeListArray:
    known = [box for box in boxes if box is not None]
    if len(known) < len(boxes):
        return pa.array([None if box is None else list(box) for box in boxes], _BBOX)
    flat = np.fromiter(chain.from_iterable(known), np.float32, 4 * len(known))
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), type=_BBOX)
