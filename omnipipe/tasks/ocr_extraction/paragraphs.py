"""Printed lines of one column of OCR put together into paragraphs and items of lists."""

from __future__ import annotations

import itertools
import math
import re
import statistics

from omnipipe.tasks.ocr_extraction.columns import Row
from omnipipe.tasks.ocr_extraction.entries import is_entry
from omnipipe.text.blocks.paragraphs import is_unfinished

_BULLETED = re.compile(r"[•●▪■◦○‣]\s?\S")
_MARK = re.compile(r"(?P<kind>\d{1,3}[.)]|\(\w{1,4}\)|\[\d{1,3}\]|[a-z]\)|[-–*])(?=\s|$)")
"""What the items of a list may begin with."""
_IN = 0.7
"""Heights of a line by which one that is set in begins further right at least."""
_FAR_IN = 5.0
"""Heights of a line by which the further lines of an entry are set in at most."""
_SHORT = 0.15
"""Share of the column's width that a short line leaves free at least."""
_RESIZED = 1.35
"""Times that the letters of one line are larger than those of the next one where one text does not go on."""
_TELLING = 12
"""Letters that a line has at least which tells how large they are."""
_CAPITALS = 1.15
"""Times larger that capitals are."""
_LEAST = 3
"""Entries with further lines that a list of them has."""


def is_item(text: str) -> bool:
    """Whether a line begins with a bullet."""
    return _BULLETED.match(text) is not None


def to_paragraphs(printed: list[list[Row]], unit: float) -> list[list[Row]]:
    """Printed lines grouped into paragraphs, by gaps, indents and short last lines; `unit` is a line's usual height."""
    if not printed:
        return []
    pitches = [below[0].y0 - above[0].y0 for above, below in itertools.pairwise(printed)]
    pitch = min(statistics.median(pitches), 2.2 * unit) if pitches else unit
    hung_from = _hung_from(printed, unit)
    are_set_in = _are_set_in(printed, unit)
    paragraphs = [list(printed[0])]
    for i, (above, line) in enumerate(itertools.pairwise(printed)):
        # Text flows around pictures, so that only the lines near by tell how wide a column is.
        near = printed[max(0, i - 2) : i + 4]
        left, right = min(near_by[0].x0 for near_by in near), max(near_by[-1].x1 for near_by in near)
        is_listed = is_entry(above[-1].line.text) and is_entry(line[-1].line.text)
        is_table = (_num_cells(above) > 1 or _num_cells(line) > 1) and not is_listed
        first = paragraphs[-1][0]
        is_flush = hung_from is not None and first.x0 < hung_from + _IN * unit
        after = printed[i + 2][0] if i + 2 < len(printed) and right - line[-1].x1 < _SHORT * (right - left) else None
        is_run_on = are_set_in and _is_run_on(first, above, line[0], right - _SHORT * (right - left), unit)
        is_further = not is_run_on and _is_further(first, line[0], after, hung_from, unit)
        is_indented = line[0].x0 - left > unit and above[0].x0 - left < _IN * unit and not (is_further or is_listed)
        is_short = right - above[-1].x1 > 0.25 * (right - left) and not above[-1].line.text.endswith("-")
        is_resized = _is_resized(above, line)
        is_first = _is_first(first, above[0], line[0], hung_from if is_flush or len(paragraphs) == 1 else None, unit)
        is_first = is_first and not is_run_on
        if is_first or is_table or is_indented or is_short or is_resized or line[0].y0 - above[0].y0 > 1.35 * pitch:
            paragraphs.append(list(line))
        else:
            paragraphs[-1] += line
    return paragraphs


def _is_resized(above: list[Row], line: list[Row]) -> bool:
    """Whether the letters of two lines differ in size, as those of a title and of the names below it.

    Boxes are higher than their lines by more or less, and the words of some lines further apart: a little of both tells
    as well as much of the first. Where a sentence goes on, it takes more.
    """
    low, high = sorted((above[0].height, line[0].height))
    if is_unfinished(above[-1].line.text, line[0].line.text):
        return high >= 1.8 * low
    few, many = sorted((_letter(above), _letter(line)))
    return high >= 1.4 * low or (high > 1.2 * low and 0 < few < many / _RESIZED)


def _letter(line: list[Row]) -> float:
    """The root of the area that a letter of a line takes; 0 where too few of them, or leaders, do not tell."""
    if any(is_entry(row.line.text) for row in line):
        return 0.0
    num = sum(len(row.line.text) for row in line)
    area = sum((row.x1 - row.x0) * row.height for row in line)
    capitals = _CAPITALS if all(row.line.text.isupper() for row in line) else 1.0
    return math.sqrt(max(0.0, area) / num) / capitals if num >= _TELLING else 0.0


def _num_cells(line: list[Row]) -> int:
    """How many pieces a printed line has, the mark of an item left out."""
    mark = _MARK.match(line[0].line.text)
    return len(line) - (mark is not None and mark.end() == len(line[0].line.text) and len(line) == 2)


def _is_further(first: Row, line: Row, after: Row | None, hung_from: float | None, unit: float) -> bool:
    """Whether a line that is set in belongs to the item or entry that begins with `first`.

    `after` is the next line, None where this one is short.
    """
    # The further lines of an item with a bullet, whose box begins after it, stand no less in than its first one.
    if is_item(first.line.text):
        return True
    if _MARK.match(first.line.text) and line.x0 > first.x0 + _IN * unit:
        # A full line before one without a mark that stands further left begins the paragraph below a heading.
        return after is None or after.x0 > first.x0 + _IN * unit or _MARK.match(after.line.text) is not None
    return hung_from is not None and first.x0 < hung_from + _IN * unit < line.x0


def _is_run_on(first: Row, above: list[Row], line: Row, full: float, unit: float) -> bool:
    """Whether `line` belongs to the item with a bullet that begins with `first`, which is set in as that of a paragraph
    is; full lines reach to `full`."""
    if not is_item(first.line.text) or is_item(line.line.text) or _MARK.match(line.line.text):
        return False
    if above[0] is not first:
        return above[0].x0 < first.x0 - _IN * unit
    return above[-1].x1 > full and above[-1].line.text[-1] not in ".:;!?"


def _are_set_in(printed: list[list[Row]], unit: float) -> bool:
    """Whether the further lines of items with bullets begin at the margin, left of their first lines."""
    pairs = [(above[0], line[0]) for above, line in itertools.pairwise(printed) if is_item(above[0].line.text)]
    further = [line.x0 < item.x0 - _IN * unit for item, line in pairs if not is_item(line.line.text)]
    return sum(further) > 1 and 4 * sum(further) > 3 * len(further)


def _is_first(first: Row, above: Row, line: Row, hung_from: float | None, unit: float) -> bool:
    """Whether an item or entry begins with `line`, or ends before it; `first` is the paragraph's that is above."""
    if is_item(line.line.text) or (is_item(first.line.text) and line.x0 < first.x0 - _IN * unit):
        return True
    if hung_from is not None and line.x0 < hung_from + _IN * unit < above.x0:
        return True
    own = _MARK.match(line.line.text)
    if own is not None and line.x0 < above.x0 - _IN * unit:
        return True
    mark = _MARK.match(first.line.text)
    if mark is None or line.x0 > first.x0 + _IN * unit:
        return False
    is_next = own is not None and own[0][-1] == mark[0][-1] and line.x0 > first.x0 - _IN * unit
    return is_next or above.x0 > first.x0 + _IN * unit


def _hung_from(printed: list[list[Row]], unit: float) -> float | None:
    """Where the entries of a list begin whose further lines are set in, as in dictionaries and bibliographies.

    None where there is no such list. Paragraphs whose first line is set in have short lines before these, and lists of
    short lines short ones among them.
    """
    if len(printed) < 2 * _LEAST:
        return None
    left, right = min(line[0].x0 for line in printed), max(line[-1].x1 for line in printed)
    into, inner, back = [], [], []
    for above, line in itertools.pairwise(printed):
        is_in, was_in = (_IN * unit < row[0].x0 - left < _FAR_IN * unit for row in (line, above))
        is_short = right - above[-1].x1 > _SHORT * (right - left)
        if is_in and above[0].x0 - left < _IN * unit:
            into.append(is_short)
        elif is_in and was_in:
            inner.append(is_short)
        elif was_in and line[0].x0 - left < _IN * unit:
            back.append(is_short)
    is_list = 4 * sum(into) <= len(into) and 2 * sum(inner) <= len(inner) and 2 * sum(back) >= len(back)
    return left if is_list and min(len(into), len(back)) >= _LEAST else None
