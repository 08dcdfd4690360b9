"""Words put into the cells that a model found in a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.tables.markup import TableCell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.tasks.table_extraction.ink import Word
    from omnipipe.tasks.table_extraction.slanet import Structure


class Matched(NamedTuple):
    """Cells with their texts, and how well they fit (0 to 1): `inside` is the share of the words' area that lies in the
    box of their cell, `level` that of words in the row of most words beside them.

    `outside` are the numbers of the lines above and below all cells.
    """

    cells: list[TableCell]
    outside: tuple[int, ...]
    inside: float
    level: float


def match(structure: Structure, lines: Sequence[Sequence[Word]]) -> Matched:
    """The cells of `structure` with the words of `lines`, each in the cell that holds most of it or is next to it."""
    slots = structure.slots
    top, bottom = min(slot.box[1] for slot in slots), max(slot.box[3] for slot in slots)
    outside = tuple(
        number
        for number, line in enumerate(lines)
        if all(not top < (word.box[1] + word.box[3]) / 2 < bottom for word in line)
    )
    words = [(number, word) for number, line in enumerate(lines) if number not in outside for word in line]
    boxes = np.array([word.box for _, word in words], np.float32).reshape(-1, 4)
    cells = np.array([slot.box for slot in slots], np.float32).reshape(-1, 4)
    across = np.minimum(boxes[:, None, 2], cells[:, 2]) - np.maximum(boxes[:, None, 0], cells[:, 0])
    down = np.minimum(boxes[:, None, 3], cells[:, 3]) - np.maximum(boxes[:, None, 1], cells[:, 1])
    shared = across.clip(0) * down.clip(0)
    apart = (-across).clip(0) + (-down).clip(0)
    area = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).clip(1e-6)
    own = np.lexsort((apart, -shared), axis=1)[:, 0]
    taken: dict[int, list[int]] = {}
    for index, slot in enumerate(own.tolist()):
        taken.setdefault(slot, []).append(index)
    texts = [_text([words[index] for index in taken.get(slot, [])]) for slot in range(len(slots))]
    made = [TableCell(*slot[:4], text) for slot, text in zip(slots, texts, strict=True)]
    inside = float((shared[np.arange(len(own)), own] / area).mean()) if len(own) else 0.0
    return Matched(made, outside, inside, _level(boxes, [slots[slot].row for slot in own.tolist()]))


def _level(boxes: NDArray[np.float32], rows: Sequence[int]) -> float:
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    good, line, bottom = 0, Counter[int](), -np.inf
    for index in np.argsort(middle, kind="stable").tolist():
        if middle[index] > bottom:
            good += max(line.values(), default=0)
            line, bottom = Counter(), float(boxes[index, 3])
        line[rows[index]] += 1
    return (good + max(line.values(), default=0)) / max(1, len(rows))


def _text(words: Sequence[tuple[int, Word]]) -> str:
    """The words of one cell, line by line from the top."""
    tops: dict[int, float] = {}
    for number, word in words:
        tops[number] = min(tops.get(number, word.box[1]), word.box[1])
    ordered = sorted(words, key=lambda found: (tops[found[0]], found[0], found[1].box[0]))
    return " ".join(word.text for _, word in ordered)
