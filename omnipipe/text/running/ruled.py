"""Heads above a rule and feet below one: a line over the width of the text parts them from it.

One page shows them by itself. Lines that stand together are those of a table or under
headings, and part nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.lines.rulings import Rulings
from omnipipe.text.running.edges import ZONE
from omnipipe.text.running.form import Verdict, is_caption, is_note

if TYPE_CHECKING:
    from omnipipe.text.running.edges import Band, Edges, OuterRow

Rules = Callable[[], Rulings]
"""The lines of a page, in the units of `Cells`; asked for only where they can tell something."""

_MIN_WIDTH = 0.9
"""Of the width of the text: rules that part heads and feet are no shorter."""

MAX_REACH = 0.14
"""Share of the page's height from its edge to a rule, at most; more where the other side has running matter there."""

_NEAR = 2.5
"""Ems between a rule and the row outside of it, at most."""

_TOGETHER = 0.4
"""Share of the page's height within which another rule of the same ends makes both none that part."""

_SAME_END, _TOUCH = 0.3, 0.1
"""Ems by which the ends of such two rules differ at most, and by which a rule may reach into a row."""

_PARTED = 1.5
"""White in ems between two rows of a head, at most."""

_CLOSE = 1.5
"""White in ems below rows that may be of a table, where they are the outermost."""

_ON = 4.0
"""Font sizes by which lines of a table go on beyond a row of it, at least."""

_APART = 6.0
"""White in ems between two titles of one head."""

_MAX_ROWS, _MAX_CHARS = 3, 100
_LARGEST = 1.2
"""Of the size of running text: rows in larger type are headings."""


def reach_of(judged: list[tuple[OuterRow, Verdict]], em: float) -> float:
    """How far in running matter may stand where it faces what one side has outermost: pages with wide margins have them
    above and below."""
    if not judged or judged[0][1] not in ("yes", "number"):
        return 0.0
    return min(judged[0][0].reach + em, ZONE)


def with_rules(
    judged: list[tuple[OuterRow, Verdict]], edges: Edges, rules: Rules, most: float, *, is_foot: bool
) -> list[tuple[OuterRow, Verdict]]:
    """The rows of one side, those that a rule at `most` so far in parts from the text taken for running matter."""
    bands = edges.foot if is_foot else edges.head
    close = [band for i, band in enumerate(bands) if i or band.white < _CLOSE]
    rows = [row for band in close for row in band.rows if len(row.texts) > 1]
    judged = [
        (row, "no" if v in ("yes", "doubt") and row in rows and _is_in_table(row, rules(), is_foot=is_foot) else v)
        for row, v in judged
    ]
    is_open = any(row.reach < most for row, verdict in judged if verdict in ("doubt", "no"))
    is_open = is_open and may_be_ruled(edges, most, is_foot=is_foot)
    num = num_ruled(edges, rules(), most, is_foot=is_foot) if is_open else 0
    outside: list[tuple[OuterRow, Verdict]] = [
        (row, "yes" if verdict in ("doubt", "no") else verdict) for row, verdict in judged[:num]
    ]
    # What stands inside of the rule is text, such as the only line of a list of contents.
    return [*outside, *[(row, "no") for row, _ in judged[num:]]] if outside != judged[:num] else judged


def num_ruled(edges: Edges, rules: Rulings, most: float = MAX_REACH, *, is_foot: bool) -> int:
    """How many rows at the top (or the bottom) of the page a rule parts from the text; mostly 0.

    `most` is the share of the page's height from its edge to the rule, at most.
    """
    start, end = edges.span
    wide = [
        (1 - place if is_foot else place, left, right)
        for place, left, right in rules.horizontal.tolist()
        if right - left > _MIN_WIDTH * (end - start) and left < end and right > start
    ]
    place, left, right = min(wide, default=(1.0, 0.0, 0.0))
    if place > most or _is_side_of_box(rules, 1 - place if is_foot else place, edges.em):
        return 0
    ends = [other for other in wide if max(abs(other[1] - left), abs(other[2] - right)) < _SAME_END * edges.em]
    if any(0 < other - place < _TOGETHER for other, _, _ in ends):
        return 0
    outside = [band for band in (edges.foot if is_foot else edges.head) if _reach(band) < place + _TOUCH * edges.em]
    if not outside or place - _reach(outside[-1]) > _NEAR * edges.em:
        return 0
    # The next row begins inside of the rule.
    if _reach(outside[-1]) + outside[-1].white * edges.em < place - _TOUCH * edges.em:
        return 0
    return sum(len(band.rows) for band in outside) if _may_be_outside(outside, edges) else 0


def may_be_ruled(edges: Edges, most: float = MAX_REACH, *, is_foot: bool) -> bool:
    """Whether `num_ruled` may find rows, whatever lines the page draws: most pages need not be asked for theirs."""
    bands = edges.foot if is_foot else edges.head
    # Outside of a rule is what reaches no further than some place: one band at least, and all that reach less far.
    places = {reach for reach in map(_reach, bands) if reach < most + _TOUCH * edges.em}
    return any(_may_be_outside([band for band in bands if _reach(band) <= place], edges) for place in places)


def _may_be_outside(bands: Sequence[Band], edges: Edges) -> bool:
    """Whether what a rule parts from the text may be these bands, by what they are and by the white between them."""
    rows = [row for band in bands for row in band.rows]
    # What stands further in than a head is a heading of its own.
    if len(rows) > _MAX_ROWS or any(band.white > _PARTED for band in bands[:-1]):
        return False
    is_none = any(band.is_table and len(row.texts) > 1 for band in bands for row in band.rows)
    return not (is_none or any(_is_text(row, edges) for row in rows))


def _is_in_table(row: OuterRow, rules: Rulings, *, is_foot: bool) -> bool:
    """Whether a line goes down between the texts of a row and on, as those of a table do: lines of a head that is set
    as a table of its own, or of a frame around the page, do not."""
    place, top, bottom = rules.vertical.T
    if is_foot:
        top, bottom = 1 - bottom, 1 - top
    passes = (top < row.reach - 0.5 * row.size) & (bottom > max(ZONE, row.reach + _ON * row.size))
    return bool(np.count_nonzero(passes & (place > row.left) & (place < row.right)))


def _reach(band: Band) -> float:
    """How far the inner side of a band is from the page's edge."""
    return max(row.reach for row in band.rows)


def _is_text(row: OuterRow, edges: Edges) -> bool:
    """Whether a row is a heading, a caption or a note, or a whole line of text."""
    text = " ".join(row.texts)
    if row.size > _LARGEST * edges.em or len(text) > _MAX_CHARS or is_caption(text):
        return True
    if is_note(text) and not _is_title_of_chapter(row, edges):
        return True
    is_whole = row.left < edges.span[0] + edges.em and row.right > edges.span[1] - edges.em
    return is_whole and len(row.texts) == 1


def _is_title_of_chapter(row: OuterRow, edges: Edges) -> bool:
    """Whether a row at the head that starts with a number is no heading: it stands at the right end of the text's
    width, or at both ends."""
    start, end = edges.span
    is_at_right = row.right > end - edges.em and row.left > (start + end) / 2
    is_at_both = len(row.texts) == 2 and min(row.gaps, default=0.0) > _APART * edges.em
    return row.middle < 0.5 and (is_at_right or is_at_both)


def _is_side_of_box(rules: Rulings, place: float, em: float) -> bool:
    """Whether lines that go down begin (or end) at the rule at `place`, as those of a table or a frame do."""
    _, top, bottom = rules.vertical.T
    near = (abs(top - place) < _SAME_END * em) | (abs(bottom - place) < _SAME_END * em)
    return bool(np.count_nonzero(near & (bottom - top > em)))
