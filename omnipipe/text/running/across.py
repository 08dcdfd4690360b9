"""Text that lies across the lines of a page: watermarks, whatever their size and direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.running.form import num_letters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces

_LEAST = 3
"""Words of the page that a watermark covers or is covered by, at least: labels in drawings may meet one or two."""

_INSET = 0.25
"""Of the height of a line at each side: what stands beside it meets no more than that."""

_MAX_PAIRS = 2_000_000


def lie_across(pieces: Pieces, places: NDArray[np.float32], text: str) -> NDArray[np.bool_]:
    """Which of `pieces` lie over (or under) other words, and those that say the same beside the lines.

    `places` (2 x n) are the middles of words in another direction, in the frame of `pieces`.
    """
    crossed = np.zeros(len(pieces.left), bool)
    x, y = places
    if len(crossed) * len(x) > _MAX_PAIRS or not len(x):
        return crossed
    inset = _INSET * (pieces.bottom - pieces.top)
    met = (x > pieces.left[:, None]) & (x < pieces.right[:, None])
    met &= (y > (pieces.top + inset)[:, None]) & (y < (pieces.bottom - inset)[:, None])
    found = (np.count_nonzero(met, axis=1) >= _LEAST).nonzero()[0]
    if not len(found):
        return crossed
    says = [" ".join(text[a:b].split()) for a, b in zip(pieces.first.tolist(), pieces.last.tolist(), strict=True)]
    known = {says[i] for i in found.tolist()}
    return np.array([one in known and num_letters(one) > 2 for one in says], bool)
