"""The pieces of one direction of a page with what is asked of each of them again and again, computed once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from omnipipe.text.lines.pieces import DESCENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omnipipe.text.lines.pieces import Pieces

_BULLET = 1.2
"""Ems; as wide are bullets and their like."""


class Sheet:
    """`Pieces` for those who look for columns and rows among them; arrays of one length. `text` is the page's."""

    def __init__(self, pieces: Pieces, text: str = "") -> None:
        self.text = text
        self.first, self.last, self.left, self.top, self.right, self.bottom, self.size, _ = pieces

    @cached_property
    def base(self) -> NDArray[np.float32]:
        """Where the letters of pieces stand."""
        height = self.bottom - self.top
        base: NDArray[np.float32] = self.bottom - DESCENT * height
        # A large sign, as of an integral, reaches as far below its line as above.
        tall = height > 1.7 * self.size
        if np.count_nonzero(tall):
            base = np.where(tall, (self.top + self.bottom) / 2 + 0.34 * self.size, base).astype(np.float32)
        return base

    @cached_property
    def is_narrow(self) -> NDArray[np.bool_]:
        """Which pieces are no wider than a bullet."""
        found: NDArray[np.bool_] = self.right - self.left <= _BULLET * self.size
        return found

    @cached_property
    def slack(self) -> NDArray[np.float32]:
        """How far a piece may jut out of its column."""
        slack: NDArray[np.float32] = np.minimum(0.12 * (self.right - self.left), 2 * self.size)
        return np.maximum(slack, 0, out=slack)
