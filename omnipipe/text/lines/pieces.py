"""Pieces of text lines, as they stand on the page, joined from words by their boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.lines.rivers import part_at_gutters, part_at_rivers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.words.chars import Words

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
        if which.dtype == bool:
            which = which.nonzero()[0]
        first, last, left, top, right, bottom, size, word = self
        return Pieces(
            first[which],
            last[which],
            left[which],
            top[which],
            right[which],
            bottom[which],
            size[which],
            word[which],
        )


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
    """The words at `which` (ascending), all of direction `turn`, as pieces of lines.

    Words further apart than `gap` font sizes are parted, and those where `apart` says so: one value for each word but
    the first, true where it starts a piece. Without it they are parted at narrow gutters.
    """
    # A copy, as often as not of all words: numpy runs over rows that lie side by side.
    is_all = len(which) == len(words.first)
    box, size, firsts, lasts = words.box, words.size, words.first, words.last
    if not is_all:
        box, size, firsts, lasts = box[which], size[which], firsts[which], lasts[which]
    sides = np.array(to_frame(box, turn))
    left, top, right, bottom = sides
    size = np.maximum(size, 0.1)
    em = np.maximum(size[:-1], size[1:])
    ahead = left[1:] - right[:-1]
    breaks = _breaks((left, top, right, bottom), ahead, em, which, gap)
    if apart is not None:
        breaks[1:] |= apart
    else:
        breaks = part_at_rivers(left, right, breaks, ahead, em)
        breaks = part_at_gutters((left, top, right, bottom), breaks, ahead, em)
    starts = breaks.nonzero()[0]
    ends = np.empty_like(starts)
    ends[:-1] = starts[1:] - 1
    ends[-1:] = len(which) - 1
    weight = (lasts - firsts).astype(np.float32)
    mean: NDArray[np.float32] = np.divide(np.add.reduceat(size * weight, starts), np.add.reduceat(weight, starts))
    low, high = np.minimum.reduceat(sides[:2], starts, axis=1), np.maximum.reduceat(sides[2:], starts, axis=1)
    return Pieces(
        firsts[starts],
        lasts[ends],
        low[0],
        low[1],
        high[0],
        high[1],
        mean,
        which[starts],
    )


def _breaks(
    sides: tuple[NDArray[np.float32], ...],
    ahead: NDArray[np.float32],
    em: NDArray[np.float32],
    which: NDArray[np.intp],
    wide: float,
) -> NDArray[np.bool_]:
    """True for each word that starts a piece; `ahead` is the gap before each word but the first, `em` its font size."""
    left, top, right, bottom = sides
    starts = np.empty(len(left), bool)
    starts[:1] = True
    inner = starts[1:]
    gap = np.maximum(ahead, left[:-1] - right[1:])
    overlap = np.minimum(bottom[:-1], bottom[1:])
    overlap -= np.maximum(top[:-1], top[1:])
    height = bottom - top
    np.greater(gap, wide * em, out=inner)
    inner |= gap < -0.5 * em
    inner |= overlap < 0.5 * np.minimum(height[:-1], height[1:])
    if len(which) and int(which[-1]) - int(which[0]) != len(which) - 1:
        inner |= which[1:] - which[:-1] != 1
    return starts
