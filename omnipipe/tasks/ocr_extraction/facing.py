"""The edge of the facing page on the scan of a bound book: ends or beginnings of its lines, cut off by the picture."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.lines import FoundLine

_WIDE = 0.15
"""Share of the picture's width that is seen of the facing page at most."""
_CUT = 0.004
"""Share of the picture's width within which a line is cut by its edge."""
_LEAST = 5
"""Lines that are cut: of a picture that was cut out closely a few may touch the edge."""
_MOST = 0.8
"""Share of the lines that are cut, and of those that are even where the facing page's margin is."""
_LONG = 4
"""Letters that half of them have at least: longer than labels in the first column of a table; ends of words have fewer,
but small ones."""
_LEAN = 0.1
"""How far the edge of the facing page's text goes across for each step down, at most."""


def split_facing(found: Sequence[FoundLine], width: int, angle: float) -> tuple[list[FoundLine], list[FoundLine]]:
    """`found` without the lines of a facing page, and these.

    `width` is the picture's in pixels, `angle` that of its text in radians, clockwise positive.
    They stand apart at one side, letters and not numbers; the picture's edge cuts them off, and their other ends are
    even, as no column of a table can be on both sides.
    """
    for side in (1, -1):
        strip = [at for at, line in enumerate(found) if min(_xs(line, width, side)) > (1 - _WIDE) * width]
        spans = [_level(line, width, side, angle) for line in found]
        if (
            len(strip) >= _LEAST
            and _is_apart(found, spans, strip)
            and _is_cut([found[at] for at in strip], width, side)
        ):
            away = {*strip}
            return [line for number, line in enumerate(found) if number not in away], [found[at] for at in strip]
    return list(found), []


def _xs(line: FoundLine, width: int, side: int) -> list[float]:
    """Where the corners of a line are, seen towards the right edge (`side` 1), or towards the left one (-1)."""
    return [x if side > 0 else width - x for x, _ in line.corners]


def _level(line: FoundLine, width: int, side: int, angle: float) -> tuple[float, float]:
    """Where a line begins and ends on the straight page."""
    leant = side * math.tan(angle)
    xs = [x + y * leant for x, (_, y) in zip(_xs(line, width, side), line.corners, strict=True)]
    return min(xs), max(xs)


def _is_cut(own: Sequence[FoundLine], width: int, side: int) -> bool:
    """Whether the picture's edge cuts the lines off, and they are text."""
    texts = [line.text for line in own]
    if 2 * _num_letters(texts) < sum(map(len, texts)):
        return False
    if statistics.median(map(len, texts)) < _LONG and 2 * sum(text[0].islower() for text in texts) <= len(texts):
        return False
    return sum(max(_xs(line, width, side)) >= (1 - _CUT) * width for line in own) >= _MOST * len(own)


def _is_apart(found: Sequence[FoundLine], spans: Sequence[tuple[float, float]], strip: Sequence[int]) -> bool:
    """Whether white goes down the page between the lines of `strip`, which begin there, and all others, which have more
    text."""
    own = {*strip}
    rest = [at for at in range(len(found)) if at not in own]
    starts = [spans[at][0] for at in strip]
    height = statistics.median(found[at].corners[3][1] - found[at].corners[0][1] for at in strip)
    if _num_letters([found[at].text for at in strip]) > _num_letters([found[at].text for at in rest]):
        return False
    # The facing page leans otherwise than this one; first lines of its paragraphs are indented, last ones short, and a
    # speck in its margin may have been read.
    leant = _without_lean([(spans[at][0], found[at].corners[0][1]) for at in strip])
    num_even = max(sum(edge <= start < edge + height for start in leant) for edge in leant)
    return max(spans[at][1] for at in rest) < min(starts) - height and num_even >= _MOST * len(strip)


def _without_lean(starts: Sequence[tuple[float, float]]) -> list[float]:
    """Where lines begin if the edge of their column is set upright; `starts` are across and down the page."""
    ordered = sorted(starts, key=lambda start: start[1])
    half = (len(ordered) + 1) // 2
    pairs = zip(ordered, ordered[half:], strict=False)
    slopes = [(below[0] - above[0]) / max(1.0, below[1] - above[1]) for above, below in pairs]
    lean = statistics.median(slopes)
    lean = lean if abs(lean) < _LEAN else 0.0
    return [across - lean * down for across, down in starts]


def _num_letters(texts: Sequence[str]) -> int:
    return sum(sum(map(str.isalpha, text)) for text in texts)
