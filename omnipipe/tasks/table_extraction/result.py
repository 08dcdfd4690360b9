"""What is made of one picture of a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableResult:
    """A table: `text` is markdown (pipes, or HTML where cells span rows or columns), `html` always HTML.

    `outside` are the numbers of the lines that are no part of it, such as captions and notes. `source` says what
    understood it: geometry (the places of words and lines), or the model.
    """

    text: str
    html: str
    outside: tuple[int, ...]
    source: str
