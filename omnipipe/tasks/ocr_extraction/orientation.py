"""Which way up a page was scanned, from the boxes of its lines and a few readings of the longest of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from omnipipe.tasks.ocr_extraction.lines import Quad

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Crop = NDArray[np.uint8]

_LONG = 3.0
"""Times its height that a line is long before it says anything about the page's direction."""
_VERY_LONG = 5.0
"""Times its height that a page's only line is long before it says anything."""
_GLANCES = 9
"""Lines that the upside-down classifier sees."""
_SUSPICION = 0.34
"""Share of those lines that it must call upside down before lines are read both ways; it is wrong on single ones."""
_READINGS = 4
"""Lines that are read both ways."""
_MARGIN = 0.12
"""How much better (mean confidence) the other way must read before a page is turned."""
_READABLE = 0.78
"""Mean confidence below which a reading says nothing: right ones have 0.97, lines on their head 0.35 to 0.8, and
scripts that the model does not know up to 0.7 either way."""
_SAMPLE = 12
"""Times its height that a line is long at most when it is read both ways."""


def find_turn(
    quads: Sequence[Quad],
    crop: Callable[[Quad], Crop],
    is_upside_down: Callable[[Crop], bool],
    confidence: Callable[[Crop], float],
    guess: int | None = None,
) -> int:
    """Degrees clockwise (0, 90, 180, 270) by which the page must be turned to stand upright.

    `crop` cuts a line out and lays tall ones down counter-clockwise; `is_upside_down` is a quick look at such a crop,
    `confidence` (0 to 1) that of reading it. `guess` is what the page looks like from afar: it decides where lines lie
    sideways and read no better either way. In doubt the page stays as it is.
    """
    long = _telling(quads)
    if not long:
        return 0
    is_sideways = lies_sideways(long)
    crops = [crop(quad) for quad in [quad for quad in long if _is_tall(quad) == is_sideways][:_GLANCES]]
    if not is_sideways and guess != 180 and len(long) > 1:
        suspects = sum(is_upside_down(image) for image in crops)
        if suspects < _SUSPICION * len(crops):
            return 0
    better = better_way(crops, confidence)
    if is_sideways:
        unclear = guess if guess in (90, 270) else 0
        return {"here": 270, "there": 90, "unclear": unclear}[better]
    return 180 if better == "there" else 0


def confirmed(
    turn: int, quads: Sequence[Quad], crop: Callable[[Quad], Crop], confidence: Callable[[Crop], float]
) -> int | None:
    """What becomes of a sure guess that the page is to be turned by `turn`; `quads` are its lines once it is.

    The same, or upside down where the lines read better so; None where the lines show that the guess is wrong.
    A script that cannot be read may be turned by 90 or 270 degrees, not by 180: lines tell the first, not the other.
    """
    long = _telling(quads)
    if not long or lies_sideways(long):
        return None
    better = better_way([crop(quad) for quad in long if not _is_tall(quad)], confidence)
    if better == "there":
        return (turn + 180) % 360
    return turn if better == "here" or turn != 180 else None


def lies_sideways(quads: Sequence[Quad]) -> bool:
    """Whether most of the text in `quads`, by length, runs up or down."""
    return sum(_length(quad) for quad in quads if _is_tall(quad)) > 0.5 * sum(_length(quad) for quad in quads)


def _telling(quads: Sequence[Quad]) -> list[Quad]:
    """The lines that are long enough to tell a direction, longest first."""
    long = sorted((quad for quad in quads if _length(quad) >= _LONG * _thickness(quad)), key=_length, reverse=True)
    is_alone = len(long) == 1
    return [] if is_alone and _length(long[0]) < _VERY_LONG * _thickness(long[0]) else long


def better_way(lines: Sequence[Crop], confidence: Callable[[Crop], float]) -> Literal["here", "there", "unclear"]:
    """Whether the first of `lines` read better as they are or upside down.

    Two that are clear are enough; of more, the one that reads worst is left out (a rule, a stamp).
    """
    readings: list[tuple[float, float]] = []
    for image in [line[:, : _SAMPLE * line.shape[0]] for line in lines[:_READINGS]]:
        readings.append((confidence(image), confidence(image[::-1, ::-1])))
        here, there = (sum(side) / len(readings) for side in zip(*readings, strict=True))
        if len(readings) == 2 and max(here, there) > 0.95 and abs(here - there) > 2 * _MARGIN:
            break
    if not readings:
        return "unclear"
    best = sorted(readings, key=max, reverse=True)[: max(2, len(readings) - 1)]
    here, there = (sum(side) / len(best) for side in zip(*best, strict=True))
    if max(here, there) < _READABLE or abs(here - there) < _MARGIN:
        return "unclear"
    return "here" if here > there else "there"


def _edges(quad: Quad) -> tuple[float, float]:
    (ax, ay), (bx, by), _, (dx, dy) = quad
    return ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5, ((dx - ax) ** 2 + (dy - ay) ** 2) ** 0.5


def _length(quad: Quad) -> float:
    return max(_edges(quad))


def _thickness(quad: Quad) -> float:
    return max(1.0, min(_edges(quad)))


def _is_tall(quad: Quad) -> bool:
    across, down = _edges(quad)
    return down > across
