"""Stands for a library that the plugin needs: reads pages of one font, 16 x 32 pixels a letter, by comparing cells."""

import io
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

_TOP, _WIDTH, _HEIGHT, _MARGIN = 3, 16, 32, 2


class Reader:
    """Knows the letters of the folder `specimen`: files named by a letter's code, the letter in their second cell."""

    def __init__(self, specimen: str, unknown: str) -> None:
        self._unknown = unknown
        self._letters = {}
        for path in Path(specimen).glob("*.png"):
            row = next(self._rows(path.read_bytes()))
            self._letters[row[1]] = chr(int(path.stem))
            self._letters[row[3]] = " "

    def read(self, picture: bytes, *, min_letters: int = 0) -> Iterator[str]:
        """The letters of `picture`, one by one; blanks up to `min_letters`, a millisecond each."""
        rows = ["".join(self._letters.get(cell, self._unknown) for cell in row).rstrip() for row in self._rows(picture)]
        text = "\n".join(rows).rstrip("\n")
        yield from text
        for _ in range(min_letters - len(text)):
            time.sleep(0.001)
            yield " "

    @staticmethod
    def _rows(picture: bytes) -> Iterator[list[bytes]]:
        with Image.open(io.BytesIO(picture)) as image:
            grey = image.convert("L")
        for top in range(_TOP, grey.height - _HEIGHT + 1, _HEIGHT):
            lefts = range(_TOP, grey.width - _WIDTH + 1, _WIDTH)
            boxes = [(x + _MARGIN, top, x + _WIDTH - _MARGIN, top + _HEIGHT) for x in lefts]
            yield [grey.crop(box).tobytes() for box in boxes]
