"""SLANet: from a picture of a table to the tokens of its HTML, and to a box for each cell (arXiv 2210.05391).

The network answers for each of 501 steps the chances of 30 tokens, and a box; the box counts where the token opens a
cell. Its dictionary lies in the model file, without the tokens for the beginning and the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.tasks.layout_extraction.picodet import Image

    Floats = NDArray[np.float32]

SIDE = 488
"""Pixels of the square that the network looks at."""
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_SPAN = re.compile(r'(row|col)span="(\d+)"')
_MAX_ROWS, _MAX_COLUMNS = 500, 100

Box = tuple[float, float, float, float]


class Slot(NamedTuple):
    """A cell: its first row and column, how many it spans, its box in pixels of the picture."""

    row: int
    column: int
    rows: int
    columns: int
    box: Box


class Structure(NamedTuple):
    """The cells of a table in reading order; `heads` are header rows, `chance` (0 to 1) the mean of the tokens'.

    `is_whole`: the answer came to its end, and each cell has a place of its own.
    """

    slots: tuple[Slot, ...]
    num_rows: int
    num_columns: int
    heads: int
    chance: float
    is_whole: bool


def tokens_of(characters: Sequence[str]) -> list[str]:
    """The network's tokens by number, from the dictionary in its file: a cell without spans is one token there."""
    return ["", *(token for token in characters if token != "<td>"), "<td></td>", ""]


def to_tensor(picture: Image) -> Floats:
    """`picture`, (rows, columns) grey or (rows, columns, 3) RGB, as (1, 3, SIDE, SIDE): its longer side fills one."""
    import cv2

    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, int(width * scale)), max(1, int(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    values = np.asarray(cv2.resize(picture, size, interpolation=method), dtype=np.float32) / np.float32(255)
    if values.ndim == 2:
        values = np.repeat(values[:, :, None], 3, axis=2)
    tensor = np.zeros((1, 3, SIDE, SIDE), dtype=np.float32)
    # The network was trained on pictures in BGR, with means and spreads in the order of RGB.
    tensor[0, :, : size[1], : size[0]] = ((values[:, :, ::-1] - _MEAN) / _SPREAD).transpose(2, 0, 1)
    return tensor


def to_structure(boxes: Floats, chances: Floats, tokens: Sequence[str], width: int, height: int) -> Structure:
    """What the network answered for a picture of `width` x `height`: `boxes` (steps, 4), `chances` (steps, tokens)."""
    best = chances.argmax(axis=1)
    ends = np.flatnonzero(best[1:] == len(tokens) - 1)
    last = int(ends[0]) + 1 if len(ends) else len(best)
    chance = float(chances[np.arange(last), best[:last]].mean()) if last else 0.0
    found = _Cells()
    for step, number in enumerate(best[:last].tolist()):
        box = boxes[step] * np.array([width, height, width, height], dtype=np.float32)
        found.add(tokens[number], (float(box[0]), float(box[1]), float(box[2]), float(box[3])))
    is_whole = len(ends) > 0 and found.is_sound and found.is_full()
    return Structure(tuple(found.slots), found.row + 1, found.num_columns, found.heads, chance, is_whole)


class _Cells:
    """Puts cells into the grid as their tokens come, as a browser does."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.row = -1
        self.heads = 0
        self.num_columns = 0
        self.is_sound = True
        self._taken: set[tuple[int, int]] = set()
        self._spans = {"row": 1, "col": 1}
        self._box: Box | None = None
        self._is_head = False

    def add(self, token: str, box: Box) -> None:
        if token == "<tr>":
            self.row += 1
            self.heads += self._is_head
        elif token in ("<thead>", "</thead>"):
            self._is_head = token == "<thead>"
        elif token == "<td></td>":
            self._place(box)
        elif token == "<td":
            self._box = box
        elif token == ">" and self._box is not None:
            self._place(self._box)
        elif span := _SPAN.search(token):
            self._spans[span[1]] = int(span[2])

    def _place(self, box: Box) -> None:
        rows, columns = self._spans["row"], self._spans["col"]
        self._spans, self._box = {"row": 1, "col": 1}, None
        column = 0
        while (self.row, column) in self._taken:
            column += 1
        if not 0 <= self.row < _MAX_ROWS or column + columns > _MAX_COLUMNS:
            self.is_sound = False
            return
        places = {(r, c) for r in range(self.row, self.row + rows) for c in range(column, column + columns)}
        self.is_sound = self.is_sound and not places & self._taken
        self._taken |= places
        self.num_columns = max(self.num_columns, column + columns)
        self.slots.append(Slot(self.row, column, rows, columns, box))

    def is_full(self) -> bool:
        """Whether the cells fill the grid."""
        return len(self._taken) == (self.row + 1) * self.num_columns and bool(self.slots)
