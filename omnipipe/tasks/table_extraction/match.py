"""Words put into the cells that a model found in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.table_markup import TableCell

if TYPE_CHECKING:
    from omnipipe.tasks.table_extraction.ink import Word
    from omnipipe.tasks.table_extraction.slanet import Structure


class Matched(NamedTuple):
    """Cells with their texts; `inside` (0 to 1) is the share of the words' area that lies in the box of their cell."""

    cells: list[TableCell]
    inside: float


def match(structure: Structure, lines: Sequence[Sequence[Word]]) -> Matched:
    """The cells of `structure` with the words of `lines`, each in the cell that holds most of it or is next to it."""
    slots = structure.slots
    words = [(number, word) for number, line in enumerate(lines) for word in line]
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
    return Matched(made, inside)


def _text(words: Sequence[tuple[int, Word]]) -> str:
    """The words of one cell, line by line from the top."""
    tops: dict[int, float] = {}
    for number, word in words:
        tops[number] = min(tops.get(number, word.box[1]), word.box[1])
    ordered = sorted(words, key=lambda found: (tops[found[0]], found[0], found[1].box[0]))
    return " ".join(word.text for _, word in ordered)
