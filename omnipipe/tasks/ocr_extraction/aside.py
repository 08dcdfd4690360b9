"""Lines that run up or down a page whose text is level: credits beside pictures, stamps of archives, labels of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omnipipe.text.running.form import has_form, page_number

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.lines import FoundLine

_TALL = 3.0
"""Times its width that the box of such a line is high at least: single letters are up to twice as high."""
_LETTERS = 4
"""Letters that it has at least."""
_STRIP = 0.1
"""Share of the page's width at either side where it may be running matter."""


def is_aside(text: str, width: float, height: float) -> bool:
    """Whether a line with a box of `width` by `height`, in one unit, runs up or down."""
    return len(text) >= _LETTERS and height >= _TALL * width


def split_aside(found: Sequence[FoundLine]) -> tuple[list[FoundLine], list[FoundLine]]:
    """`found` without the lines that run up or down, and these from left to right; none where most text does.

    Level lines beside them would be taken for one printed line with them.
    """
    across: list[FoundLine] = []
    aside: list[FoundLine] = []
    for line in found:
        xs, ys = zip(*line.corners, strict=True)
        (aside if is_aside(line.text, max(xs) - min(xs), max(ys) - min(ys)) else across).append(line)
    if _num_letters(aside) > _num_letters(across):
        return list(found), []
    return across, sorted(aside, key=lambda line: line.corners[0])


def is_running_aside(line: FoundLine, found: Sequence[FoundLine], width: int) -> bool:
    """Whether a line that runs up or down is the page's number or a stamp: outside of all level text `found`, at the
    edge of the page, which is `width` pixels wide."""
    left, right = _span(line)
    middle = (left + right) / 2
    spans = [_span(other) for other in found]
    is_left = middle < _STRIP * width and all(right < start for start, _ in spans)
    is_right = middle > (1 - _STRIP) * width and all(left > end for _, end in spans)
    return (is_left or is_right) and (page_number(line.text) is not None or has_form(line.text))


def _span(line: FoundLine) -> tuple[float, float]:
    xs = [x for x, _ in line.corners]
    return min(xs), max(xs)


def _num_letters(lines: Sequence[FoundLine]) -> int:
    return sum(len(line.text) for line in lines)
