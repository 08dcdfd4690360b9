"""The plot of the benchmark of reading: quality over speed, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 730, 20, 370
_OURS = "omnipipe"

Point = tuple[str, float | None, int]
"""A reader's name, its pages per CPU second (None where it was not measured) and the tests that it passed."""


def write_plot(path: Path, points: Sequence[Point], num_tests: int) -> None:
    """Write `points` as a plot: speed to the right, tenfold from line to line, tests passed upwards."""
    known = [(name, rate, passed) for name, rate, passed in points if rate]
    if known:
        path.write_text("\n".join(_svg(known, num_tests)) + "\n", encoding="utf-8")


def _svg(points: Sequence[tuple[str, float, int]], num_tests: int) -> Iterator[str]:
    low = math.floor(math.log10(min(rate for _, rate, _ in points)))
    high = max(low + 1, math.ceil(math.log10(max(rate for _, rate, _ in points))))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="system-ui, sans-serif" '
        'font-size="13">'
    )
    yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
    for power in range(low, high + 1):
        x = _LEFT + (_RIGHT - _LEFT) * (power - low) / (high - low)
        yield f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{_TOP}" y2="{_BOTTOM}" stroke="#dddddd"/>'
        yield f'<text x="{x:.0f}" y="{_BOTTOM + 18}" text-anchor="middle" fill="#444444">{10.0**power:g}</text>'
    for passed in range(0, num_tests + 1, 5):
        y = _height(passed, num_tests)
        yield f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.0f}" y2="{y:.0f}" stroke="#eeeeee"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.0f}" text-anchor="end" fill="#444444">{passed}</text>'
    middle = (_LEFT + _RIGHT) / 2
    yield f'<text x="{middle:.0f}" y="{_HEIGHT - 10}" text-anchor="middle">pages per CPU second, text layers</text>'
    yield (
        f'<text transform="translate(16 {(_TOP + _BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle">'
        f"tests passed of {num_tests}</text>"
    )
    placed = [
        (name, _LEFT + (_RIGHT - _LEFT) * (math.log10(rate) - low) / (high - low), _height(passed, num_tests))
        for name, rate, passed in points
    ]
    yield from _dots(sorted(placed, key=lambda dot: dot[2]))
    yield "</svg>"


def _dots(placed: Sequence[tuple[str, float, float]]) -> Iterator[str]:
    """Dots with their names beside, above or below them: the first place that is free."""
    taken = [(x - 8, y - 8, x + 8, y + 8) for _, x, y in placed]
    for name, x, y in placed:
        colour = "#b00020" if name == _OURS else "#33557f"
        width = 7.2 * len(name)
        places = [
            ("start", x + 11, y + 4, (x + 11, y - 8, x + 11 + width, y + 8)),
            ("end", x - 11, y + 4, (x - 11 - width, y - 8, x - 11, y + 8)),
            ("middle", x, y - 12, (x - width / 2, y - 24, x + width / 2, y - 9)),
            ("middle", x, y + 22, (x - width / 2, y + 9, x + width / 2, y + 25)),
        ]
        free = [place for place in places if not any(_overlap(place[3], other) for other in taken)]
        anchor, left, base, box = next(
            (place for place in free if _LEFT < place[3][0] < place[3][2] < _RIGHT), places[0]
        )
        taken.append(box)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}"/>'
        yield f'<text x="{left:.1f}" y="{base:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(name)}</text>'


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _height(passed: int, num_tests: int) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * passed / max(1, num_tests)
