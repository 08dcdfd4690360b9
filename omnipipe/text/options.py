"""What a user may set about text layers; loads nothing, so that a driver can build it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How a text layer is written down and how strictly it is judged; all of it decides what a row says."""

    dehyphenate: bool = True
    """Join words that were broken at the end of a line."""
    headings: bool = True
    """Mark lines in larger type as headings."""
    lists: bool = True
    """Mark bullets and numbers as list items."""
    tables: bool = True
    """Write tables as such, with their rows, columns and spans."""
    emphasis: bool = True
    """Mark bold and italic words within running text."""
    links: bool = True
    """Write words under a link to the web as a link of markdown."""
    keep_headers: bool = False
    """Leave running heads, page numbers and the like in the markdown."""
    lines: bool = False
    """Give each line with its box as well."""
    min_quality: float = 0.5
    """Text layers below this quality (0 to 1) are not trusted and the page goes to OCR."""
