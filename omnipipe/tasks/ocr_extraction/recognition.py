"""The text of one line's picture by a PP-OCR model, with how sure the model is of each character."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omnipipe.tasks.onnx_session import labels_of, open_session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from omnipipe.tasks.ocr_extraction.picture import Image

_HEIGHT = 48
"""Pixels that a line is high for the model."""
_MIN_WIDTH = 320
"""Shorter lines are filled up with grey to this width (pixels): the model was trained so."""
_MAX_WIDTH = 12_000
"""Longer lines are squeezed: a line has 2,000 letters at most."""
_OTHERS = 6
"""What else a doubtful character could be: so many of the model's choices are looked at."""
_SURE = 0.8
"""Chance from which a character is not doubtful: right accents have 0.83 and more on clean pages, wrong ones 0.77."""


class Doubt(NamedTuple):
    """A character beyond ASCII that the model is not sure of; `others` (best first, "" for none) could stand there."""

    position: int
    others: tuple[tuple[str, float], ...]


class Reading(NamedTuple):
    """A line's text; `chances` (0 to 1) has one value a character."""

    text: str
    chances: tuple[float, ...]
    doubts: tuple[Doubt, ...]

    @property
    def num_doubtful(self) -> int:
        """Characters that the model is not sure of."""
        return sum(chance < _SURE for chance in self.chances)

    @property
    def confidence(self) -> float:
        """The mean chance of its characters, 0 where there are none."""
        return sum(self.chances) / len(self.chances) if self.chances else 0.0


class Recogniser:
    """Reads one line at a time, in one thread at a time."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Load the ONNX model at `path`; its characters are written in it.

        Raises:
            ConfigError: It is none.
        """
        self._session = open_session(path, threads)
        self._input = self._session.get_inputs()[0].name
        # The model's own order: first the gap between letters, last the space.
        self._characters = ["", *labels_of(self._session), " "]

    def read(self, crop: Image) -> Reading:
        """The text of `crop`, one level line as (rows, columns) grey or (rows, columns, 3) RGB."""
        chances = self._session.run(None, {self._input: _tensor(crop)})[0][0]
        return _decode(chances, self._characters)


def _tensor(crop: Image) -> NDArray[np.float32]:
    import cv2
    import numpy as np

    height, width = crop.shape[:2]
    across = max(1, min(_MAX_WIDTH, math.ceil(_HEIGHT * width / height)))
    # Of low resolutions cubic steps leave a tenth fewer errors than linear ones; of high ones thin strokes must not go.
    method = cv2.INTER_CUBIC if height <= _HEIGHT else cv2.INTER_AREA
    sized = cv2.resize(np.ascontiguousarray(crop), (across, _HEIGHT), interpolation=method)
    line = np.asarray(sized, dtype=np.float32)
    tensor = np.zeros((1, 3, _HEIGHT, max(_MIN_WIDTH, across)), dtype=np.float32)
    values = line / np.float32(127.5) - np.float32(1)
    # The model was trained on pictures in BGR.
    tensor[0, :, :, :across] = values if values.ndim == 2 else values[:, :, ::-1].transpose(2, 0, 1)
    return tensor


def _decode(chances: NDArray[np.float32], characters: Sequence[str]) -> Reading:
    """The best choice of each step, repeats and gaps left out: greedy CTC decoding (Graves et al. 2006)."""
    import numpy as np

    best = chances.argmax(axis=1)
    is_new = best != 0
    is_new[1:] &= best[1:] != best[:-1]
    steps = np.flatnonzero(is_new)
    text: list[str] = []
    kept: list[float] = []
    doubts: list[Doubt] = []
    for step in steps.tolist():
        character, chance = characters[best[step]], float(chances[step, best[step]])
        if not character.isascii() and chance < _SURE:
            doubts.append(Doubt(len(text), _others(chances[step], characters)))
        text.append(character)
        kept.append(chance)
    return Reading("".join(text), tuple(kept), tuple(doubts))


def _others(chances: NDArray[np.float32], characters: Sequence[str]) -> tuple[tuple[str, float], ...]:
    import numpy as np

    top = np.argpartition(chances, -_OTHERS)[-_OTHERS:]
    ranked = sorted(top.tolist(), key=lambda number: -float(chances[number]))[1:]
    return tuple((characters[number], float(chances[number])) for number in ranked)
