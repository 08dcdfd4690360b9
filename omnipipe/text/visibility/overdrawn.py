"""Words that are drawn over themselves: for bold letters or a shadow without a font for them, or by mistake.

PDFium leaves out a text object that repeats one of the few before it, and no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.extreme import largest
from omnipipe.text.visibility.hidden import HIDDEN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.words.chars import Words

_NEAR = 0.15
"""Font sizes between the same word drawn twice, at most. Poppler takes 0.1 along the line and 0.2 across."""

_CELL = 4.0
"""Points that two places of the same word are apart, at most."""

_FIRST_DIGIT = 0x30
"""Single characters before it are punctuation."""

_GRIDS = np.array([[0.0], [0.5]])
"""How far the grids are apart, in cells."""

_MAX_IN_CELL = 16
"""Places of one word in a cell that another is compared with."""


def drop_overdrawn(words: Words) -> Words:
    """`words`, those that are drawn again at the same place kept once; `num_overdrawn` counts the others.

    Of a word that is seen and one that is hidden the first is kept, whichever was drawn first.
    """
    if not _may_repeat(words):
        return words
    again = _repeated(words)
    return _without(words, again) if again.any() else words


def _may_repeat(words: Words) -> bool:
    """Whether some words of one length and first letter stand so near to each other that it is worth a look.

    Two grids, half a cell apart: who is parted by a line of the one is seldom parted by one of the other.
    """
    length = words.last - words.first
    letters = 1e12 * length
    if len(words.units) == len(words.text):
        opening = words.units[words.first]
        letters += 1e7 * opening
        # Dots that lead to a number stand close; what is not a number equals nothing.
        letters[(length == 1) & (opening < _FIRST_DIGIT)] = np.nan
    corner = words.box.T[:2].astype(np.float64, order="C")
    corner *= 1 / _CELL
    across, up = np.floor(corner[:, None] + _GRIDS)
    up *= 1021.0
    across += up
    across += letters
    across.sort()
    return bool(np.count_nonzero(across[:, 1:] == across[:, :-1]))


def _repeated(words: Words) -> NDArray[np.bool_]:
    """True for each word that stands where the same one stands already.

    Words are looked for in a grid whose cells are as wide as the largest of them allow: on a page of ten points all of
    them would stand in six cells of the usual size.
    """
    again = np.zeros(len(words.first), bool)
    boxes = words.box.tolist()
    reach = np.minimum(_NEAR * words.size, _CELL)
    near, side = reach.tolist(), max(float(largest(reach)), 1e-6)
    first, last = words.first.tolist(), words.last.tolist()
    seen: dict[tuple[str, float, float], list[list[float]]] = {}
    for i in np.argsort(words.turn == HIDDEN, kind="stable").tolist():
        string, box = words.text[first[i] : last[i]], boxes[i]
        x, y = box[0] // side, box[1] // side
        others = (
            other
            for cell_x in (x - 1, x, x + 1)
            for cell_y in (y - 1, y, y + 1)
            for other in seen.get((string, cell_x, cell_y), ())
        )
        if any(max(abs(a - b) for a, b in zip(box, other, strict=True)) <= near[i] for other in others):
            again[i] = True
            continue
        places = seen.setdefault((string, x, y), [])
        if len(places) < _MAX_IN_CELL:
            places.append(box)
    return again


def _without(words: Words, which: NDArray[np.bool_]) -> Words:
    """`words` but for those at `which`; their letters and the white space after them are gone from the text as well.

    Runs of words are cut out of the text from the first to the last, so that no others may stand between.
    """
    ends = np.append(words.first[1:], len(words.text))
    change = np.zeros(len(words.text) + 1, np.int8)
    np.add.at(change, words.first[which], 1)
    np.add.at(change, ends[which], -1)
    kept_chars = change[:-1].cumsum() == 0
    letters = np.frombuffer(words.text.encode("utf-32-le", "surrogatepass"), np.uint32)
    text = letters[kept_chars].tobytes().decode("utf-32-le", "surrogatepass")
    before = np.append(0, kept_chars.cumsum())
    kept = ~which
    return words._replace(
        text=text,
        units=np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16),
        first=before[words.first[kept]],
        last=before[words.last[kept]],
        line=words.line[kept],
        box=words.box[kept],
        size=words.size[kept],
        turn=words.turn[kept],
        char=words.char[kept],
        angle=words.angle[kept],
        objects=words.objects[kept] if len(words.objects) else words.objects,
        num_overdrawn=words.num_overdrawn + int(which.sum()),
    )
