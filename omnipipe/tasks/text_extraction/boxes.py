"""Boxes as models give them, as shares of the page."""

from __future__ import annotations

from collections.abc import Sequence

from omnipipe.page import Box


def share_box(numbers: Sequence[float], width: float, height: float) -> Box | None:
    """`numbers` (x0, y0, x1, y1 on a page of `width` x `height`) as shares from 0 to 1; None where they are no box."""
    if len(numbers) != 4 or not (width > 0 and height > 0) or any(number != number for number in numbers):
        return None
    across = sorted(min(1.0, max(0.0, number / width)) for number in numbers[::2])
    down = sorted(min(1.0, max(0.0, number / height)) for number in numbers[1::2])
    return (across[0], down[0], across[1], down[1]) if across[0] < across[1] and down[0] < down[1] else None


def around(boxes: Sequence[Box]) -> Box | None:
    """The smallest box around all of `boxes`, None for none."""
    if not boxes:
        return None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
