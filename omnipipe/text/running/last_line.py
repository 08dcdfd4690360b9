"""The last line of a page with narrow margins, below a table or a picture: it stands where others have their foot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnipipe.text.running.form import Verdict, has_form

if TYPE_CHECKING:
    from omnipipe.text.running.edges import Edges, OuterRow

_LONG, _MIN_SPACES = 0.6, 7
"""Share of the text's width and spaces of a line of running text at least."""

_SAME_SIZE = 0.03
"""Of the size of running text: lines of it differ less."""

_AS_FAR = 0.2
"""Ems by which text at the head may be further from the edge."""


def without_last_line(
    foot: list[tuple[OuterRow, Verdict]], head: list[tuple[OuterRow, Verdict]], edges: Edges
) -> list[tuple[OuterRow, Verdict]]:
    """The rows of a foot, its first one left open that is a long line of running text no nearer to the edge than the
    text at the head is: the page has narrow margins, and a table or a picture stands above its last line."""
    if not foot or foot[0][1] != "yes" or (head and head[0][1] in ("yes", "number")) or not edges.margins.rows:
        return foot
    row = foot[0][0]
    text, (start, end) = row.texts[0], edges.span
    first, size, _ = min(edges.margins.rows)
    is_line = len(row.texts) == 1 and row.right - row.left > _LONG * (end - start) and text.count(" ") >= _MIN_SPACES
    is_line &= max(abs(row.size - edges.em), abs(size - edges.em)) < _SAME_SIZE * edges.em
    if not is_line or first > 1 - row.middle + _AS_FAR * edges.em or has_form(text):
        return foot
    return [(row, "doubt"), *foot[1:]]
