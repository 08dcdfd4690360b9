"""The markdown of a page from its blocks: what is printed once a page (running heads, page numbers) stays out."""

from __future__ import annotations

from collections.abc import Iterable

PAGE_FURNITURE = frozenset({"header", "footer", "page_number", "watermark", "line_number"})
"""Types of blocks that belong to the page and not to its text: kept as blocks, left out of the markdown."""

NEVER_SHOWN = "hidden"
"""What nobody sees on the page stays out, whatever is asked for."""


def compose(blocks: Iterable[tuple[str, int | None, str]], keep_headers: bool = False) -> str:
    """The markdown of blocks, each its type, heading level (1 to 6, None) and text, in reading order."""
    shown = [
        f"{'#' * level} {text}" if level else text
        for kind, level, text in blocks
        if text and kind != NEVER_SHOWN and (keep_headers or kind not in PAGE_FURNITURE)
    ]
    return "\n\n".join(shown)
