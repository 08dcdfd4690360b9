"""Reading order by the structure tree of a tagged PDF, where geometry leaves it open or tears a paragraph apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.columns.order import Column, to_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.blocks.tags import Tags
    from omnipipe.text.lines.pieces import Pieces

_MAX_PIECES = 1000
_MAX_UP = 0.1
"""Share of the tree's blocks that may stand above the block before them in the same column."""


def tree_order(
    tags: Tags, pieces: Pieces, columns: Sequence[Column], *, rtl: bool, in_doubt: bool
) -> list[Column] | None:
    """The columns of a page in the order of its structure tree; None where `columns`, told by geometry, are as good.

    They are not where they are `in_doubt`, or part two neighbouring lines of a paragraph of the tree. A tree that goes
    up and down the page is not followed.
    """
    geometric = np.concatenate([column.pieces for column in columns]) if columns else np.zeros(0, np.intp)
    if not 1 < len(geometric) <= _MAX_PIECES:
        return None
    place = _places(tags, pieces, geometric)
    if (place[1:] >= place[:-1]).all() or not (in_doubt or _parts_lines(tags, pieces.take(geometric), place)):
        return None
    by_tree = np.argsort(place, kind="stable")
    ordered = geometric[by_tree]
    starts = np.flatnonzero(np.diff(place[by_tree], prepend=-1))
    goes_on, up = _steps(pieces.take(ordered), starts)
    if np.count_nonzero(up) > _MAX_UP * len(starts):
        return None
    cuts = starts[1:][~goes_on]
    return [to_column(pieces, np.sort(part), rtl) for part in np.split(ordered, cuts)]


def _places(tags: Tags, pieces: Pieces, geometric: NDArray[np.intp]) -> NDArray[np.intp]:
    """The block of each piece, by its first word; of pieces that have none that of the piece before."""
    of_word = np.array(tags.of_word, np.intp)
    place: NDArray[np.intp] = of_word[np.minimum(pieces.word[geometric], len(of_word) - 1)]
    last = np.maximum.accumulate(np.where(place >= 0, np.arange(len(place)), 0))
    place = np.maximum(place[last], 0)
    return place


def _parts_lines(tags: Tags, ordered: Pieces, place: NDArray[np.intp]) -> bool:
    """Whether something else is read between a line of a paragraph of the tree and the line right below."""
    is_text = np.array([block.kind in ("text", "group") for block in tags.blocks])[place]
    again = np.argsort(place, kind="stable")
    before, after = again[:-1], again[1:]
    parted = (place[before] == place[after]) & (after > before + 1) & is_text[before]
    before, after = before[parted], after[parted]
    size = np.minimum(ordered.size[before], ordered.size[after])
    drop = ordered.top[after] - ordered.top[before]
    across = np.minimum(ordered.right[before], ordered.right[after]) - np.maximum(
        ordered.left[before], ordered.left[after]
    )
    return bool(((drop > 0.5 * size) & (drop < 2 * size) & (across > 3 * size)).any())


def _steps(ordered: Pieces, starts: NDArray[np.intp]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each block after the first: whether it goes on in the column of the one before, whether it stands above it."""
    left, top = np.minimum.reduceat(ordered.left, starts), np.minimum.reduceat(ordered.top, starts)
    right, bottom = np.maximum.reduceat(ordered.right, starts), np.maximum.reduceat(ordered.bottom, starts)
    size = ordered.size[starts]
    across = np.minimum(right[1:], right[:-1]) > np.maximum(left[1:], left[:-1])
    below = top[1:] > bottom[:-1] - 0.5 * size[:-1]
    height = np.minimum(bottom - top, 2 * size)
    beside = np.minimum(bottom[1:], bottom[:-1]) - np.maximum(top[1:], top[:-1]) > 0.5 * np.maximum(
        height[1:], height[:-1]
    )
    beside &= (bottom - top)[1:] < 2 * size[1:]
    beside &= (bottom - top)[:-1] < 2 * size[:-1]
    return (below & across) | beside, across & ~beside & (bottom[1:] < top[:-1] + 0.5 * size[1:])
