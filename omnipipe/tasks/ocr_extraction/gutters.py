"""Lines of two columns that a detector took for one over a narrow gutter, cut where the columns around them are."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnipipe.tasks.ocr_extraction.lines import FoundLine, Point, Quad
    from omnipipe.tasks.ocr_extraction.picture import Image

_COLUMN = 9.0
"""Heights of a line that a column is wide at least: cells of tables are narrower."""
_EVEN = 1.5
"""Heights of a line by which the edges of one column differ at most."""
_AROUND = 16.0
"""Heights of a line above and below within which the columns tell where the gutter is."""
_LEAST = 3
"""Lines of each column that tell it."""
_GUTTER = 0.5
"""Heights of a line that are white between the columns at least: more than between words."""
_WHITE = 0.7
"""Share of the gutter that is white in the line's picture at least: letters may reach into it."""
_FAINT = 0.35
"""Share of the way from paper to ink that a column of pixels without letters may be dark at most."""

_LETTERS = 0.7
"""Share of a line's picture that its letters are high."""
_REACH = 0.7
"""Heights of a line left and right of the gutter in which its white may begin and end."""
_SLACK = 0.25
"""Heights of a line by which its box is wider than its text at each end."""

Span = tuple[float, float, float, float]


def cut_at_gutters(
    found: Sequence[FoundLine], cut: Callable[[Quad], Image], read: Callable[[Sequence[Quad]], Sequence[FoundLine]]
) -> list[FoundLine]:
    """`found` with lines that run over a gutter replaced by what `read` makes of their halves.

    `cut` gives the picture of a line. A line is cut where the lines around it are two columns whose outer edges are
    its own, and where its picture is white as far as the gutter is wide.
    """
    heights = [line.corners[3][1] - line.corners[0][1] for line in found]
    if len(found) < 2 * _LEAST + 1:
        return list(found)
    unit = statistics.median(heights)
    angle = _angle(found)
    spans = [_span(line.corners, angle) for line in found]
    made: list[FoundLine] = []
    for number, line in enumerate(found):
        gutter = _gutter(spans[number], spans, unit)
        white = _white(cut(line.corners), spans[number], gutter) if gutter else None
        halves = read(_halves(line.corners, white)) if white else []
        made += halves if len(halves) == 2 else [line]
    return made


def _angle(found: Sequence[FoundLine]) -> float:
    from omnipipe.tasks.ocr_extraction.lines import skew

    return skew([line.corners for line in found])


def _span(corners: Quad, angle: float) -> Span:
    """Left, top, right and bottom on the straight page."""
    sine, cosine = math.sin(-angle), math.cos(-angle)
    xs = [x * cosine - y * sine for x, y in corners]
    ys = [x * sine + y * cosine for x, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _gutter(own: Span, spans: Sequence[Span], unit: float) -> tuple[float, float] | None:
    """The gutter of two columns around a line that has the left edge of one and reaches to the end of the other."""
    if own[2] - own[0] < 2 * _COLUMN * unit:
        return None
    near = [span for span in spans if abs(span[1] - own[1]) < _AROUND * unit and span != own]
    inner = [span[0] for span in near if own[0] + _COLUMN * unit < span[0] < own[2] - _COLUMN * unit]
    starts = [start for start in inner if sum(abs(other - start) < 0.5 * unit for other in inner) >= _LEAST]
    for edge in {round(start / unit): start for start in sorted(starts, reverse=True)}.values():
        lefts = [span for span in near if abs(span[0] - own[0]) < _EVEN * unit and span[2] <= edge]
        full = [span for span in lefts if edge - span[2] < 2 * _EVEN * unit]
        long = [
            span
            for span in near
            if -0.5 * unit < span[0] - edge < _EVEN * unit and abs(own[2] - span[2]) < _EVEN * unit
        ]
        least = min(len(full), len(long))
        crossing = sum(span[0] < edge - unit and span[2] > edge + unit for span in near)
        if least >= _LEAST and crossing <= least:
            return max(span[2] for span in lefts), edge
    return None


def _white(picture: Image, span: Span, gutter: tuple[float, float]) -> tuple[float, float] | None:
    """Where the white of the gutter begins and ends in the line's picture, 0 to 1 of its width; None without any."""
    import numpy as np

    grey = picture if picture.ndim == 2 else picture[:, :, 1]
    height, width = grey.shape
    scale = width / max(1e-6, span[2] - span[0])
    first, last = ((at - span[0]) * scale for at in gutter)
    low, high = max(0, int(first - _REACH * height)), min(width, int(last + _REACH * height))
    if width < height or low >= high:
        return None
    inner = grey[height // 6 : height - height // 6].astype(np.float32)
    paper, ink = float(np.median(inner)), float(np.percentile(inner, 2))
    is_dark = paper - inner[:, low:high].min(axis=0) > _FAINT * max(1.0, paper - ink)
    edges = [low - 1, *(low + np.flatnonzero(is_dark)).tolist(), high]
    size, start = max((end - begin - 1, begin + 1) for begin, end in itertools.pairwise(edges))
    least = max(_GUTTER * _LETTERS * height, _WHITE * (last - first))
    return (start / width, (start + size) / width) if size >= least else None


def _halves(corners: Quad, white: tuple[float, float]) -> tuple[Quad, Quad]:
    """What is left and right of `white`, with some of it, as a detector has around its lines."""
    a, b, c, d = corners
    slack = _SLACK * (d[1] - a[1]) / max(1e-6, b[0] - a[0])
    end, start = min(white[0] + slack, white[1]), max(white[1] - slack, white[0])

    def at(one: Point, other: Point, share: float) -> Point:
        return one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share

    return (a, at(a, b, end), at(d, c, end), d), (at(a, b, start), b, c, at(d, c, start))
