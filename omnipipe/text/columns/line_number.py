"""Numbers of lines at the left edge of running text, as in drafts of laws, manuscripts and transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.gutters import median
from omnipipe.text.lines.pieces import to_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.words.chars import Words

_MIN_NUMBERS = 8
_MAX_DIGITS = 4
_LONG = 22
"""Lines of running text are longer than this many font sizes, those of lists are often not."""

_MAX_BEFORE = 0.02
"""Of the words: those that may stand before the numbers, besides two."""

_WIDE = 2.5
"""Gaps wider than this many font sizes are those of a table."""


def find_line_numbers(words: Words, which: NDArray[np.intp], turn: int) -> NDArray[np.intp]:
    """Which of the words at `which` (all of direction `turn`) number the lines of the page; none where none do.

    Line numbers stand in one column left of all text, count by one step, from line to line or every few lines, and what
    stands beside them is running text and no table.
    """
    none = np.zeros(0, np.intp)
    if len(words.text) != len(words.units):
        return none
    opening = words.units[words.first[which]]
    # Digits wrap around to the first ten numbers.
    opens = opening - np.uint16(0x30) < 10
    # Most pages end here.
    if np.count_nonzero(opens) < _MIN_NUMBERS:
        return none
    left, top, right, bottom = to_frame(words.box, turn)
    found = which[opens]
    if _stand_within(left, found, which):
        return none
    numbers = _numbers(words, found)
    if len(numbers) < _MIN_NUMBERS or _stand_within(left, numbers, which):
        return none
    middle = ((top + bottom) / 2).astype(np.float32)
    em = median(words.size[which])
    column = _left_column(numbers, left, right, em)
    if len(column) < _MIN_NUMBERS:
        return none
    column = column[np.argsort(middle[column], kind="stable")]
    if not _counts(_values(words, column), middle[column]):
        return none
    # Rulers stand at both sides of two columns.
    twin = _right_column(words, numbers, column, (left, middle, right), em)
    if len(twin) and not np.count_nonzero(right[which[~np.isin(which, twin)]] > left[twin].min()):
        return np.concatenate((column, twin))
    rest = which[~np.isin(which, column)]
    if not len(rest) or np.count_nonzero(left[rest] < right[column].max()) > _MAX_BEFORE * len(rest) + 2:
        return none
    return column if _is_running_text(rest, column, (left, middle, right), em) else none


def _stand_within(left: NDArray[np.float32], numbers: NDArray[np.intp], which: NDArray[np.intp]) -> bool:
    """Whether more words than may stand before a column of line numbers stand before all but the first two of
    `numbers`: a quick answer that is sometimes no."""
    third = np.sort(left[numbers])[2]
    return bool(np.count_nonzero(left[which] < third) > _MAX_BEFORE * len(which) + 4)


def _numbers(words: Words, which: NDArray[np.intp]) -> NDArray[np.intp]:
    """The words of a few digits."""
    first, last = words.first[which], words.last[which]
    short = (last - first <= _MAX_DIGITS).nonzero()[0]
    cuts = zip(first[short].tolist(), last[short].tolist(), strict=True)
    strings = [words.text[start:end] for start, end in cuts]
    is_number = [string.isdecimal() and string.isascii() for string in strings]
    found: NDArray[np.intp] = which[short[np.array(is_number, bool)]]
    return found


def _left_column(
    numbers: NDArray[np.intp], left: NDArray[np.float32], right: NDArray[np.float32], em: float
) -> NDArray[np.intp]:
    """The leftmost numbers that are aligned, at their left or at their right."""
    first = float(np.sort(left[numbers])[min(2, len(numbers) - 1)])
    near = numbers[left[numbers] < first + 3 * em]
    best = near[:0]
    for side in (right, left):
        edge = median(side[near])
        aligned = near[np.abs(side[near] - edge) < 0.4 * em]
        best = aligned if len(aligned) > len(best) else best
    return best


def _right_column(
    words: Words,
    numbers: NDArray[np.intp],
    column: NDArray[np.intp],
    places: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    em: float,
) -> NDArray[np.intp]:
    """The numbers at the right edge of a page in two columns, each as high as one of `column`, in order.

    None where they do not say the same, or go on counting where that ends: no table does either.
    """
    left, middle, right = places
    found = numbers[left[numbers] > right[numbers].max() - 2.5 * em]
    found = found[np.argsort(middle[found], kind="stable")]
    if len(found) != len(column) or np.abs(middle[found] - middle[column]).max() > 0.3 * em:
        return numbers[:0]
    first, other = _values(words, column), _values(words, found)
    steps = other - first
    goes_on = steps[0] in (0, first[-1] + first[1] - 2 * first[0])
    return found if goes_on and (steps == steps[0]).all() and not np.isin(found, column).any() else numbers[:0]


def _values(words: Words, which: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.array([int(words.text[words.first[i] : words.last[i]]) for i in which.tolist()])


def _counts(values: NDArray[np.intp], middle: NDArray[np.float32]) -> bool:
    """Whether the numbers go up by one step, and down the page by about one distance."""
    steps, gaps = values[1:] - values[:-1], middle[1:] - middle[:-1]
    step = int(median(steps))
    if step not in (1, 2, 5, 10) or np.count_nonzero(steps == step) <= 0.9 * len(steps):
        return False
    gap = median(gaps)
    return gap > 0 and bool(np.count_nonzero(np.abs(gaps - gap) < 0.35 * gap) > 0.75 * len(gaps))


def _is_running_text(
    rest: NDArray[np.intp],
    column: NDArray[np.intp],
    places: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    em: float,
) -> bool:
    """Whether the lines beside the numbers are long and without wide gaps, and no others stand between them."""
    left, middle, right = places
    order = rest[np.argsort(middle[rest], kind="stable")]
    at = middle[order]
    reach = float(right[rest].max()) - float(left[rest].min())
    starts, ends = (np.searchsorted(at, middle[column] + shift * em).tolist() for shift in (-0.5, 0.5))
    num_gaps = num_words = 0
    widths: list[float] = []
    for start, end in zip(starts, ends, strict=True):
        row = order[start:end]
        if not len(row):
            continue
        row = row[np.argsort(left[row], kind="stable")]
        num_words += len(row)
        widths.append(float(right[row].max() - left[row].min()))
        num_gaps += bool((left[row][1:] - right[row][:-1] > _WIDE * em).any())
    num_rows = len(widths)
    if num_rows < 4:
        return False
    if len(column) - num_rows > 2 and num_words > 0.8 * len(rest):
        # Lines without text are numbered as well: no table has that.
        return num_gaps < 0.5 * num_rows
    # All lines, or every fifth or so; a list has some that are not numbered.
    is_regular = num_words > 0.8 * len(rest) or num_words < 0.4 * len(rest)
    usual = sorted(widths)[num_rows // 2]
    return is_regular and num_gaps < 0.25 * num_rows and usual > max(0.6 * reach, _LONG * em)
