"""Pieces of text lines, as they stand on the page, joined from words by their boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.rivers import part_at_rivers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.chars import Words

GAP = 1.5
"""Words further apart than this many font sizes belong to different pieces (columns, table cells)."""


DESCENT = 0.22
"""Of the height of a line: what is below the baseline."""


class Pieces(NamedTuple):
    """Runs of words of one direction on one line; arrays of one length, in the order of the page's content.

    `left`, `top`, `right`, `bottom` are points in the reading frame: turned so that the text is upright, `top` above
    `bottom` (growing downwards). `first` and `last` (exclusive) cut the piece out of the page's text.
    """

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    left: NDArray[np.float32]
    top: NDArray[np.float32]
    right: NDArray[np.float32]
    bottom: NDArray[np.float32]
    size: NDArray[np.float32]
    word: NDArray[np.intp]

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Pieces:
        """The pieces at `which`."""
        return Pieces._make(column[which] for column in self)


def base_of(pieces: Pieces) -> NDArray[np.float32]:
    """The baselines of pieces: what hangs below takes about `DESCENT` of the height of a line."""
    return pieces.bottom - DESCENT * (pieces.bottom - pieces.top)


def to_frame(box: NDArray[np.float32], turn: int) -> tuple[NDArray[np.float32], ...]:
    """Left, top, right and bottom of boxes (left, bottom, right, top of the page) where text of `turn` is upright."""
    x0, y0, x1, y1 = box.T
    if turn == 0:
        return x0, -y1, x1, -y0
    if turn == 1:
        return y0, x0, y1, x1
    if turn == 2:
        return -x1, y0, -x0, y1
    return -y1, -x1, -y0, -x0


def from_frame(left: float, top: float, right: float, bottom: float, turn: int) -> tuple[float, float, float, float]:
    """The reverse of `to_frame`, for one box."""
    if turn == 0:
        return left, -bottom, right, -top
    if turn == 1:
        return top, left, bottom, right
    if turn == 2:
        return -right, top, -left, bottom
    return -bottom, -right, -top, -left


def join_words(
    words: Words, which: NDArray[np.intp], turn: int, gap: float = GAP, apart: NDArray[np.bool_] | None = None
) -> Pieces:
    """The words at `which`, all of direction `turn`, as pieces of lines.

    Words further apart than `gap` font sizes are parted, and those where `apart` says so: one value for each word but
    the first, true where it starts a piece. Without it they are parted at narrow gutters.
    """
    left, top, right, bottom = to_frame(words.box[which], turn)
    size = np.maximum(words.size[which], 0.1)
    breaks = _breaks(left, top, right, bottom, size, which, gap)
    if apart is not None:
        breaks[1:] |= apart
    else:
        breaks = part_at_rivers(left, right, breaks, np.maximum(size[:-1], size[1:]))
    starts = breaks.nonzero()[0]
    ends = np.append(starts[1:], len(which))[: len(starts)] - 1
    firsts, lasts = words.first[which], words.last[which]
    weight = (lasts - firsts).astype(np.float32)
    mean = np.add.reduceat(size * weight, starts) / np.add.reduceat(weight, starts)
    return Pieces(
        firsts[starts],
        lasts[ends],
        np.minimum.reduceat(left, starts),
        np.minimum.reduceat(top, starts),
        np.maximum.reduceat(right, starts),
        np.maximum.reduceat(bottom, starts),
        mean.astype(np.float32),
        which[starts],
    )


def _breaks(
    left: NDArray[np.float32],
    top: NDArray[np.float32],
    right: NDArray[np.float32],
    bottom: NDArray[np.float32],
    size: NDArray[np.float32],
    which: NDArray[np.intp],
    wide: float,
) -> NDArray[np.bool_]:
    """True for each word that starts a piece."""
    starts = np.ones(len(left), bool)
    em = np.maximum(size[:-1], size[1:])
    ahead = left[1:] - right[:-1]
    back = left[:-1] - right[1:]
    gap = np.maximum(ahead, back)
    overlap = np.minimum(bottom[:-1], bottom[1:]) - np.maximum(top[:-1], top[1:])
    height = np.minimum(bottom[:-1] - top[:-1], bottom[1:] - top[1:])
    starts[1:] = (gap > wide * em) | (gap < -0.5 * em) | (overlap < 0.5 * height) | (which[1:] - which[:-1] != 1)
    return starts
