"""A block of a page, before it becomes one of its row."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """A block: type, heading level, text, box; `html` for tables.

    `size` is the font size in points. `is_open`: its last line is full, so that it may go on in the next column;
    `joins`: it goes on from the text before it. `depth` is that of an item's list (from 1) where the file names it,
    else 0.
    """

    type: str
    level: int | None
    text: str
    left: float
    top: float
    right: float
    bottom: float
    html: str | None = None
    size: float = 0.0
    is_open: bool = False
    joins: bool = False
    depth: int = 0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in points."""
        return self.left, self.top, self.right, self.bottom
