"""What is made of one picture of a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableResult:
    """A table: `text` is markdown (pipes, or HTML where cells span rows or columns), `html` always HTML.

    `source` says what understood it: geometry (the places of words and lines), or the model.
    """

    text: str
    html: str
    source: str
