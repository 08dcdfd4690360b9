"""Where tables may be whose numbers stand too close to be pieces of their own: labels with numbers below each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.extreme import largest
from omnipipe.text.lines.pieces import DESCENT, to_frame
from omnipipe.text.tables.cells import leader_dots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.tables.gaps import Box
    from omnipipe.text.words.chars import Words

_DIGIT = np.zeros(0x10000, bool)
_DIGIT[0x30:0x3A] = True
OPENS = _DIGIT.copy()
"""What numbers start with."""
OPENS[[ord(c) for c in "$(+-.<>€£¥–−"]] = True
_SIGN = np.zeros(0x10000, bool)
_SIGN[[ord(c) for c in "-–—−|‖.…·*"]] = True
_SIGNS = 4
"""Characters at most of what stands in a cell without a number."""
_WHITE = 0.45
"""Font sizes of white before a cell, at least."""
_NO_GAP, _WIDER = 0.1, 1.5
"""Font sizes of the spaces between words at least; of such a space: white before cells is wider."""
_WIDE = 1.2
"""Font sizes; words of running text are closer."""
_LEAST, _CELLS = 3, 2
"""Rows below each other, and numbers in each."""
_EDGE = 0.2
"""Font sizes; as near to each other are the starts, the ends or the middles of the numbers of a column."""
_FAR = 2.4
"""Font sizes between the baselines of rows at most."""
_HEADS = 3
_INDENT = 2.5
"""Font sizes between the starts of labels at most."""


class _Row(NamedTuple):
    """A line that ends in numbers: which, the start and the end of each number, where the label before them ends."""

    line: int
    starts: list[float]
    ends: list[float]
    label: float


class _Lines(NamedTuple):
    """Words that follow each other on one line: where each line starts in their arrays, and its box; the words'."""

    first: list[int]
    left: NDArray[np.float32]
    top: NDArray[np.float32]
    right: NDArray[np.float32]
    bottom: NDArray[np.float32]
    base: NDArray[np.float32]
    size: NDArray[np.float32]
    starts: NDArray[np.float32]
    ends: NDArray[np.float32]


def are_numbers(words: Words, at: NDArray[np.intp]) -> NDArray[np.intp]:
    """The places in `at` of those words that are numbers."""
    units, first = words.units, words.first[at]
    found: NDArray[np.intp] = OPENS[units[first]].nonzero()[0]
    first, last = first[found], np.minimum(words.last[at[found]], len(units))
    numbers: NDArray[np.intp] = found[_DIGIT[units[last - 1]] | _DIGIT[units[np.maximum(last - 2, first)]]]
    return numbers


def _are_blank(words: Words, at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of the words `at` may stand in cells without a number."""
    units = words.units
    first, last = words.first[at], np.minimum(words.last[at], len(units))
    found: NDArray[np.bool_] = _SIGN[units[first]] & _SIGN[units[last - 1]] & (last - first <= _SIGNS)
    return found


def _leads(words: Words, at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of the words `at` are dots that lead to the next one."""
    _, found = leader_dots(words)
    return found[at] if len(found) else np.zeros(len(at), bool)


def _are_beside(
    words: Words, at: NDArray[np.intp], found: NDArray[np.intp], leads: NDArray[np.bool_], turn: int
) -> bool:
    """Whether some lines have several numbers with white before them, or dots: most pages with numbers have none."""
    left, _, _, bottom = to_frame(words.box[at[found]], turn)
    _, _, right, above = to_frame(words.box[at[np.maximum(found, 1) - 1]], turn)
    em = words.size[at[found]]
    is_apart = (left - right > _WHITE * em) | leads[np.maximum(found, 1) - 1]
    apart = (is_apart & (np.abs(bottom - above) < em)).nonzero()[0]
    return bool(np.count_nonzero(np.abs(bottom[apart[1:]] - bottom[apart[:-1]]) < 0.3 * em[apart[1:]]) >= _LEAST)


def number_boxes(words: Words, at: NDArray[np.intp], found: NDArray[np.intp], turn: int) -> list[Box]:
    """Boxes (left, top, right, bottom) around lines below each other, three at least, that are a label and as many
    numbers each, two at least, with the lines of headings above them.

    `at` are words in the order of the page's content, all of direction `turn`, `found` the places of numbers in it.
    """
    if len(found) < _LEAST * _CELLS:
        return []
    leads = _leads(words, at)
    if not _are_beside(words, at, found, leads, turn):
        return []
    left, top, right, bottom = to_frame(words.box[at], turn)
    size = np.maximum(words.size[at], 0.1)
    numbers = _are_blank(words, at)
    numbers[found] = True
    base = bottom - DESCENT * (bottom - top)
    is_new = np.ones(len(at), bool)
    is_new[1:] = (np.abs(base[1:] - base[:-1]) > 0.3 * size[1:]) | (left[1:] < right[:-1] - 0.5 * size[1:])
    gap = (left[1:] - right[:-1]) / size[1:]
    spaces = np.sort(gap[(gap > _NO_GAP) & ~is_new[1:]])
    if not len(spaces):
        return []
    # In a font of fixed width, words are as far apart as cells elsewhere.
    white = max(_WHITE, _WIDER * float(spaces[len(spaces) // 4]))
    opens = is_new.copy()
    opens[1:] |= gap > white
    opens[1:] |= leads[:-1]
    first = is_new.nonzero()[0]
    num_cells = np.add.reduceat((opens & ~is_new & numbers).astype(np.intp), first)
    wanted = (num_cells >= _CELLS).nonzero()[0]
    if len(wanted) < _LEAST:
        return []
    bounds = [*first.tolist(), len(at)]
    rows = []
    for k in wanted.tolist():
        here = slice(bounds[k], bounds[k + 1])
        ends = np.where(leads[here], left[here], right[here])
        row = _row(k, left[here].tolist(), ends.tolist(), opens[here].tolist(), numbers[here].tolist())
        if row is not None:
            rows.append(row)
    if len(rows) < _LEAST:
        return []
    lines = _Lines(
        bounds,
        np.minimum.reduceat(left, first),
        np.minimum.reduceat(top, first),
        np.maximum.reduceat(right, first),
        np.maximum.reduceat(bottom, first),
        base[first],
        size[first],
        left,
        right,
    )
    return [_box(lines, group) for group in _groups(lines, rows)]


def _row(
    line: int, left: Sequence[float], right: Sequence[float], opens: Sequence[bool], numbers: Sequence[bool]
) -> _Row | None:
    """The numbers that a line ends in; None where they are too few."""
    starts: list[float] = []
    ends: list[float] = []
    for k in range(len(left) - 1, 0, -1):
        if not numbers[k]:
            return None
        if len(starts) == len(ends):
            ends.append(right[k])
        if opens[k]:
            starts.append(left[k])
            if k == 1 or not numbers[k - 1]:
                return _Row(line, starts[::-1], ends[::-1], right[k - 1]) if len(starts) >= _CELLS else None
    return None


def _groups(lines: _Lines, rows: list[_Row]) -> list[list[_Row]]:
    """`rows` that follow each other with their numbers in the same columns, from top to bottom."""
    rows.sort(key=lambda row: lines.base.item(row.line))
    groups: list[list[_Row]] = []
    for row in rows:
        em, base = lines.size.item(row.line), lines.base.item(row.line)
        for group in reversed(groups):
            far = base - lines.base.item(group[-1].line)
            if 0.5 * em < far < _FAR * em and _are_below(lines, group[-1], row, em):
                group.append(row)
                break
        else:
            groups.append([row])
    return [group for group in groups if len(group) >= _LEAST and _is_clear(group)]


def _are_below(lines: _Lines, above: _Row, below: _Row, em: float) -> bool:
    """Whether two rows start near each other and have their numbers in the same columns."""
    if len(above.starts) != len(below.starts):
        return False
    if abs(lines.left.item(above.line) - lines.left.item(below.line)) > _INDENT * em:
        return False
    for a, b, c, d in zip(above.starts, above.ends, below.starts, below.ends, strict=True):
        if min(abs(a - c), abs(b - d), abs(a + b - c - d) / 2) > _EDGE * em:
            return False
    return True


def _walls(group: Sequence[_Row]) -> list[tuple[float, float]]:
    """The white before each column of numbers."""
    ends = [row.label for row in group], *zip(*(row.ends for row in group), strict=True)
    return [
        (max(end), min(start)) for end, start in zip(ends, zip(*(r.starts for r in group), strict=True), strict=False)
    ]


def _is_clear(group: Sequence[_Row]) -> bool:
    return all(end < start for end, start in _walls(group))


def _box(lines: _Lines, group: Sequence[_Row]) -> Box:
    """The box around a group of rows and the lines right above it whose words stand in its columns."""
    which = [row.line for row in group]
    left, right = float(lines.left[which].min()), float(lines.right[which].max())
    bottom, top = float(lines.bottom[which].max()), float(lines.top[which].min())
    em, highest = float(lines.size[which].max()), float(lines.base[which].min())
    walls = _walls(group)
    for _ in range(_HEADS):
        near = (lines.base < highest - 0.5 * em) & (lines.base > highest - _FAR * em)
        near &= (lines.left > left - em) & (lines.right < right + em)
        at = near.nonzero()[0]
        if not len(at):
            break
        at = at[lines.base[at] > lines.base[at].max() - 0.3 * em]
        if not all(_stands_in(lines, k, walls) for k in at.tolist()) or lines.right[at].max() < walls[0][1]:
            break
        left, right = min(left, float(lines.left[at].min())), max(right, float(lines.right[at].max()))
        top, highest = float(lines.top[at].min()), float(lines.base[at].min())
    return left, top, right, bottom


def _stands_in(lines: _Lines, k: int, walls: Sequence[tuple[float, float]]) -> bool:
    """Whether a line stands over numbers only, or its words leave white between columns: as much as is between cells,
    or more where there is more than running text has between its words."""
    here = slice(lines.first[k], lines.first[k + 1])
    if lines.left.item(k) > walls[0][0]:
        # A heading over several columns.
        return True
    left, right, em = lines.starts[here], lines.ends[here], lines.size.item(k)
    for a, b in walls:
        inside = (right > a) & (left < b)
        ends = np.maximum.accumulate(np.append(a, right[inside]))
        white = float(largest(np.append(left[inside], b) - ends))
        if white < (_WIDE * em if b - a > 2 * _WIDE * em else min(_WHITE * em, 0.5 * (b - a))):
            return False
    return True
